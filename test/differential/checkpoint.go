package main

import (
	"context"

	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// checkpoints is about workers that save what they have done, and try again.
func checkpoints(n names) historyPlan {
	p := historyPlan{kind: "checkpoints", calm: true, run: runPlain}
	rng := n.rng(2)
	task := func(kind string, retries int32, in ...*lhpb.VariableAssignment) *lhpb.Node {
		node := &lhpb.Node{Node: &lhpb.Node_Task{Task: &lhpb.TaskNode{
			TaskToExecute: &lhpb.TaskNode_TaskDefId{TaskDefId: &lhpb.TaskDefId{Name: n.task(kind)}}, TimeoutSeconds: 3600, Retries: retries, Variables: in,
		}}}
		node.FailureHandlers = []*lhpb.FailureHandlerDef{{HandlerSpecName: "cope"}}
		return node
	}
	g := &generator{rng: rng, names: n, threads: map[string]*lhpb.ThreadSpec{}}
	b := g.begin("main")
	b.vars = g.variables()
	for range 2 + rng.IntN(2) {
		name := oneOf(rng, "TASK", "TASK~TASK_FAILURE~plain")
		g.add(b, name, oneOf(rng, task("text", int32(rng.IntN(3)), variable("s"), variable("i")), task("object", int32(rng.IntN(3)), variable("j"))))
	}
	g.add(b, "EXIT", exitNode(nil))
	g.threads["main"] = &lhpb.ThreadSpec{Nodes: b.nodes, VariableDefs: b.vars}
	g.threads["cope"] = straight(nil, nil, nop(), exitNode(nil))
	p.definitions = []definition{{method: "PutWfSpec", request: spec(n.spec(), g.threads)}}
	p.more = func(r *recorder, add func(int, action)) {
		for _, run := range r.now.Runs {
			for _, t := range run.Tasks {
				add(3, func(ctx context.Context) error { return r.checkpoint(ctx, t) })
				if t.TotalCheckpoints > 0 {
					add(6, func(ctx context.Context) error {
						return r.act(ctx, "GetCheckpoint", &lhpb.CheckpointId{TaskRun: t.Id, CheckpointNumber: int32(r.rng.IntN(int(t.TotalCheckpoints) + 1))})
					})
				}
			}
		}
	}
	return p
}

// checkpoint saves something for the last attempt, or for one that is over or never was.
func (r *recorder) checkpoint(ctx context.Context, t *lhpb.TaskRun) error {
	req := &lhpb.PutCheckpointRequest{TaskRunId: t.Id, TaskAttempt: int32(len(t.Attempts) - 1), Value: anyValue(r.rng)}
	if r.rng.IntN(2) == 0 {
		req.Logs = proto.String("so far")
	}
	switch r.rng.IntN(8) {
	case 0, 3:
		req.TaskAttempt += int32(r.rng.IntN(3) - 1)
	case 1:
		req.TaskRunId = &lhpb.TaskRunId{WfRunId: t.Id.WfRunId, TaskGuid: "nobody"}
	case 2:
		req.Value = object(`{ "k": 1.0, "l":[1] }`)
	}
	return r.act(ctx, "PutCheckpoint", req)
}
