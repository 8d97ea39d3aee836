package partition

import (
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// CommitStats are the numbers of one commit.
type CommitStats struct {
	Records int           // applied
	Changes int           // rows written or deleted
	Bytes   int           // encoded
	Took    time.Duration // from encoding to the end of the sync
	// Applied is how long the machine took for each record; it is valid during the call only.
	Applied []time.Duration
}

// Command is a kind of record: a name such as RunWf, and of a timer that fired its kind.
type Command struct {
	Name  string
	Timer keys.TimerKind
}

// kind is a Command as it is found out quickly.
type kind struct {
	command reflect.Type
	timer   keys.TimerKind
}

func kindOf(r *pb.Record) kind {
	k := kind{command: reflect.TypeOf(r.GetCommand())}
	if fired, is := r.GetCommand().(*pb.Record_TimerFired); is {
		if t, err := keys.ParseTimer(keys.Key(fired.TimerFired.GetKey())); err == nil {
			k.timer = t.Kind
		}
	}
	return k
}

func (k kind) name() Command {
	if k.command == nil {
		return Command{}
	}
	return Command{Name: strings.TrimPrefix(k.command.Elem().Name(), "Record_"), Timer: k.timer}
}

// Stats are counts since the Host was opened, and queues as they are now.
type Stats struct {
	Commits, Records, Changes, Bytes uint64
	CommitTime                       time.Duration
	Panics                           uint64 // records dropped because a machine panicked
	ReadErrors                       uint64 // records refused because the state could not be read
	Refused                          uint64 // records refused because a queue was full
	NoSpace                          uint64 // records refused because the disk had no room for them
	TimersFired                      uint64
	Commands                         map[Command]uint64 // records by kind
	Queues                           []QueueStats
	QueueLimit                       int64 // how many records of one partition may wait before new work is refused
}

// QueueStats is the state of one partition.
type QueueStats struct {
	Stream   machine.Stream
	Position uint64
	Records  int64 // submitted and not answered
	Bytes    int64
	TimerStats
}

// TimerStats are the timers of one partition that are in memory.
type TimerStats struct {
	Timers int
	Due    int           // of those that have not fired
	Firing int           // fired, and the row is still there
	Late   time.Duration // how long ago the earliest was due that has not fired; 0 if none is due
}

type counters struct {
	commits, records, changes, bytes, commitNs atomic.Uint64
	panics, readErrors, refused, fired         atomic.Uint64
	noSpace                                    atomic.Uint64

	mu    sync.Mutex
	kinds map[kind]uint64
}

func (h *Host) committed(c CommitStats, kinds map[kind]uint64) {
	h.commits.Add(1)
	h.records.Add(uint64(c.Records))
	h.changes.Add(uint64(c.Changes))
	h.bytes.Add(uint64(c.Bytes))
	h.commitNs.Add(uint64(c.Took))
	h.mu.Lock()
	for k, n := range kinds {
		h.kinds[k] += n
	}
	h.mu.Unlock()
	if h.cfg.OnCommit != nil {
		h.cfg.OnCommit(c)
	}
}

// Stats may be called at any time.
func (h *Host) Stats() Stats {
	s := Stats{
		Commands: map[Command]uint64{},
		Commits:  h.commits.Load(), Records: h.records.Load(), Changes: h.changes.Load(), Bytes: h.bytes.Load(),
		CommitTime: time.Duration(h.commitNs.Load()), Panics: h.panics.Load(), ReadErrors: h.readErrors.Load(),
		Refused: h.refused.Load(), NoSpace: h.noSpace.Load(), TimersFired: h.fired.Load(),
	}
	s.QueueLimit = h.cfg.queueRecords(newWork)
	h.mu.Lock()
	for k, n := range h.kinds {
		s.Commands[k.name()] = n
	}
	h.mu.Unlock()
	for _, stream := range h.cfg.Streams {
		p := h.parts[stream]
		q := QueueStats{Stream: stream, Position: p.durable.Load(), Records: p.records.Load(), Bytes: p.bytes.Load()}
		q.TimerStats = p.lane.pump.stats(p.timers)
		s.Queues = append(s.Queues, q)
	}
	return s
}

// Plus adds the counts of two Hosts. Queues are nobody's any more.
func (s Stats) Plus(o Stats) Stats {
	sum := Stats{
		Commits: s.Commits + o.Commits, Records: s.Records + o.Records, Changes: s.Changes + o.Changes, Bytes: s.Bytes + o.Bytes,
		CommitTime: s.CommitTime + o.CommitTime, Panics: s.Panics + o.Panics, ReadErrors: s.ReadErrors + o.ReadErrors,
		Refused: s.Refused + o.Refused, NoSpace: s.NoSpace + o.NoSpace, TimersFired: s.TimersFired + o.TimersFired,
		Commands: map[Command]uint64{},
	}
	for _, counts := range []map[Command]uint64{s.Commands, o.Commands} {
		for c, n := range counts {
			sum.Commands[c] += n
		}
	}
	return sum
}
