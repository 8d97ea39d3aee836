package embedded

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"littlehorse/internal/log"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/store"
)

// Config of a Log. Start from DefaultConfig.
type Config struct {
	// Store that commits go to, and that holds what was emitted.
	Store *store.Store
	// Streams of the log, each once.
	Streams []machine.Stream
	// Now is the clock; the system's by default.
	Now func() time.Time
	// MaxRecords bounds the records of one stream that are appended and not committed. It stands behind the
	// admission of partitions, which refuse earlier and better. Default 65536.
	MaxRecords int
	// OutboxWindow bounds, for each pair of streams, the emitted records that are in memory and not applied; the
	// others wait as rows. Default 128.
	OutboxWindow int
}

// DefaultConfig has every default; Store and Streams are left to the caller.
func DefaultConfig() Config {
	return Config{Now: time.Now, MaxRecords: 1 << 16, OutboxWindow: 128}
}

// Validate names the first setting that cannot work.
func (c *Config) Validate() error {
	switch {
	case c.Store == nil:
		return errors.New("embedded log: no Store")
	case len(c.Streams) == 0:
		return errors.New("embedded log: no Streams")
	case c.Now == nil:
		return errors.New("embedded log: no Now: start from DefaultConfig")
	case c.MaxRecords < 1:
		return fmt.Errorf("embedded log: MaxRecords is %d, it must be positive", c.MaxRecords)
	case c.OutboxWindow < 1:
		return fmt.Errorf("embedded log: OutboxWindow is %d, it must be positive", c.OutboxWindow)
	}
	return nil
}

// Log implements log.Log.
type Log struct {
	cfg      Config
	streams  map[machine.Stream]*stream
	bySource map[string]*stream // by the name of their outbox

	mu     sync.Mutex // sessions come and go
	closed bool

	// held counts the records that are appended or emitted and not committed by whom they are for.
	held atomic.Int64
}

var _ log.Log = (*Log)(nil)

// Open reads from the store how far each stream is, and delivers again what was emitted and not applied.
func Open(cfg Config) (*Log, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	l := &Log{cfg: cfg, streams: map[machine.Stream]*stream{}, bySource: map[string]*stream{}}
	for _, id := range cfg.Streams {
		st, err := l.load(id)
		if err != nil {
			return nil, fmt.Errorf("embedded log: load %s: %w", id, err)
		}
		l.streams[id] = st
		l.bySource[st.source] = st
	}
	for _, id := range cfg.Streams {
		if err := l.loadOutboxes(l.streams[id]); err != nil {
			return nil, fmt.Errorf("embedded log: load outboxes of %s: %w", id, err)
		}
	}
	return l, nil
}

// Append implements log.Log.
func (l *Log) Append(to machine.Stream, r *pb.Record) error {
	st := l.streams[to]
	if st == nil {
		return fmt.Errorf("append to %s: %w", to, log.ErrUnknownStream)
	}
	it := item{record: r, source: r.GetHeader().GetSource(), number: r.GetHeader().GetNumber()}
	if log.IsOutbox(it.source) {
		from := l.bySource[it.source]
		if from == nil {
			return fmt.Errorf("append from %s: %w", it.source, log.ErrUnknownStream)
		}
		it.from = from.outboxTo(st)
	}
	return st.push(it, l.cfg.MaxRecords)
}

// Open implements log.Log.
func (l *Log) Open(_ context.Context, streams []machine.Stream) (log.Session, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, log.ErrClosed
	}
	s := &Session{log: l, turns: log.NewTurns[*stream](), owned: make(chan struct{}), commit: make(chan struct{}, 1)}
	close(s.owned)
	for _, id := range streams {
		st := l.streams[id]
		if st == nil {
			return nil, fmt.Errorf("open %s: %w", id, log.ErrUnknownStream)
		}
		s.streams = append(s.streams, st)
	}
	for _, st := range s.streams {
		if owner := st.ownedBy(); owner != nil {
			owner.end(log.ErrFenced)
		}
		st.give(s)
	}
	return s, nil
}

// Idle tells whether all records that were appended or emitted are committed.
func (l *Log) Idle() bool { return l.held.Load() == 0 }

// Close implements log.Log.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, st := range l.streams {
		if owner := st.ownedBy(); owner != nil {
			owner.end(log.ErrClosed)
		}
		st.shut()
	}
	return nil
}
