package partition

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"littlehorse/internal/log"
	"littlehorse/internal/machine"
	"littlehorse/internal/store"
	"littlehorse/internal/telemetry"
)

// Listener learns what has become durable. There are no other notices: a put in space 'q' is a task to hand
// out, a put or delete in space 'x' a timer set or gone.
type Listener interface {
	// Committed is called after a commit of the stream is synced and readable, and before its waiters are
	// answered. The changes are those of all records of the commit, coalesced: sorted by key, each key once;
	// what was put and deleted within one commit is not among them. Keys and values are shared and must not be changed;
	// the slice is valid during the call only.
	//
	// Calls for one stream come one after the other, in order; calls for streams of different lanes may come at the
	// same time. It runs on the committing goroutine and must not block; it may Submit.
	// Host.Position(stream) is, during the call, the offset of the last record of this commit.
	Committed(stream machine.Stream, changes []machine.Change)
}

// Config of a Host. Start from DefaultConfig.
type Config struct {
	// Streams that this Host owns, each once.
	Streams []machine.Stream
	// Targets are the streams that machines may emit records for; Streams if there are none.
	Targets []machine.Stream
	// Follows says that the Log gives sessions that follow the streams: nothing is submitted here, no timer fires, and the
	// Listener is told of the metadata only, until Promote.
	Follows bool
	// Machines by kind of stream. One machine serves all partitions of its kind; lanes call Apply at the same time
	// for different partitions.
	Machines map[machine.Kind]machine.Machine
	// Store holds the state of the partitions.
	Store *store.Store
	// SharedStore says that other Hosts have the Store, too: a Host that ends lets those go on waiting for space on a full
	// disk. Who ends all of them calls StopWaiting before.
	SharedStore bool
	// Log orders the records of the streams.
	Log log.Log
	// Clock by which records are stamped and timers are due; the system's by default.
	Clock Clock
	// Stopwatch measures how long work takes, by which the Host admits more or less of it; nil measures by the Clock.
	Stopwatch func() time.Time
	// CatalogVersion is the metadata version that this server has reached. A record gets it when it is
	// submitted, unless its header names a later one. Records of Metadata streams get their own offset instead.
	CatalogVersion func() uint64
	// Listener is told of every commit. It may be nil.
	Listener Listener
	// Marks tell which record has ended the process, so that its stream rests when it has done so several times; nil if nobody is to know.
	Marks *Marks
	// Skips tells whether nobody is to apply a record, for it ends processes. It is asked for each; nil skips none.
	Skips func(s machine.Stream, offset uint64) bool
	// Incarnation names this process from start to end; no two processes share one. It is the source of all
	// records submitted here.
	Incarnation string
	// Lanes is how many goroutines apply records; default min(GOMAXPROCS, number of streams).
	Lanes int

	// QueueRecords bounds how many records of one partition are submitted and not yet answered. Work that goes on
	// (reports, claims, heartbeats) is refused only there; new work (RunWf, events and the rest) already at
	// three quarters of it. Default 4096.
	QueueRecords int
	// QueueBytes is the encoded size of the same records at which a partition refuses new work. Default 12 MiB.
	QueueBytes int64
	// PendingBytes bounds the encoded size of the records of all partitions that are submitted and not yet answered. Work
	// that goes on is refused only there, new work already at half of it: how large the reports are that running work brings
	// is not known when it begins. Default 48 MiB.
	PendingBytes int64
	// Pending counts what PendingBytes bounds, for all Hosts that are given the same; nil counts for this one alone.
	Pending *atomic.Int64
	// TargetTime is how long records may spend in a lane, from admission to the answer, on the mean of a tenth of a
	// second, before it admits less new work (RunWf, events). Default 50 ms.
	TargetTime time.Duration
	// RetryAfter goes with the refusal of a full queue. Default 100 ms.
	RetryAfter time.Duration

	// BatchRecords bounds how many records one commit covers. Default 512.
	BatchRecords int
	// BatchBytes stops a commit from growing once the encoded size of its changes passes it. So one has at most one large
	// value, and whoever waits for it waits for no other's. Default 512 KiB.
	BatchBytes int64
	// CacheBytes bounds the decoded objects kept in memory by all lanes together, counted in encoded bytes; those of large
	// ones count for less. Default 128 MiB.
	CacheBytes int64

	// TimerWindow bounds how many of the nearest timers all partitions together keep in memory; each keeps at least
	// 16. Default 65536.
	TimerWindow int
	// TimerPage bounds how many timers of one lane have fired and are not yet through. Default 256.
	TimerPage int
	// TimerQueue bounds how many of them are not yet applied: a command waits for so many at most. Those of one WfRun, with
	// all that it is the root of, are a quarter of them at most. Default 32.
	TimerQueue int
	// TimerRetry is when a timer is fired again whose record left the timer in place (it was refused, or the
	// machine panicked). Default 5 s.
	TimerRetry time.Duration

	// FatalPanics lets a panic of a machine end the process, as tests and simulation want it. Default: the record is
	// dropped and answered with Internal, and the lane goes on.
	FatalPanics bool
	// FatalReads fails the Host when the store cannot be read while a record is applied: a log that hands the record out
	// again, here or elsewhere, must find it applied alike. Default: the record is answered with Unavailable.
	FatalReads bool
	// Manual starts no goroutine: whoever owns the Host drives each Lane by its steps.
	Manual bool
	// Traces follow the records of callers that are traced. It may be nil.
	Traces *telemetry.Traces
	// OnCommit is called after each sync with its numbers, on the committing goroutine. It may be nil.
	OnCommit func(CommitStats)
	// Logger; discarding by default.
	Logger *slog.Logger
}

// DefaultConfig has every default; what has none is left empty.
func DefaultConfig() Config {
	return Config{
		Clock:          SystemClock{},
		CatalogVersion: func() uint64 { return 0 },
		QueueRecords:   4096,
		QueueBytes:     12 << 20,
		PendingBytes:   48 << 20,
		TargetTime:     50 * time.Millisecond,
		RetryAfter:     100 * time.Millisecond,
		BatchRecords:   512,
		BatchBytes:     512 << 10,
		CacheBytes:     128 << 20,
		TimerWindow:    1 << 16,
		TimerPage:      256,
		TimerQueue:     32,
		TimerRetry:     5 * time.Second,
		Logger:         slog.New(slog.DiscardHandler),
	}
}

// Validate names the first setting that cannot work.
func (c *Config) Validate() error {
	if err := c.validateParts(); err != nil {
		return fmt.Errorf("partition: %w", err)
	}
	bounds := []struct {
		name string
		n    int64
	}{
		{"QueueRecords", int64(c.QueueRecords)},
		{"QueueBytes", c.QueueBytes},
		{"PendingBytes", c.PendingBytes},
		{"TargetTime", int64(c.TargetTime)},
		{"RetryAfter", int64(c.RetryAfter)},
		{"BatchRecords", int64(c.BatchRecords)},
		{"BatchBytes", c.BatchBytes},
		{"CacheBytes", c.CacheBytes},
		{"TimerWindow", int64(c.TimerWindow)},
		{"TimerPage", int64(c.TimerPage)},
		{"TimerQueue", int64(c.TimerQueue)},
		{"TimerRetry", int64(c.TimerRetry)},
	}
	for _, b := range bounds {
		if b.n <= 0 {
			return fmt.Errorf("partition: %s is %d, it must be positive", b.name, b.n)
		}
	}
	return nil
}

func (c *Config) validateParts() error {
	switch {
	case c.Store == nil:
		return errors.New("no Store")
	case c.Log == nil:
		return errors.New("no Log")
	case c.Clock == nil || c.CatalogVersion == nil || c.Logger == nil:
		return errors.New("Clock, CatalogVersion and Logger must be set: start from DefaultConfig")
	case c.Incarnation == "":
		return errors.New("no Incarnation")
	case len(c.Streams) == 0:
		return errors.New("no Streams")
	case c.Lanes < 0:
		return fmt.Errorf("Lanes is %d", c.Lanes)
	}
	seen := map[machine.Stream]bool{}
	for _, s := range c.Streams {
		if seen[s] {
			return fmt.Errorf("stream %s is listed twice", s)
		}
		seen[s] = true
		if c.Machines[s.Kind] == nil {
			return fmt.Errorf("no machine for stream %s", s)
		}
	}
	return nil
}

func (c *Config) lanes() int {
	n := c.Lanes
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return min(n, len(c.Streams))
}
