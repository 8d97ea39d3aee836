package keys

// ScheduledTask is a TaskRun attempt that waits for a claim; the row's key says everything.
type ScheduledTask struct {
	Tenant      string
	TaskDef     string
	ScheduledNs int64
	WfRun       string // canonical text
	Guid        string
	Attempt     int32
}

// Key is the row of the waiting attempt.
func (s ScheduledTask) Key() Key {
	var room usual
	b := append(room[:0], byte(SpaceQueue))
	b = appendText(b, s.Tenant)
	b = appendText(b, s.TaskDef)
	b = appendInt64(b, s.ScheduledNs)
	b = appendText(b, s.WfRun)
	b = appendGuid(b, s.Guid)
	return Key(appendInt32(b, s.Attempt))
}

// ParseScheduledTask reads a key of the queue space.
func ParseScheduledTask(k Key) (ScheduledTask, error) {
	p := &reader{rest: string(k)}
	if Space(p.byte()) != SpaceQueue {
		p.fail("queue key")
	}
	s := ScheduledTask{
		Tenant: p.text(), TaskDef: p.text(), ScheduledNs: p.int64(),
		WfRun: p.text(), Guid: p.guid(), Attempt: p.int32(),
	}
	return s, p.done()
}

// Queue is the prefix of the tenant's waiting attempts of one TaskDef, oldest first.
func (t Tenant) Queue(taskDef string) Key {
	return Key(appendText(appendText([]byte{byte(SpaceQueue)}, t.name), taskDef))
}

// Queues is the prefix of all waiting attempts.
func Queues() Key { return Key([]byte{byte(SpaceQueue)}) }
