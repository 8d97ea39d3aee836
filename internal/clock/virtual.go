package clock

import (
	"sync"
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
)

// Partitions are what the clock moves.
type Partitions interface {
	Streams() []machine.Stream
	// Idle tells whether nothing is on its way: only timers and callers bring anything new then.
	Idle() bool
	// Scan visits rows as of the last commit.
	Scan(from machine.Stream, start, end keys.Key, visit func(k keys.Key, value []byte) bool) error
	// Done is closed when the partitions cannot go on.
	Done() <-chan struct{}
}

// Virtual is a clock that stands still until it is moved. It implements the Clock of package partition, and is told of
// every commit.
type Virtual struct {
	parts Partitions
	// attended tells whether a worker is there for the tasks of a TaskDef.
	attended func(tenant, taskDef string) bool

	moving chan struct{} // full while somebody moves the clock
	news   chan struct{} // receives when something was committed or told since

	mu     sync.Mutex
	now    time.Time
	alarms map[*alarm]struct{}
	tasks  tasks
	auto   bool
	until  time.Time // the automatic clock goes no further; the zero time if it may
}

type alarm struct {
	at   time.Time
	ring chan time.Time
}

// New makes a clock that shows the time of nothing until it is attached.
func New() *Virtual {
	return &Virtual{
		now: time.Unix(0, 0), alarms: map[*alarm]struct{}{}, tasks: newTasks(),
		moving: make(chan struct{}, 1), news: make(chan struct{}, 1),
	}
}

// Now implements partition.Clock.
func (v *Virtual) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

// Alarm implements partition.Clock.
func (v *Virtual) Alarm(at time.Time) (<-chan time.Time, func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	a := &alarm{at: at, ring: make(chan time.Time, 1)}
	if !at.After(v.now) {
		a.ring <- v.now
		return a.ring, func() {}
	}
	v.alarms[a] = struct{}{}
	return a.ring, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.alarms, a)
	}
}

// set shows another time, unless it is an earlier one, and rings.
func (v *Virtual) set(at time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !at.After(v.now) {
		return
	}
	v.now = at.Round(0)
	for a := range v.alarms {
		if !a.at.After(v.now) {
			a.ring <- v.now
			delete(v.alarms, a)
		}
	}
}

// Attach gives the clock what it moves, before that begins to work. It reads what tasks there are, and shows the latest
// time that the partitions have seen; partitions that have seen none begin at the given time.
func (v *Virtual) Attach(p Partitions, attended func(tenant, taskDef string) bool, begin time.Time) error {
	v.parts, v.attended = p, attended
	for _, s := range p.Streams() {
		seen, err := v.clockOf(s)
		if err != nil {
			return err
		}
		v.set(seen)
		if s.Kind != machine.Core {
			continue
		}
		v.mu.Lock()
		err = v.tasks.load(p, s)
		v.mu.Unlock()
		if err != nil {
			return err
		}
	}
	if v.Now().Equal(time.Unix(0, 0)) {
		v.set(begin)
	}
	return nil
}

// Committed takes in what a partition has made durable. It does not block.
func (v *Virtual) Committed(s machine.Stream, changes []machine.Change) {
	v.mu.Lock()
	if s.Kind == machine.Core {
		v.tasks.committed(s, changes)
	}
	v.mu.Unlock()
	v.tell()
}

// tell wakes whoever waits for something to happen.
func (v *Virtual) tell() {
	select {
	case v.news <- struct{}{}:
	default:
	}
}
