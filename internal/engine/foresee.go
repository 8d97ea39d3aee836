package engine

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

var _ machine.Foreseer = (*Engine)(nil)

// Foresee implements machine.Foreseer. It knows what most timers need: whatever waited for one was long left alone, and
// often many are due at once.
func (e *Engine) Foresee(v machine.View, r *pb.Record) {
	fired := r.GetTimerFired()
	if fired == nil {
		return
	}
	timer := machine.Get[pb.Timer](v, keys.Key(fired.Key))
	in := keys.In(r.GetHeader().GetTenant())
	switch what := timer.GetWhat().(type) {
	case *pb.Timer_SleepMatured:
		foreseeNodeRun(v, in, what.SleepMatured)
	case *pb.Timer_ExternalEventTimeout:
		foreseeNodeRun(v, in, what.ExternalEventTimeout)
	case *pb.Timer_UserTaskAction_:
		foreseeNodeRun(v, in, what.UserTaskAction.GetNodeRunId())
	case *pb.Timer_TaskTimeout_:
		foreseeTaskRun(v, in, what.TaskTimeout.GetTaskRunId())
	case *pb.Timer_TaskRetry_:
		foreseeTaskRun(v, in, what.TaskRetry.GetTaskRunId())
	case *pb.Timer_DeleteWfRun:
		get[pb.WfRunRow](v, in.Run(what.DeleteWfRun).WfRun())
	}
}

// foreseeNodeRun is for what goes on at a NodeRun.
func foreseeNodeRun(v machine.View, in keys.Tenant, id *lhpb.NodeRunId) {
	run := in.Run(id.GetWfRunId())
	get[pb.WfRunRow](v, run.WfRun())
	get[lhpb.ThreadRun](v, run.ThreadRun(id.GetThreadRunNumber()))
	get[lhpb.NodeRun](v, run.NodeRun(id.GetThreadRunNumber(), id.GetPosition()))
}

// foreseeTaskRun is for what goes on with a TaskRun.
func foreseeTaskRun(v machine.View, in keys.Tenant, id *lhpb.TaskRunId) {
	task := get[lhpb.TaskRun](v, in.Run(id.GetWfRunId()).TaskRun(id.GetTaskGuid()))
	if node := task.GetSource().GetTaskNode(); node != nil {
		foreseeNodeRun(v, in, node.NodeRunId)
	}
}
