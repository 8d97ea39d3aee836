package catalog

import (
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// Machine applies the records of the metadata stream. It has no state of its own.
type Machine struct{ config Config }

var _ machine.Machine = (*Machine)(nil)

// NewMachine returns the machine of the metadata stream. It panics if the Config is not valid.
func NewMachine(c Config) *Machine {
	if err := c.Validate(); err != nil {
		panic("catalog: " + err.Error())
	}
	return &Machine{config: c}
}

// Apply implements machine.Machine. The reply to a put is the stored object, that to a delete is empty.
func (m *Machine) Apply(v machine.View, r *pb.Record) machine.Effects {
	t := newTxn(m.config, v, r.GetHeader())
	value, refusal := t.apply(r)
	if refusal != nil {
		return machine.Refuse(refusal)
	}
	machine.SortChanges(t.changes)
	return machine.Effects{Reply: machine.Reply{Value: value}, Changes: t.changes, Emit: t.emits}
}

func (t *txn) apply(r *pb.Record) (proto.Message, *lh.Error) {
	switch c := r.GetCommand().(type) {
	case *pb.Record_PutTaskDef:
		return reply(t.putTaskDef(c.PutTaskDef))
	case *pb.Record_PutWfSpec:
		return reply(t.putWfSpec(c.PutWfSpec))
	case *pb.Record_PutExternalEventDef:
		return reply(t.putExternalEventDef(c.PutExternalEventDef))
	case *pb.Record_PutWorkflowEventDef:
		return reply(t.putWorkflowEventDef(c.PutWorkflowEventDef))
	case *pb.Record_PutUserTaskDef:
		return reply(t.putUserTaskDef(c.PutUserTaskDef))
	case *pb.Record_PutStructDef:
		return reply(t.putStructDef(c.PutStructDef))
	case *pb.Record_PutTenant:
		return reply(t.putTenant(c.PutTenant))
	case *pb.Record_PutPrincipal:
		return reply(t.putPrincipal(c.PutPrincipal))
	case *pb.Record_PutQuota:
		return reply(t.putQuota(c.PutQuota))
	case *pb.Record_PutWorkflowMigrationPlan:
		return reply(t.putWorkflowMigrationPlan(c.PutWorkflowMigrationPlan))
	case *pb.Record_CreateBulkJob:
		return reply(t.createBulkJob(c.CreateBulkJob))
	case *pb.Record_CreateBulkAct:
		if t.version() < machine.BulkActs {
			return nil, lh.Errorf(lh.FailedPrecondition, "servers are there that know no bulk jobs but those that delete")
		}
		return reply(t.createBulkAct(c.CreateBulkAct))
	case *pb.Record_CreateBulkMatch:
		if t.version() < machine.BulkMatches {
			return nil, lh.Errorf(lh.FailedPrecondition, "servers are there that know no bulk jobs by variables")
		}
		return reply(t.createBulkMatch(c.CreateBulkMatch))
	case *pb.Record_CancelBulkAct:
		return reply(t.cancelBulkAct(c.CancelBulkAct))
	case *pb.Record_DeleteTaskDef:
		return nil, t.deleteTaskDef(c.DeleteTaskDef)
	case *pb.Record_DeleteWfSpec:
		return nil, t.deleteWfSpec(c.DeleteWfSpec)
	case *pb.Record_DeleteExternalEventDef:
		return nil, t.deleteExternalEventDef(c.DeleteExternalEventDef)
	case *pb.Record_DeleteWorkflowEventDef:
		return nil, t.deleteWorkflowEventDef(c.DeleteWorkflowEventDef)
	case *pb.Record_DeleteUserTaskDef:
		return nil, t.deleteUserTaskDef(c.DeleteUserTaskDef)
	case *pb.Record_DeleteStructDef:
		return nil, t.deleteStructDef(c.DeleteStructDef)
	case *pb.Record_DeleteWorkflowMigrationPlan:
		return nil, t.deleteWorkflowMigrationPlan(c.DeleteWorkflowMigrationPlan)
	case *pb.Record_DeleteBulkJob:
		return nil, t.deleteBulkJob(c.DeleteBulkJob)
	case *pb.Record_BulkJobProgress:
		t.bulkJobProgress(c.BulkJobProgress)
		return nil, nil
	case *pb.Record_TimerFired:
		t.timerFired(keys.Key(c.TimerFired.GetKey()))
		return nil, nil
	case *pb.Record_DeletePrincipal:
		return nil, t.deletePrincipal(c.DeletePrincipal)
	case *pb.Record_DeleteQuota:
		return nil, t.deleteQuota(c.DeleteQuota)
	case *pb.Record_SkipRecord:
		if v := r.GetHeader().GetEngineVersion(); v != 0 && v < machine.Skips {
			return nil, lh.Errorf(lh.FailedPrecondition, "servers are there that skip no records")
		}
		k := keys.Skipped(c.SkipRecord.GetStream(), c.SkipRecord.GetOffset())
		t.changes = append(t.changes, machine.Change{Key: k, Value: c.SkipRecord})
		return nil, nil
	}
	return nil, lh.Errorf(lh.Internal, "the metadata stream takes no %T", r.GetCommand())
}

func reply[P proto.Message](stored P, refusal *lh.Error) (proto.Message, *lh.Error) {
	if refusal != nil {
		return nil, refusal
	}
	return stored, nil
}
