package main

import (
	"context"

	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// forms is about user tasks whose UserTaskDef gets a new version while they wait.
func forms(n names) historyPlan {
	p := historyPlan{kind: "forms", calm: true, run: runPlain}
	rng := n.rng(2)
	form := func() *lhpb.PutUserTaskDefRequest {
		req := &lhpb.PutUserTaskDefRequest{Name: n.numbered("sheet")}
		for _, name := range []string{"a", "b", "c"} {
			if rng.IntN(3) > 0 {
				req.Fields = append(req.Fields, &lhpb.UserTaskField{
					Name: name, Type: oneOf(rng, lhpb.VariableType_STR, lhpb.VariableType_INT, lhpb.VariableType_DOUBLE, lhpb.VariableType_BOOL), Required: rng.IntN(3) == 0,
				})
			}
		}
		return req
	}
	node := func() *lhpb.Node {
		u := &lhpb.UserTaskNode{UserTaskDefName: n.numbered("sheet"), UserId: literal(str(users[0]))}
		if rng.IntN(3) == 0 {
			u.UserTaskDefVersion = proto.Int32(int32(rng.IntN(2)))
		}
		return &lhpb.Node{Node: &lhpb.Node_UserTask{UserTask: u}}
	}
	vars := []*lhpb.ThreadVarDef{
		variableDef("i", lhpb.VariableType_INT, integer(1)), variableDef("s", lhpb.VariableType_STR, str("")), variableDef("j", lhpb.VariableType_JSON_OBJ, nil),
	}
	entered := func() []*lhpb.VariableMutation {
		return []*lhpb.VariableMutation{
			assign("j", lhpb.VariableMutationType_ASSIGN, output("1-user_task")),
			assign(oneOf(rng, "i", "s"), lhpb.VariableMutationType_ASSIGN, path(output("1-user_task"), oneOf(rng, "$.a", "$.b", "$.c"))),
		}
	}
	put := func(req *lhpb.PutUserTaskDefRequest) {
		p.definitions = append(p.definitions, definition{method: "PutUserTaskDef", request: req, invalid: true, pause: metadataPause})
	}
	put(form())
	if rng.IntN(2) == 0 {
		put(form())
	}
	p.definitions = append(p.definitions, definition{method: "PutWfSpec", invalid: true, pause: metadataPause, request: spec(n.spec(), map[string]*lhpb.ThreadSpec{
		"main": straight(vars, map[int][]*lhpb.VariableMutation{1: entered()}, node(), node(), exitNode(nil)),
	})})
	put(form())
	p.more = func(r *recorder, add func(int, action)) {
		for _, run := range r.now.Runs {
			for _, u := range run.UserTasks {
				if u.Status == lhpb.UserTaskRunStatus_ASSIGNED || u.Status == lhpb.UserTaskRunStatus_UNASSIGNED {
					add(12, func(ctx context.Context) error { return r.fillIn(ctx, u) })
				}
			}
		}
	}
	return p
}

// fillIn enters values into a form, of which some may not belong there.
func (r *recorder) fillIn(ctx context.Context, u *lhpb.UserTaskRun) error {
	results := map[string]*lhpb.VariableValue{}
	for _, name := range []string{"a", "b", "c", "d"} {
		if r.rng.IntN(4) > 0 && name != "d" || r.rng.IntN(16) == 0 {
			results[name] = anyValue(r.rng)
		}
	}
	if r.rng.IntN(3) == 0 {
		return r.act(ctx, "SaveUserTaskRunProgress", &lhpb.SaveUserTaskRunProgressRequest{UserTaskRunId: u.Id, UserId: users[0], Results: results})
	}
	return r.act(ctx, "CompleteUserTaskRun", &lhpb.CompleteUserTaskRunRequest{UserTaskRunId: u.Id, UserId: users[0], Results: results})
}
