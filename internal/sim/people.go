package sim

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

const formDef = "form"

// filledIn is an acknowledged completion, and when it was asked for.
type filledIn struct {
	id   *lhpb.UserTaskRunId
	atMs int64
}

// openForm is a UserTaskRun that waits for somebody.
type openForm struct {
	id      *lhpb.UserTaskRunId
	sinceMs int64
}

var people = [...]string{"ana", "bo", "cy"}

// openForms are the UserTaskRuns that wait for somebody, as a search finds them.
func (w *world) openForms() (open []openForm) {
	byDef := keys.In(tenant).Tag(keys.TagUserTaskRun).Text(formDef)
	for _, status := range []lhpb.UserTaskRunStatus{lhpb.UserTaskRunStatus_UNASSIGNED, lhpb.UserTaskRunStatus_ASSIGNED} {
		prefix := byDef.Int(int32(status)).Prefix()
		for _, s := range w.streams {
			if s.Kind == machine.Core {
				open = append(open, w.forms(s, prefix)...)
			}
		}
	}
	return open
}

func (w *world) forms(s machine.Stream, prefix keys.Key) (found []openForm) {
	err := w.server.host.Scan(s, prefix, prefix.End(), func(row keys.Key, _ []byte) bool {
		since, id, err := keys.ParseTagRow(prefix, row)
		if err != nil {
			w.violate("people", "index row %q cannot be read: %v", row, err)
		}
		found = append(found, openForm{&lhpb.UserTaskRunId{WfRunId: lh.ParseWfRunID(id.WfRun), UserTaskGuid: id.Guid}, since})
		return true
	})
	if err != nil {
		w.violate("people", "%v", err)
	}
	return found
}

// someForm is one that is open, or now and then one that may be anything or nothing.
func (w *world) someForm() (*lhpb.UserTaskRunId, bool) {
	if open := w.openForms(); len(open) > 0 && w.rng.IntN(6) > 0 {
		return open[w.rng.IntN(len(open))].id, true
	}
	run, ok := w.anyRun()
	return &lhpb.UserTaskRunId{
		WfRunId: &lhpb.WfRunId{Id: run}, UserTaskGuid: fmt.Sprintf("%d-%d", w.rng.IntN(2), 1+w.rng.IntN(3)),
	}, ok
}

// person does one random thing that somebody might do with a form.
func (w *world) person() {
	id, ok := w.someForm()
	if !ok {
		return
	}
	r := &pb.Record{}
	switch w.rng.IntN(9) {
	case 0, 1, 2:
		w.fillIn(id, func(machine.Reply) {})
		return
	case 3:
		r.Command = &pb.Record_CancelUserTaskRun{CancelUserTaskRun: &lhpb.CancelUserTaskRunRequest{UserTaskRunId: id}}
	case 4:
		r.Command = &pb.Record_SaveUserTaskRunProgress{SaveUserTaskRunProgress: &lhpb.SaveUserTaskRunProgressRequest{
			UserTaskRunId: id, UserId: w.somebody(), Results: answers(),
			Policy: lhpb.SaveUserTaskRunProgressRequest_SaveUserTaskRunAssignmentPolicy(w.rng.IntN(2)),
		}}
	case 5, 6:
		r.Command = &pb.Record_AssignUserTaskRun{AssignUserTaskRun: w.assignment(id)}
	default:
		w.comment(id, r)
	}
	w.submit(w.ofRun(id.WfRunId), r, func(machine.Reply) {})
}

func (w *world) somebody() string { return people[w.rng.IntN(len(people))] }

func (w *world) assignment(id *lhpb.UserTaskRunId) *lhpb.AssignUserTaskRunRequest {
	to := w.somebody()
	a := &lhpb.AssignUserTaskRunRequest{UserTaskRunId: id, OverrideClaim: w.rng.IntN(2) == 0}
	if w.rng.IntN(3) == 0 {
		a.UserGroup = &to
	} else {
		a.UserId = &to
	}
	return a
}

// comment says something, or changes or takes back what was said.
func (w *world) comment(id *lhpb.UserTaskRunId, r *pb.Record) {
	number := int32(w.rng.IntN(2))
	switch w.rng.IntN(4) {
	case 0:
		r.Command = &pb.Record_EditUserTaskRunComment{EditUserTaskRunComment: &lhpb.EditUserTaskRunCommentRequest{
			UserTaskRunId: id, UserCommentId: number, UserId: w.somebody(), Comment: "or not",
		}}
	case 1:
		r.Command = &pb.Record_DeleteUserTaskRunComment{DeleteUserTaskRunComment: &lhpb.DeleteUserTaskRunCommentRequest{
			UserTaskRunId: id, UserCommentId: number, UserId: w.somebody(),
		}}
	default:
		r.Command = &pb.Record_PutUserTaskRunComment{PutUserTaskRunComment: &lhpb.PutUserTaskRunCommentRequest{
			UserTaskRunId: id, UserId: w.somebody(), Comment: "soon",
		}}
	}
}

// fillIn completes a form. Acknowledged means that nobody has to do it any more.
func (w *world) fillIn(id *lhpb.UserTaskRunId, done func(machine.Reply)) {
	at := w.clock.Now().UnixMilli()
	w.submit(w.ofRun(id.WfRunId), &pb.Record{Command: &pb.Record_CompleteUserTaskRun{
		CompleteUserTaskRun: &lhpb.CompleteUserTaskRunRequest{UserTaskRunId: id, UserId: w.somebody(), Results: answers()},
	}}, func(r machine.Reply) {
		if r.Err == nil {
			w.filledIn = append(w.filledIn, filledIn{id, at})
		}
		done(r)
	})
}

func answers() map[string]*lhpb.VariableValue {
	return map[string]*lhpb.VariableValue{"answer": intValue(42)}
}

// fillInOne completes the first open form, which nobody else does anything to, unless its WfRun is being deleted.
func (w *world) fillInOne() bool {
	open := w.openForms()
	if len(open) == 0 {
		return false
	}
	first := open[0].id
	if slices.ContainsFunc(w.filledIn, func(f filledIn) bool { return proto.Equal(f.id, first) && open[0].sinceMs <= f.atMs }) {
		w.violate("people", "UserTaskRun %s of %s was completed and is still found among those that wait",
			first.UserTaskGuid, lh.WfRunIDString(first.WfRunId))
	}
	w.fillIn(first, func(r machine.Reply) {
		if r.Err != nil && !w.mayBeGone(lh.WfRunIDString(first.WfRunId)) {
			w.violate("people", "to complete UserTaskRun %s of %s was refused: %v",
				first.UserTaskGuid, lh.WfRunIDString(first.WfRunId), r.Err)
		}
	})
	return true
}

// judgeFilledIn wants the forms whose completion was acknowledged to have ended, as long as their WfRuns are there. They
// may have been cancelled before: to complete such a one is acknowledged too.
func (w *world) judgeFilledIn(s machine.Stream, m *machine.Mem) {
	for _, f := range w.filledIn {
		id, run := f.id, keys.In(tenant).Run(f.id.WfRunId)
		if w.ofRun(id.WfRunId) != s || m.Bytes(run.WfRun()) == nil || w.mayBeGone(lh.WfRunIDString(id.WfRunId)) {
			continue
		}
		u := machine.Get[lhpb.UserTaskRun](m, run.UserTaskRun(id.UserTaskGuid))
		if u.GetScheduledTime().AsTime().UnixMilli() > f.atMs {
			continue // of a WfRun that has the id of an earlier one
		}
		switch u.GetStatus() {
		case lhpb.UserTaskRunStatus_DONE, lhpb.UserTaskRunStatus_CANCELLED:
		case lhpb.UserTaskRunStatus_UNASSIGNED, lhpb.UserTaskRunStatus_ASSIGNED:
			w.violate("acknowledged", "UserTaskRun %s of %s was completed and is %v",
				id.UserTaskGuid, lh.WfRunIDString(id.WfRunId), u.GetStatus())
		}
	}
}
