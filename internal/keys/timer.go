package keys

// TimerKind tells timers of one object apart.
type TimerKind byte

// The kinds of timers.
const (
	TimerTaskTimeout  TimerKind = 0x01
	TimerTaskRetry    TimerKind = 0x02
	TimerEventTimeout TimerKind = 0x03
	TimerSleep        TimerKind = 0x04
	TimerRetention    TimerKind = 0x05
	TimerEventExpiry  TimerKind = 0x06
	TimerSchedule     TimerKind = 0x09
	TimerCorrelated   TimerKind = 0x0a // end of a CorrelatedEvent
	TimerUserTask     TimerKind = 0x08 // an action of a UserTaskRun
	TimerFlushMetrics TimerKind = 0x0b
	TimerMetricWindow TimerKind = 0x0c
	TimerTrimOutput   TimerKind = 0x0e
	TimerLost         TimerKind = 0x0f // goes on with the work of a Continue that was lost
)

// Timer is a timer row taken apart. Its value is a pb.Timer.
type Timer struct {
	DueNs  int64 // nanoseconds since 1970-01-01 UTC
	Tenant string
	Kind   TimerKind
	ID     string // names the object; unique per tenant, kind and due time
}

// Key is the row of the timer.
func (t Timer) Key() Key {
	var room usual
	b := append(room[:0], byte(SpaceTimer))
	b = appendInt64(b, t.DueNs)
	b = appendText(b, t.Tenant)
	b = append(b, byte(t.Kind))
	return Key(appendText(b, t.ID))
}

// ParseTimer reads a key of the timer space.
func ParseTimer(k Key) (Timer, error) {
	p := &reader{rest: string(k)}
	if Space(p.byte()) != SpaceTimer {
		p.fail("timer key")
	}
	t := Timer{DueNs: p.int64(), Tenant: p.text(), Kind: TimerKind(p.byte()), ID: p.text()}
	return t, p.done()
}

// TimerDue reads only the due time, nanoseconds since 1970-01-01 UTC.
func TimerDue(k Key) (int64, error) {
	p := &reader{rest: string(k)}
	if Space(p.byte()) != SpaceTimer {
		p.fail("timer key")
	}
	due := p.int64()
	return due, p.err
}

// Timers is the prefix of all timers, in order of time.
func Timers() Key { return Key([]byte{byte(SpaceTimer)}) }

// TimersAt is the first possible key of a timer due at that time.
func TimersAt(dueNs int64) Key { return Key(appendInt64([]byte{byte(SpaceTimer)}, dueNs)) }
