package cluster

import (
	"context"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// SpreadConfig of a Spread.
type SpreadConfig struct {
	Partitions int
	Directory  *Directory
	Holding    *Holding
	Peers      *Peers
	// Patience is how long a request that is known to have done nothing is tried again while its partition has no owner.
	Patience time.Duration
	// Defined returns when this server knows the metadata of a version.
	Defined func(ctx context.Context, version uint64) error
}

// Spread is Routing over all servers of a cluster: what is served here is called directly, everything else by the
// internal port of its owner.
type Spread struct {
	*Router
	cfg   SpreadConfig
	loose chan struct{} // holds a token for each request that nobody waits for
}

var _ Routing = (*Spread)(nil)

// maxLoose bounds the requests to other servers that nobody waits for.
const maxLoose = 64

// NewSpread makes a Spread.
func NewSpread(cfg SpreadConfig) *Spread {
	return &Spread{Router: New(cfg.Holding, cfg.Partitions), cfg: cfg, loose: make(chan struct{}, maxLoose)}
}

// Here implements Routing.
func (s *Spread) Here(stream machine.Stream) bool { return s.cfg.Holding.Serves(stream) }

// Submit implements Routing.
func (s *Spread) Submit(ctx context.Context, to machine.Stream, rec *machine.Record) (proto.Message, error) {
	return s.SubmitThen(ctx, to, rec, nil)
}

// SubmitThen implements Routing. What is known to have done nothing is given to whoever owns the partition next.
func (s *Spread) SubmitThen(ctx context.Context, to machine.Stream, rec *machine.Record, then func(machine.Reply)) (v proto.Message, err error) {
	told := newHearing(then)
	defer told.end()
	err = s.retry(ctx, to, func(at place) (err error) {
		if at.here {
			v, err = s.Router.SubmitThen(ctx, to, rec, told.hear())
			return err
		}
		v, err = s.submitTo(ctx, at, to, rec)
		told.tell(machine.Reply{Value: v, Err: lh.AsError(err)})
		return err
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}

// submitTo gives the record to another server. Who has changed the metadata there may read them here.
func (s *Spread) submitTo(ctx context.Context, at place, to machine.Stream, rec *machine.Record) (proto.Message, error) {
	v, version, err := s.cfg.Peers.submit(ctx, at.member, to, rec)
	if err == nil && version > 0 && s.cfg.Defined(ctx, version) != nil {
		return nil, ended(ctx)
	}
	return v, err
}

// SubmitFunc implements Routing.
func (s *Spread) SubmitFunc(ctx context.Context, to machine.Stream, rec *machine.Record, done func(machine.Reply)) {
	if done == nil {
		done = func(machine.Reply) {}
	}
	if s.Here(to) {
		s.Router.SubmitFunc(ctx, to, rec, done)
		return
	}
	select {
	case s.loose <- struct{}{}:
	default:
		done(machine.Reply{Err: notHere(to)})
		return
	}
	go func() {
		defer func() { <-s.loose }()
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Patience)
		defer cancel()
		_, _ = s.SubmitThen(bounded, to, rec, done)
	}()
}

// Get implements Routing.
func (s *Spread) Get(ctx context.Context, from machine.Stream, k keys.Key) (value []byte, err error) {
	err = s.retry(ctx, from, func(at place) (err error) {
		if at.here {
			value, err = s.Router.Get(ctx, from, k)
			return rereadable(err)
		}
		return rereadable(s.cfg.Peers.view(ctx, at.member, from, func(v View) (err error) {
			value, err = v.Get(k)
			return err
		}))
	})
	return value, err
}

// Scan implements Routing.
func (s *Spread) Scan(ctx context.Context, from machine.Stream, start, end keys.Key, limit int) (rows []Row, err error) {
	err = s.retry(ctx, from, func(at place) (err error) {
		if at.here {
			rows, err = s.Router.Scan(ctx, from, start, end, limit)
			return rereadable(err)
		}
		return rereadable(s.cfg.Peers.view(ctx, at.member, from, func(v View) (err error) {
			rows, err = v.Scan(start, end, limit)
			return err
		}))
	})
	return rows, err
}

// View implements Routing.
func (s *Spread) View(ctx context.Context, from machine.Stream, read func(View) error) error {
	return s.retry(ctx, from, func(at place) error {
		if at.here {
			return rereadable(s.Router.View(ctx, from, read))
		}
		return rereadable(s.cfg.Peers.view(ctx, at.member, from, read))
	})
}

// askTime is how long one server waits for another to tell it of something, lookTime how often an owner is looked for.
const (
	askTime  = 5 * time.Second
	lookTime = 100 * time.Millisecond
)

// Watch implements Routing. Wherever the partition moves, its owner is asked.
func (s *Spread) Watch(ctx context.Context, from machine.Stream, tenant, wfRun string) (thrown <-chan struct{}, end func()) {
	ctx, cancel := context.WithCancel(ctx)
	told, ended := make(chan struct{}, 1), make(chan struct{})
	tell := func() {
		select {
		case told <- struct{}{}:
		default:
		}
	}
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			late := time.AfterFunc(lookTime, tell) // for what is thrown before the owner has begun to look
			at, asked := s.place(from), time.Now()
			s.watchOnce(ctx, at, from, tenant, wfRun)
			late.Stop()
			tell()
			if time.Since(asked) < lookTime {
				s.rest(ctx, at, lookTime) // an owner that stops or is not ready answers at once
			}
		}
	}()
	return told, func() { cancel(); <-ended }
}

// watchOnce returns when something may have been thrown, or the owner is another, or after a while.
func (s *Spread) watchOnce(ctx context.Context, at place, from machine.Stream, tenant, wfRun string) {
	if at.here {
		select {
		case <-at.changed:
		case <-ctx.Done():
		}
		return
	}
	asked, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	if err := s.cfg.Peers.await(asked, at.member, from, tenant, wfRun); err != nil {
		s.rest(ctx, at, lookTime)
	}
}

// rereadable lets a read be tried again that nobody could answer: reading has no effects.
func rereadable(err error) error {
	if refusal := lh.AsError(err); refusal != nil && refusal.Code == lh.Unavailable && !refusal.Again {
		again := *refusal
		again.Again = true
		return &again
	}
	return err
}

// Pauses between attempts, unless another plan comes: an eighth of what has passed, so that a partition that is handed over in
// milliseconds keeps nobody waiting for much longer.
const (
	firstPause = 5 * time.Millisecond
	maxPause   = 200 * time.Millisecond
)

func pauseAfter(d time.Duration) time.Duration { return min(max(d/8, firstPause), maxPause) }

// retry tries until the request has been dealt with, or patience ends.
func (s *Spread) retry(ctx context.Context, stream machine.Stream, try func(place) error) error {
	var began time.Time
	for {
		at := s.place(stream)
		err := try(at)
		if refusal := lh.AsError(err); refusal == nil || !refusal.Again {
			return err
		}
		now := time.Now()
		if began.IsZero() {
			began = now
		}
		waited := now.Sub(began)
		if waited >= s.cfg.Patience || !s.rest(ctx, at, pauseAfter(waited)) {
			return err
		}
	}
}

// place is where a stream is served.
type place struct {
	member  *pb.Member // nil if there is none
	here    bool
	changed <-chan struct{}
}

func (s *Spread) place(stream machine.Stream) place {
	m, here, changed := s.cfg.Directory.ownerOf(stream)
	return place{member: m, here: here || s.Here(stream), changed: changed}
}

// rest waits for another plan, and not for long; false if the caller's time is up.
func (s *Spread) rest(ctx context.Context, at place, pause time.Duration) bool {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-at.changed:
	case <-t.C:
	case <-ctx.Done():
		return false
	}
	return ctx.Err() == nil
}

// hearing passes the outcome of a record on once, whichever attempt it is of. An attempt that has done nothing is none,
// unless it is the last.
type hearing struct {
	then func(machine.Reply)

	mu      sync.Mutex
	over    bool // no further attempt will be made
	told    bool
	nothing *machine.Reply // what the last attempt that has done nothing said
}

func newHearing(then func(machine.Reply)) *hearing { return &hearing{then: then} }

// hear is what the next attempt here is given. What the one before has said counts no longer.
func (h *hearing) hear() func(machine.Reply) {
	if h.then == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.nothing = nil
	return h.tell
}

// tell takes the reply to an attempt.
func (h *hearing) tell(r machine.Reply) {
	if h.then == nil {
		return
	}
	h.mu.Lock()
	if r.Err != nil && r.Err.Again && !h.over {
		h.nothing = &r
		h.mu.Unlock()
		return
	}
	told := h.told
	h.told = true
	h.mu.Unlock()
	if !told {
		h.then(r)
	}
}

// end says that no further attempt will be made. One whose caller has given up may still be answered.
func (h *hearing) end() {
	if h.then == nil {
		return
	}
	h.mu.Lock()
	h.over = true
	last := h.nothing
	told := h.told
	h.told = told || last != nil
	h.mu.Unlock()
	if !told && last != nil {
		h.then(*last)
	}
}
