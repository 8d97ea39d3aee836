package engine

import (
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// apply carries out the record's command.
func (t *txn) apply(r *pb.Record) machine.Reply {
	switch c := r.GetCommand().(type) {
	case *pb.Record_RunWf:
		return t.runWf(c.RunWf)
	case *pb.Record_StopWfRun:
		return t.stopWfRun(c.StopWfRun)
	case *pb.Record_ResumeWfRun:
		return t.resumeWfRun(c.ResumeWfRun)
	case *pb.Record_RescueThreadRun:
		return t.rescueThreadRun(c.RescueThreadRun)
	case *pb.Record_DeleteWfRun:
		return t.deleteWfRun(c.DeleteWfRun)
	case *pb.Record_ClaimTask:
		return t.claimTask(c.ClaimTask)
	case *pb.Record_ReportTask:
		return t.reportTask(c.ReportTask)
	case *pb.Record_PutCheckpoint:
		return t.putCheckpoint(c.PutCheckpoint)
	case *pb.Record_RegisterTaskWorker:
		return t.registerTaskWorker(c.RegisterTaskWorker)
	case *pb.Record_DeleteTaskDef:
		return t.forgetTaskWorkers(c.DeleteTaskDef.GetId())
	case *pb.Record_PutExternalEvent:
		return t.putExternalEvent(c.PutExternalEvent)
	case *pb.Record_ScheduleWf:
		return t.scheduleWf(c.ScheduleWf)
	case *pb.Record_DeleteScheduledWfRun:
		return t.deleteScheduledWfRun(c.DeleteScheduledWfRun)
	case *pb.Record_AssignUserTaskRun:
		return t.assignUserTaskRun(c.AssignUserTaskRun)
	case *pb.Record_SaveUserTaskRunProgress:
		return t.saveUserTaskRunProgress(c.SaveUserTaskRunProgress)
	case *pb.Record_CompleteUserTaskRun:
		return t.completeUserTaskRun(c.CompleteUserTaskRun)
	case *pb.Record_CancelUserTaskRun:
		return t.cancelUserTaskRun(c.CancelUserTaskRun)
	case *pb.Record_PutUserTaskRunComment:
		return t.putUserTaskRunComment(c.PutUserTaskRunComment)
	case *pb.Record_EditUserTaskRunComment:
		return t.editUserTaskRunComment(c.EditUserTaskRunComment)
	case *pb.Record_DeleteUserTaskRunComment:
		return t.deleteUserTaskRunComment(c.DeleteUserTaskRunComment)
	case *pb.Record_PutCorrelatedEvent:
		return t.putCorrelatedEvent(c.PutCorrelatedEvent)
	case *pb.Record_DeleteCorrelatedEvent:
		return t.deleteCorrelatedEvent(c.DeleteCorrelatedEvent)
	case *pb.Record_Correlate:
		return t.correlate(c.Correlate)
	case *pb.Record_Uncorrelate:
		return t.uncorrelate(c.Uncorrelate)
	case *pb.Record_ApplyWorkflowMigrationPlan:
		return t.applyWorkflowMigrationPlan(c.ApplyWorkflowMigrationPlan)
	case *pb.Record_BulkDelete:
		return t.bulkDelete(c.BulkDelete)
	case *pb.Record_BulkAct:
		return t.bulkAct(c.BulkAct)
	case *pb.Record_BulkMatch:
		return t.bulkMatch(c.BulkMatch)
	case *pb.Record_EndBulkAct:
		return t.endBulkAct(c.EndBulkAct)
	case *pb.Record_TimerFired:
		return t.timerFired(c.TimerFired)
	case *pb.Record_Continue:
		return t.goOn(c.Continue)
	default:
		return refuse(lh.Errorf(lh.Unimplemented, "This server does not know the command of the record."))
	}
}

func refuse(err *lh.Error) machine.Reply { return machine.Reply{Err: err} }

func refusef(code lh.Code, format string, args ...any) machine.Reply {
	return refuse(lh.Errorf(code, format, args...))
}

func answer(m proto.Message) machine.Reply { return machine.Reply{Value: m} }

// done is the reply of commands that answer nothing.
var done machine.Reply
