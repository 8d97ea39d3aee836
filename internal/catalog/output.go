package catalog

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// publish keeps a record for the metadata output topic of a definition that was put. Tenants without output topics
// hear of nothing; deletions are not published.
func (t *txn) publish(v machine.Value) {
	r := outputOf(v)
	if r == nil || deleted(v) || t.tenantOf(t.header.GetTenant()).GetOutputTopicConfig() == nil {
		return
	}
	of := keys.In(t.header.GetTenant())
	log := &pb.OutputLog{}
	if is := machine.Get[pb.OutputLog](t.view, of.OutputLog()); is != nil {
		log = is.CloneVT()
	}
	t.changes = append(t.changes, machine.Change{Key: of.Output(log.Next), Value: r})
	log.Next++
	t.changes = append(t.changes, machine.Change{Key: of.OutputLog(), Value: log})
}

// outputOf is the record of a definition; nil if definitions of its kind are not published.
func outputOf(v machine.Value) *lhpb.MetadataOutputTopicRecord {
	r := &lhpb.MetadataOutputTopicRecord{}
	switch d := v.(type) {
	case *lhpb.WfSpec:
		r.MetadataRecord = &lhpb.MetadataOutputTopicRecord_WfSpec{WfSpec: d}
	case *lhpb.TaskDef:
		r.MetadataRecord = &lhpb.MetadataOutputTopicRecord_TaskDef{TaskDef: d}
	case *lhpb.ExternalEventDef:
		r.MetadataRecord = &lhpb.MetadataOutputTopicRecord_ExternalEventDef{ExternalEventDef: d}
	case *lhpb.WorkflowEventDef:
		r.MetadataRecord = &lhpb.MetadataOutputTopicRecord_WorkflowEventDef{WorkflowEventDef: d}
	case *lhpb.UserTaskDef:
		r.MetadataRecord = &lhpb.MetadataOutputTopicRecord_UserTaskDef{UserTaskDef: d}
	case *lhpb.StructDef:
		r.MetadataRecord = &lhpb.MetadataOutputTopicRecord_StructDef{StructDef: d}
	default:
		return nil
	}
	return r
}
