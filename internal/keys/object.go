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
