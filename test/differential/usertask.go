package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

var users = []string{"anakin", "yoda"}

// timerMark is in the names of user-task nodes with actions, whose timers no state shows.
const timerMark = "timer"

func (g *generator) focusUserTask(b *body, c cell, arrives bool) *lhpb.Node {
	u := &lhpb.UserTaskNode{UserTaskDefName: g.names.userTask(), UserId: literal(str(users[0]))}
	switch {
	case c.outcome == "EXCEPTION":
		u.OnCancellationExceptionName = literal(str(exceptions[g.rng.IntN(2)]))
	case c.outcome == "VAR_ERROR":
		u.UserId = pick(g,
			func() *lhpb.VariableAssignment { return path(variable("j"), "$.missing") },
			func() *lhpb.VariableAssignment { return variable("empty") },
		)
	case c.outcome == "TASK_ERROR":
		gone := g.names.numbered(g.fresh("goneform"))
		g.before = append(g.before, definition{method: "PutUserTaskDef", request: &lhpb.PutUserTaskDefRequest{Name: gone}})
		g.after = append(g.after, definition{method: "DeleteUserTaskDef", request: &lhpb.DeleteUserTaskDefRequest{Id: &lhpb.UserTaskDefId{Name: gone}}, pause: metadataPause})
		u.UserTaskDefName = gone
	case arrives && c.outcome == "VAR_SUB_ERROR":
		u.UserId = failing()
	default:
		g.assignment(u)
	}
	return &lhpb.Node{Node: &lhpb.Node_UserTask{UserTask: u}}
}

func (g *generator) assignment(u *lhpb.UserTaskNode) {
	switch g.rng.IntN(3) {
	case 0:
		u.UserId, u.UserGroup = nil, literal(str("jedi"))
	case 1:
		u.UserGroup = literal(str("jedi"))
	}
	if g.rng.IntN(2) == 0 {
		u.Notes = format("do {0}", variable("s"))
	}
}

// userTaskNode is a user task as workflows have them, now and then with actions that a timer starts.
func (g *generator) userTaskNode(b *body) {
	u := &lhpb.UserTaskNode{UserTaskDefName: g.names.userTask(), UserId: literal(str(users[0]))}
	g.assignment(u)
	if g.rng.IntN(4) == 0 {
		u.OnCancellationExceptionName = literal(str(exceptions[0]))
	}
	kind := "USER_TASK"
	if g.rng.IntN(3) == 0 {
		kind += "-" + timerMark
		// Equal timers may fire in any order.
		for i := range 1 + g.rng.IntN(2) {
			u.Actions = append(u.Actions, g.userTaskAction(int64(i+1)))
		}
	}
	name := g.add(b, kind, g.handled(b, &lhpb.Node{Node: &lhpb.Node_UserTask{UserTask: u}}))
	b.outputs[lhpb.VariableType_JSON_OBJ] = append(b.outputs[lhpb.VariableType_JSON_OBJ], name)
}

func (g *generator) userTaskAction(delay int64) *lhpb.UTActionTrigger {
	a := &lhpb.UTActionTrigger{DelaySeconds: literal(integer(delay)), Hook: lhpb.UTActionTrigger_UTHook(g.rng.IntN(2))}
	switch g.rng.IntN(4) {
	case 0, 1:
		a.Action = &lhpb.UTActionTrigger_Task{Task: &lhpb.UTActionTrigger_UTATask{Task: g.taskNode(nil, 3600).GetTask()}}
		a.GetTask().Task.Variables = []*lhpb.VariableAssignment{variable("i")}
	case 2:
		a.Action = &lhpb.UTActionTrigger_Cancel{Cancel: &lhpb.UTActionTrigger_UTACancel{}}
	case 3:
		a.Action = &lhpb.UTActionTrigger_Reassign{Reassign: &lhpb.UTActionTrigger_UTAReassign{UserGroup: literal(str("sith"))}}
		a.Hook = lhpb.UTActionTrigger_ON_TASK_ASSIGNED
	}
	return a
}

// arm notes that actions of a user task have been scheduled, so that settle waits for them.
func (r *recorder) arm(s *state) {
	for _, run := range s.Runs {
		for _, u := range run.UserTasks {
			i := slices.IndexFunc(run.Nodes, func(n *lhpb.NodeRun) bool { return proto.Equal(n.Id, u.NodeRunId) })
			if i < 0 || !strings.Contains(run.Nodes[i].NodeName, timerMark) || r.armed[u.Id.UserTaskGuid] >= int(u.Epoch) {
				continue
			}
			r.armed[u.Id.UserTaskGuid] = int(u.Epoch)
			r.hidden = time.Now().Add(3200 * time.Millisecond)
		}
	}
}

// userTask does something to a user task: what its node's name wants, or what people do.
func (r *recorder) userTask(ctx context.Context, run *run, n *lhpb.NodeRun) error {
	id := n.GetUserTask().UserTaskRunId
	i := slices.IndexFunc(run.UserTasks, func(u *lhpb.UserTaskRun) bool { return proto.Equal(u.Id, id) })
	if i < 0 {
		return nil
	}
	u := run.UserTasks[i]
	if r.rng.IntN(2) == 0 {
		return r.aside(ctx, u)
	}
	switch wish(n.NodeName).outcome {
	case "USER_TASK_CANCELLED", "EXCEPTION":
		return r.act(ctx, "CancelUserTaskRun", &lhpb.CancelUserTaskRunRequest{UserTaskRunId: id})
	case "":
		if r.rng.IntN(5) == 0 {
			return r.act(ctx, "CancelUserTaskRun", &lhpb.CancelUserTaskRunRequest{UserTaskRunId: id})
		}
	}
	user := u.GetUserId()
	if user == "" || r.rng.IntN(4) == 0 {
		user = users[r.rng.IntN(2)]
	}
	req := &lhpb.CompleteUserTaskRunRequest{UserTaskRunId: id, UserId: user, Results: map[string]*lhpb.VariableValue{"t": str("done")}}
	switch r.rng.IntN(8) {
	case 0:
		delete(req.Results, "t")
	case 1:
		req.Results["n"] = str("no number")
	case 2, 3:
		req.Results["n"] = integer(4)
	case 4:
		req.Results["unknown"] = integer(4)
	}
	return r.act(ctx, "CompleteUserTaskRun", req)
}

// aside does what leaves a user task open.
func (r *recorder) aside(ctx context.Context, u *lhpb.UserTaskRun) error {
	user := users[r.rng.IntN(2)]
	comment := func() int32 { return int32(r.rng.IntN(3)) }
	switch r.rng.IntN(6) {
	case 0, 1:
		req := &lhpb.AssignUserTaskRunRequest{UserTaskRunId: u.Id, OverrideClaim: r.rng.IntN(2) == 0}
		switch r.rng.IntN(4) {
		case 0:
			req.UserId = &user
		case 1:
			req.UserGroup = proto.String("jedi")
		case 2:
			req.UserId, req.UserGroup = &user, proto.String("sith")
		case 3:
			req.UserId = proto.String(" ")
		}
		return r.act(ctx, "AssignUserTaskRun", req)
	case 2:
		return r.act(ctx, "SaveUserTaskRunProgress", &lhpb.SaveUserTaskRunProgressRequest{
			UserTaskRunId: u.Id, UserId: user, Results: map[string]*lhpb.VariableValue{"t": str(fmt.Sprintf("draft %d", r.rng.IntN(9)))},
			Policy: lhpb.SaveUserTaskRunProgressRequest_SaveUserTaskRunAssignmentPolicy(r.rng.IntN(2)),
		})
	case 3:
		return r.act(ctx, "PutUserTaskRunComment", &lhpb.PutUserTaskRunCommentRequest{UserTaskRunId: u.Id, UserId: user, Comment: []string{"well", ""}[r.rng.IntN(4)/3]})
	case 4:
		return r.act(ctx, "EditUserTaskRunComment", &lhpb.EditUserTaskRunCommentRequest{UserTaskRunId: u.Id, UserId: user, Comment: "better", UserCommentId: comment()})
	default:
		return r.act(ctx, "DeleteUserTaskRunComment", &lhpb.DeleteUserTaskRunCommentRequest{UserTaskRunId: u.Id, UserId: user, UserCommentId: comment()})
	}
}
