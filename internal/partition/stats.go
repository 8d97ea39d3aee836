package partition

import (
	"sync/atomic"
	"time"

	"littlehorse/internal/machine"
)

// CommitStats are the numbers of one commit.
type CommitStats struct {
	Records int           // applied
	Changes int           // rows written or deleted
	Bytes   int           // encoded
	Took    time.Duration // from encoding to the end of the sync
}

// Stats are counts since the Host was opened, and queues as they are now.
type Stats struct {
	Commits, Records, Changes, Bytes uint64
	CommitTime                       time.Duration
	Panics                           uint64 // records dropped because a machine panicked
	ReadErrors                       uint64 // records refused because the state could not be read
	Refused                          uint64 // records refused because a queue was full
	TimersFired                      uint64
	Queues                           []QueueStats
}

// QueueStats is the state of one partition.
type QueueStats struct {
	Stream   machine.Stream
	Position uint64
	Records  int64 // submitted and not answered
	Bytes    int64
	// Timers in memory, and how long ago the earliest of them that has not fired was due; 0 if none is due.
	Timers  int
	Overdue time.Duration
}

type counters struct {
	commits, records, changes, bytes, commitNs atomic.Uint64
	panics, readErrors, refused, fired         atomic.Uint64
}

func (h *Host) committed(c CommitStats) {
	h.commits.Add(1)
	h.records.Add(uint64(c.Records))
	h.changes.Add(uint64(c.Changes))
	h.bytes.Add(uint64(c.Bytes))
	h.commitNs.Add(uint64(c.Took))
	if h.cfg.OnCommit != nil {
		h.cfg.OnCommit(c)
	}
}

// Stats may be called at any time.
func (h *Host) Stats() Stats {
	s := Stats{
		Commits: h.commits.Load(), Records: h.records.Load(), Changes: h.changes.Load(), Bytes: h.bytes.Load(),
		CommitTime: time.Duration(h.commitNs.Load()), Panics: h.panics.Load(), ReadErrors: h.readErrors.Load(),
		Refused: h.refused.Load(), TimersFired: h.fired.Load(),
	}
	for _, stream := range h.cfg.Streams {
		p := h.parts[stream]
		q := QueueStats{Stream: stream, Position: p.durable.Load(), Records: p.records.Load(), Bytes: p.bytes.Load()}
		q.Timers, q.Overdue = p.lane.pump.stats(p.timers)
		s.Queues = append(s.Queues, q)
	}
	return s
}
