package partition

import (
	"sync"
	"sync/atomic"
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// part is one partition of a lane.
type part struct {
	stream  machine.Stream
	lane    *Lane
	machine machine.Machine
	timers  *window
	mark    mark

	foreseer machine.Foreseer // the machine, if it foresees

	// Of the applying goroutine.
	clockNs int64         // only moves forward
	version uint64        // highest catalog version seen
	written uint64        // the same as of its row, in a batch or in the store
	filling *layer        // in the batch that is being filled; nil if that has no record of it
	flying  *layer        // in the batch that is being synced
	goesOn  time.Duration // what the last Continue has cost
	resumes time.Time     // when a line goes on that is paused; the zero time if none is

	// Of whoever submits.
	mu      sync.Mutex
	closed  bool
	fair    fair     // submitted and not appended
	calls   bool     // the lane knows that a record waits whose turn may be
	number  uint64   // of the record appended last
	waiters []waiter // of those appended and not taken

	records, bytes atomic.Int64 // submitted and not answered

	// As of the last durable commit.
	durable      atomic.Uint64 // offset
	durableClock atomic.Int64
}

func (l *Lane) newPart(s machine.Stream) (*part, error) {
	p := &part{
		stream: s, lane: l, machine: l.host.cfg.Machines[s.Kind], mark: l.host.cfg.Marks.of(s),
	}
	p.foreseer, _ = p.machine.(machine.Foreseer)
	clock := &pb.Counter{}
	if err := l.host.cfg.Store.View(s, keys.Clock(), clock.UnmarshalVT); err != nil {
		return nil, err
	}
	p.clockNs = int64(clock.Value)
	version := &pb.Counter{}
	if err := l.host.cfg.Store.View(s, keys.Version(), version.UnmarshalVT); err != nil {
		return nil, err
	}
	p.version, p.written = version.Value, version.Value
	p.durableClock.Store(p.clockNs)
	return p, nil
}
