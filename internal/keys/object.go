package keys

// ObjectKind is what a row of the object space holds.
type ObjectKind byte

// The kinds of stored objects that do not lie under a WfRun.
const (
	KindTaskWorkerGroup ObjectKind = 0x01 // lhpb.TaskWorkerGroup: TaskDef name
	KindSchedule        ObjectKind = 0x02 // pb.ScheduleRow: id
	// pb.CorrelatedEventRow: ExternalEventDef name, key; behind it lhpb.ExternalEventId: also NodeRun
	KindCorrelatedEvent ObjectKind = 0x03
	KindWaiting         ObjectKind = 0x04 // pb.WaitingRow: ExternalEventDef name, key, NodeRun
	KindBulkShare       ObjectKind = 0x05 // pb.BulkShare: id of the BulkJob
)

// TaskWorkerGroup is the row of the workers of a TaskDef.
func (t Tenant) TaskWorkerGroup(taskDef string) Key {
	return Key(appendText(t.object(KindTaskWorkerGroup), taskDef))
}

func (t Tenant) object(kind ObjectKind) []byte {
	b := make([]byte, 0, 64)
	b = append(b, byte(SpaceObject))
	b = appendText(b, t.name)
	return append(b, byte(kind))
}

// Schedule is the row of a ScheduledWfRun.
func (t Tenant) Schedule(id string) Key { return Key(appendText(t.object(KindSchedule), id)) }

// BulkShare is the row of a partition's share of a bulk job that is not done.
func (t Tenant) BulkShare(job string) Key { return Key(appendText(t.object(KindBulkShare), job)) }

// ParseBulkShare reads the parts of a BulkShare key.
func ParseBulkShare(k Key) (tenant, job string, err error) {
	p := &reader{rest: string(k)}
	if Space(p.byte()) != SpaceObject {
		p.fail("key of a bulk job's share")
	}
	tenant = p.text()
	if ObjectKind(p.byte()) != KindBulkShare {
		p.fail("key of a bulk job's share")
	}
	job = p.text()
	return tenant, job, p.done()
}
