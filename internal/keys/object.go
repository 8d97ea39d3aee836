package keys

// ObjectKind is what a row of the object space holds.
type ObjectKind byte

// The kinds of stored objects that do not lie under a WfRun.
const (
	KindTaskWorkerGroup ObjectKind = 0x01 // lhpb.TaskWorkerGroup: TaskDef name
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
