package catalog

import (
	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

const (
	nsPerHour = 3600 * 1_000_000_000
	// trimChunk is how many output records one record deletes for their age.
	trimChunk = 500
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
	for range 2 {
		if log.Next-log.First > uint64(t.config.OutputRecords) {
			t.forgetFirst(log)
		}
	}
	if log.TrimNs == 0 {
		now := t.header.GetAtNs()
		t.trimLater(log, now-now%nsPerHour+nsPerHour+t.config.OutputRetention.Nanoseconds())
	}
	t.changes = append(t.changes, machine.Change{Key: of.OutputLog(), Value: log})
}

// forgetFirst deletes the oldest output record.
func (t *txn) forgetFirst(log *pb.OutputLog) {
	t.changes = append(t.changes, machine.Change{Key: keys.In(t.header.GetTenant()).Output(log.First)})
	log.First++
}

// trimLater sets the timer by which all output records that there are now are old.
func (t *txn) trimLater(log *pb.OutputLog, dueNs int64) {
	log.Old = log.Next
	t.setTrimTimer(log, dueNs)
}

func (t *txn) setTrimTimer(log *pb.OutputLog, dueNs int64) {
	log.TrimNs = dueNs
	k := keys.Timer{DueNs: dueNs, Tenant: t.header.GetTenant(), Kind: keys.TimerTrimOutput}
	t.changes = append(t.changes, machine.Change{Key: k.Key(), Value: &pb.Timer{
		What: &pb.Timer_TrimOutput{TrimOutput: &pb.Empty{}}, SetNs: t.header.GetAtNs(),
	}})
}

// timerFired deletes output records that are old, as many as one record may, and comes again as long as there are any.
func (t *txn) timerFired(k keys.Key) {
	timer, err := keys.ParseTimer(k)
	if err != nil || timer.DueNs > t.header.GetAtNs() || timer.Tenant != t.header.GetTenant() ||
		machine.Get[pb.Timer](t.view, k) == nil {
		return
	}
	t.changes = append(t.changes, machine.Change{Key: k})
	of := keys.In(timer.Tenant)
	is := machine.Get[pb.OutputLog](t.view, of.OutputLog())
	if is == nil {
		return
	}
	log := is.CloneVT()
	log.TrimNs = 0
	for n := 0; log.First < log.Old && n < trimChunk; n++ {
		t.forgetFirst(log)
	}
	switch {
	case log.First < log.Old:
		t.setTrimTimer(log, timer.DueNs+1)
	case log.First < log.Next:
		t.trimLater(log, t.header.GetAtNs()+t.config.OutputRetention.Nanoseconds())
	}
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
