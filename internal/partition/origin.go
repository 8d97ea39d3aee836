package partition

import (
	"strings"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// origin is on whose behalf a record is applied, as far as fairness goes. Records of one origin keep their order.
type origin struct {
	kind   originKind
	tenant string
	id     string
}

type originKind byte

const (
	anything originKind = iota // whatever has no other origin: all of a tenant's is one
	family                     // a WfRun with all that it is the root of
	starts                     // of the WfRuns of one WfSpec, which have nothing to lose their order to yet
	worker                     // heartbeats of one worker
	schedule
	correlation
)

// ofRun is what the commands have in common that are for one WfRun.
type ofRun interface{ GetWfRunId() *lhpb.WfRunId }

// originOf tells by the command. Who is not named here waits in one line with all others of the tenant.
func originOf(r *pb.Record) origin {
	o := origin{tenant: r.GetHeader().GetTenant()}
	switch c := r.GetCommand().(type) {
	case *pb.Record_ReportTask:
		return o.run(c.ReportTask.GetReport().GetTaskRunId())
	case *pb.Record_ClaimTask:
		return o.run(c.ClaimTask.GetTaskRunId())
	case *pb.Record_PutCheckpoint:
		return o.run(c.PutCheckpoint.GetTaskRunId())
	case *pb.Record_PutExternalEvent:
		return o.run(c.PutExternalEvent)
	case *pb.Record_StopWfRun:
		return o.run(c.StopWfRun)
	case *pb.Record_ResumeWfRun:
		return o.run(c.ResumeWfRun)
	case *pb.Record_RescueThreadRun:
		return o.run(c.RescueThreadRun)
	case *pb.Record_ApplyWorkflowMigrationPlan:
		return o.run(c.ApplyWorkflowMigrationPlan)
	case *pb.Record_DeleteWfRun:
		return o.of(family, lh.RootWfRunID(c.DeleteWfRun.GetId()))
	case *pb.Record_AssignUserTaskRun:
		return o.run(c.AssignUserTaskRun.GetUserTaskRunId())
	case *pb.Record_SaveUserTaskRunProgress:
		return o.run(c.SaveUserTaskRunProgress.GetUserTaskRunId())
	case *pb.Record_CompleteUserTaskRun:
		return o.run(c.CompleteUserTaskRun.GetUserTaskRunId())
	case *pb.Record_CancelUserTaskRun:
		return o.run(c.CancelUserTaskRun.GetUserTaskRunId())
	case *pb.Record_PutUserTaskRunComment:
		return o.run(c.PutUserTaskRunComment.GetUserTaskRunId())
	case *pb.Record_EditUserTaskRunComment:
		return o.run(c.EditUserTaskRunComment.GetUserTaskRunId())
	case *pb.Record_DeleteUserTaskRunComment:
		return o.run(c.DeleteUserTaskRunComment.GetUserTaskRunId())
	case *pb.Record_RunWf:
		if c.RunWf.GetRequest().GetParentWfRunId() != nil {
			return o.of(family, lh.RootWfRunID(c.RunWf.GetRequest().GetParentWfRunId()))
		}
		return o.of(starts, c.RunWf.GetWfSpecId().GetName())
	case *pb.Record_RegisterTaskWorker:
		return o.of(worker, c.RegisterTaskWorker.GetRequest().GetTaskWorkerId())
	case *pb.Record_ScheduleWf:
		return o.of(schedule, c.ScheduleWf.GetRequest().GetId())
	case *pb.Record_DeleteScheduledWfRun:
		return o.of(schedule, c.DeleteScheduledWfRun.GetId().GetId())
	case *pb.Record_PutCorrelatedEvent:
		return o.of(correlation, c.PutCorrelatedEvent.GetKey())
	case *pb.Record_DeleteCorrelatedEvent:
		return o.of(correlation, c.DeleteCorrelatedEvent.GetId().GetKey())
	case *pb.Record_Continue:
		return o.goesOn(c.Continue.GetKey())
	case *pb.Record_TimerFired:
		return o.timer(c.TimerFired.GetKey())
	default:
		return o
	}
}

func (o origin) of(kind originKind, id string) origin {
	o.kind, o.id = kind, id
	return o
}

func (o origin) run(of ofRun) origin { return o.of(family, lh.RootWfRunID(of.GetWfRunId())) }

// begun is the WfRun that a RunWf begins.
func begun(r *pb.Record) origin {
	o, req := origin{tenant: r.GetHeader().GetTenant()}, r.GetRunWf().GetRequest()
	if parent := req.GetParentWfRunId(); parent != nil {
		return o.of(family, lh.RootWfRunID(parent))
	}
	return o.of(family, req.GetId())
}

// timer is the WfRun that a timer is of, if it names one.
func (o origin) timer(k []byte) origin {
	t, err := keys.ParseTimer(keys.Key(k))
	if err != nil {
		return o
	}
	switch t.Kind {
	case keys.TimerTaskTimeout, keys.TimerTaskRetry, keys.TimerEventTimeout, keys.TimerSleep, keys.TimerRetention,
		keys.TimerEventExpiry, keys.TimerUserTask:
		return o.of(family, rootOf(t.ID))
	default:
		return o
	}
}

// goesOn is the WfRun whose work goes on, or the row that stands for what does.
func (o origin) goesOn(k []byte) origin {
	run, _, err := keys.ParseContinue(keys.Key(k))
	if err != nil {
		return o.of(family, string(k))
	}
	return o.of(family, rootOf(run.WfRun))
}

// rootOf is the root of the WfRun by whose name the text begins.
func rootOf(text string) string {
	if end := strings.IndexAny(text, "_/"); end >= 0 {
		return text[:end]
	}
	return text
}
