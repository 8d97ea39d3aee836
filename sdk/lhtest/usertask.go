package lhtest

import (
	"context"
	"testing"

	"littlehorse/lhpb"
)

// UserTask is a UserTaskRun of the test.
type UserTask struct {
	run *Run
	id  *lhpb.UserTaskRunId
}

// UserTask is the newest UserTaskRun of that UserTaskDef in the WfRun.
func (r *Run) UserTask(def string) *UserTask {
	r.s.t.Helper()
	var newest *lhpb.UserTaskRun
	if !r.s.holds(func() bool { newest = r.newestUserTask(def); return newest != nil }) {
		r.s.t.Fatalf("lhtest: WfRun %s has no user task %s\n%s", r.ID, def, r.Dump())
	}
	return &UserTask{run: r, id: newest.Id}
}

func (r *Run) newestUserTask(def string) (newest *lhpb.UserTaskRun) {
	r.s.t.Helper()
	all := everything(r.s, "UserTaskRuns", func(ctx context.Context, api lhpb.LittleHorseClient, bookmark []byte) (*lhpb.UserTaskRunList, error) {
		return api.ListUserTaskRuns(ctx, &lhpb.ListUserTaskRunRequest{WfRunId: r.ID.Proto(), Bookmark: bookmark, Limit: new(pageSize)})
	})
	for _, u := range all {
		if u.UserTaskDefId.GetName() == def && (newest == nil || u.ScheduledTime.AsTime().After(newest.ScheduledTime.AsTime())) {
			newest = u
		}
	}
	return newest
}

// UserTaskRun is its present state.
func (u *UserTask) UserTaskRun() *lhpb.UserTaskRun {
	s := u.run.s
	s.t.Helper()
	s.Settle()
	var now *lhpb.UserTaskRun
	s.call("UserTaskRun", func(ctx context.Context, api lhpb.LittleHorseClient) (err error) {
		now, err = api.GetUserTaskRun(ctx, u.id)
		return err
	})
	return now
}

// AssignedTo asserts who has the user task; "" is nobody.
func (u *UserTask) AssignedTo(t testing.TB, user, group string) {
	t.Helper()
	var now *lhpb.UserTaskRun
	assigned := u.run.s.holds(func() bool {
		now = u.UserTaskRun()
		return now.GetUserId() == user && now.GetUserGroup() == group
	})
	if !assigned {
		t.Errorf("lhtest: the user task is with user %q and group %q, not with %q and %q\n%s",
			now.GetUserId(), now.GetUserGroup(), user, group, u.run.Dump())
	}
}

// Complete fills in the form as that user. The results are a struct or a map, by the names of the fields.
func (u *UserTask) Complete(user string, results any) {
	s := u.run.s
	s.t.Helper()
	s.call("complete a user task", func(ctx context.Context, _ lhpb.LittleHorseClient) error {
		return s.client.CompleteUserTask(ctx, u.id, user, results)
	})
}

// Assign gives the user task to somebody; "" is nobody.
func (u *UserTask) Assign(user, group string) {
	s := u.run.s
	s.t.Helper()
	s.call("assign a user task", func(ctx context.Context, _ lhpb.LittleHorseClient) error {
		return s.client.AssignUserTask(ctx, u.id, user, group)
	})
}

// Cancel cancels the user task.
func (u *UserTask) Cancel() {
	s := u.run.s
	s.t.Helper()
	s.call("cancel a user task", func(ctx context.Context, _ lhpb.LittleHorseClient) error {
		return s.client.CancelUserTask(ctx, u.id)
	})
}
