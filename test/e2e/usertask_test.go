package e2e

import (
	"testing"

	"google.golang.org/grpc/codes"

	"littlehorse/lhpb"
)

func literalOf(v *lhpb.VariableValue) *lhpb.VariableAssignment {
	return &lhpb.VariableAssignment{Source: &lhpb.VariableAssignment_LiteralValue{LiteralValue: v}}
}

// formFlow registers a WfSpec that asks Ana, reminds her at once, and ends.
func (c *client) formFlow(name string) {
	c.t.Helper()
	c.taskDef("remind")
	must(c.PutUserTaskDef(c.ctx, &lhpb.PutUserTaskDefRequest{Name: "approve", Fields: []*lhpb.UserTaskField{
		{Name: "approved", Type: lhpb.VariableType_BOOL, Required: true},
	}}))(c)
	reminder := &lhpb.UTActionTrigger{
		DelaySeconds: literalOf(&lhpb.VariableValue{Value: &lhpb.VariableValue_Int{Int: 0}}),
		Action: &lhpb.UTActionTrigger_Task{Task: &lhpb.UTActionTrigger_UTATask{Task: &lhpb.TaskNode{
			TaskToExecute: &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: "remind"}},
			Variables:     []*lhpb.VariableAssignment{literalOf(str("Ana"))},
		}}},
	}
	must(c.PutWfSpec(c.ctx, &lhpb.PutWfSpecRequest{Name: name, EntrypointThreadName: "e", ThreadSpecs: map[string]*lhpb.ThreadSpec{"e": {Nodes: map[string]*lhpb.Node{
		"0": {OutgoingEdges: edge("1"), Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}},
		"1": {OutgoingEdges: edge("2"), Node: &lhpb.Node_UserTask{UserTask: &lhpb.UserTaskNode{
			UserTaskDefName: "approve", UserId: literalOf(str("ana")), UserGroup: literalOf(str("finance")), Actions: []*lhpb.UTActionTrigger{reminder},
		}}},
		"2": {Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}},
	}}}}))(c)
}

// A person is asked, reminded, relieved by another and answers; all of it over the wire.
//
// covers: user-tasks §6; tasks §4.7
func TestUserTasksFlow(t *testing.T) {
	c := inProcess(t)
	c.formFlow("expense")
	reminded := make(chan *lhpb.ScheduledTask, 1)
	c.worker("remind", func(task *lhpb.ScheduledTask) *lhpb.VariableValue {
		reminded <- task
		return str("sent")
	})
	name, wfRun := "expense", "x1"
	must(c.RunWf(c.ctx, &lhpb.RunWfRequest{WfSpecName: name, Id: &wfRun}))(c)
	task := <-reminded
	if by := task.Source.GetUserTaskTrigger(); task.TaskRunId.TaskGuid != "ut-0-1-1" || by.GetUserId() != "ana" || by.GetUserGroup() != "finance" || by.UserTaskEventNumber != 1 {
		t.Errorf("the reminder is %v", task)
	}
	id := &lhpb.UserTaskRunId{WfRunId: &lhpb.WfRunId{Id: wfRun}, UserTaskGuid: "0-1"}
	bo, nobody := "bo", " "
	_, err := c.AssignUserTaskRun(c.ctx, &lhpb.AssignUserTaskRunRequest{UserTaskRunId: id, UserId: &nobody})
	c.refused(err, codes.InvalidArgument, "UserId can't be empty")
	_, err = c.AssignUserTaskRun(c.ctx, &lhpb.AssignUserTaskRunRequest{UserTaskRunId: id, UserId: &bo})
	c.refused(err, codes.FailedPrecondition, "already assigned to ana")
	must(c.AssignUserTaskRun(c.ctx, &lhpb.AssignUserTaskRunRequest{UserTaskRunId: id, UserId: &bo, OverrideClaim: true}))(c)
	commented := must(c.PutUserTaskRunComment(c.ctx, &lhpb.PutUserTaskRunCommentRequest{UserTaskRunId: id, UserId: "ana", Comment: "thanks"}))(c)
	if n := commented.Events[len(commented.Events)-1].GetCommentAdded().GetUserCommentId(); n != 1 {
		t.Errorf("the first comment has number %d", n)
	}
	must(c.EditUserTaskRunComment(c.ctx, &lhpb.EditUserTaskRunCommentRequest{UserTaskRunId: id, UserCommentId: 1, UserId: "ana", Comment: "thank you"}))(c)
	must(c.DeleteUserTaskRunComment(c.ctx, &lhpb.DeleteUserTaskRunCommentRequest{UserTaskRunId: id, UserCommentId: 1, UserId: "ana"}))(c)
	find := func(what string, req *lhpb.SearchUserTaskRunRequest, want ...string) {
		t.Helper()
		c.want(what, names(must(c.SearchUserTaskRun(c.ctx, req))(c).Results, func(id *lhpb.UserTaskRunId) string { return runName(id.WfRunId) + "/" + id.UserTaskGuid }), want...)
	}
	find("of the new user", &lhpb.SearchUserTaskRunRequest{UserId: &bo}, "x1/0-1")
	find("of the old user", &lhpb.SearchUserTaskRunRequest{UserId: ptr("ana")})
	find("assigned", &lhpb.SearchUserTaskRunRequest{Status: lhpb.UserTaskRunStatus_ASSIGNED.Enum()}, "x1/0-1")
	answer := func(v *lhpb.VariableValue) map[string]*lhpb.VariableValue {
		return map[string]*lhpb.VariableValue{"approved": v}
	}
	saved := must(c.SaveUserTaskRunProgress(c.ctx, &lhpb.SaveUserTaskRunProgressRequest{UserTaskRunId: id, UserId: bo, Results: answer(str("maybe"))}))(c)
	if saved.Results["approved"].GetStr() != "maybe" {
		t.Errorf("saved %v", saved.Results)
	}
	yes := &lhpb.VariableValue{Value: &lhpb.VariableValue_Bool{Bool: true}}
	_, err = c.CompleteUserTaskRun(c.ctx, &lhpb.CompleteUserTaskRunRequest{UserTaskRunId: id, UserId: bo, Results: answer(str("yes"))})
	c.refused(err, codes.InvalidArgument, "different type")
	for range 2 { // a client that does not know whether it got through tries again
		must(c.CompleteUserTaskRun(c.ctx, &lhpb.CompleteUserTaskRunRequest{UserTaskRunId: id, UserId: bo, Results: answer(yes)}))(c)
	}
	if w := c.ends(wfRun); w.Status != lhpb.LHStatus_COMPLETED || w.EndTime == nil {
		t.Errorf("%v", w)
	}
	must(c.CancelUserTaskRun(c.ctx, &lhpb.CancelUserTaskRunRequest{UserTaskRunId: id}))(c)
	listed := must(c.ListUserTaskRuns(c.ctx, &lhpb.ListUserTaskRunRequest{WfRunId: id.WfRunId}))(c).Results
	if len(listed) != 1 || listed[0].Status != lhpb.UserTaskRunStatus_DONE || !listed[0].Results["approved"].GetBool() {
		t.Errorf("listed %v", listed)
	}
	find("done", &lhpb.SearchUserTaskRunRequest{UserId: &bo, UserTaskDefName: ptr("approve"), Status: lhpb.UserTaskRunStatus_DONE.Enum()}, "x1/0-1")
}
