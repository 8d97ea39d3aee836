package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/log"
	"littlehorse/internal/machine"
	"littlehorse/internal/partition"
	"littlehorse/internal/pb"
)

// HoldingConfig of a Holding.
type HoldingConfig struct {
	Partitions int
	// Self names this process among the members of a plan.
	Self string
	// Open makes a Host of the streams, to own them or only to follow them. Whoever opens it starts and closes it.
	Open func(ctx context.Context, streams []machine.Stream, follow bool) (*partition.Host, error)
	// Alive tells whether nobody else can own by now what this server owns. What was read counts only if it is true
	// afterwards.
	Alive func() bool
	// Owns is called when a stream of run data has come to be served here.
	Owns func(ctx context.Context, s machine.Stream) error
	// Released is called when something was given up that others wait for.
	Released func()
	Logger   *slog.Logger
}

// Holding is what one server holds of the cluster: a Host for each unit that it owns, and one that follows the metadata
// as long as it does not own them. It implements Host.
type Holding struct {
	cfg     HoldingConfig
	units   []*unit
	failed  chan struct{} // closed when something has broken that no other owner mends
	failure error
	tending sync.WaitGroup

	failOnce sync.Once
	ctx      context.Context // ends with the server
	stop     context.CancelFunc

	mu      sync.Mutex
	changed sync.Cond
	planned bool            // a plan has come
	past    partition.Stats // of Hosts that are closed
}

// tenure is what a server has to do with a unit.
type tenure int

const (
	none tenure = iota
	follows
	owns
)

// unit is one unit at this server.
type unit struct {
	number  int
	streams []machine.Stream
	wake    chan struct{}
	host    atomic.Pointer[partition.Host]
	serves  atomic.Bool // it is owned, and all that was acknowledged before is applied

	// Guarded by Holding.mu.
	wants, has tenure
	opening    context.CancelFunc // ends an attempt to open it
	leaving    bool               // its Host is being closed
	known      bool               // what was there when it was opened is applied
	stuck      bool               // it could not be opened, and is not waited for
	abrupt     bool               // others may own it already: nothing is to be waited for
	over       bool               // the server stops
}

// NewHolding makes a Holding of nothing; Start lets it follow the metadata.
func NewHolding(cfg HoldingConfig) *Holding {
	h := &Holding{cfg: cfg, failed: make(chan struct{})}
	h.ctx, h.stop = context.WithCancel(context.Background())
	h.changed.L = &h.mu
	for n := range cfg.Partitions + 1 {
		h.units = append(h.units, &unit{number: n, streams: streamsOf(n, cfg.Partitions), wake: make(chan struct{}, 1)})
	}
	h.metadata().wants = follows
	return h
}

func (h *Holding) metadata() *unit { return h.units[h.cfg.Partitions] }

// Start begins to work for the units, and returns when the metadata are known as they were then.
func (h *Holding) Start(ctx context.Context) error {
	for _, u := range h.units {
		h.tending.Go(func() { h.tend(u) }) //nolint:contextcheck // units are worked for until Close
	}
	return h.await(ctx, func() bool { return h.metadata().known })
}

// await returns when the condition holds, which is looked at with the mutex held.
func (h *Holding) await(ctx context.Context, holds func() bool) error {
	stop := context.AfterFunc(ctx, h.broadcast)
	defer stop()
	h.mu.Lock()
	defer h.mu.Unlock()
	for !holds() {
		if err := errors.Join(ctx.Err(), h.Err()); err != nil {
			return fmt.Errorf("cluster: wait for partitions: %w", err)
		}
		h.changed.Wait()
	}
	return nil
}

func (h *Holding) broadcast() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changed.Broadcast()
}

// Settled returns when a plan has come, and all that it gives to this server is served.
func (h *Holding) Settled(ctx context.Context) error {
	return h.await(ctx, func() bool {
		for _, u := range h.units {
			if u.wants == owns && !u.known && !u.stuck {
				return false
			}
		}
		return h.planned
	})
}

// Assigned takes a plan: what it does not give to this server is given up, after those who wait are answered. It does not
// wait for that.
func (h *Holding) Assigned(plan *pb.Plan) {
	if h.assign(plan) {
		h.cfg.Released()
	}
}

// assign tells whether the others are to hear at once that something is given up: what was never opened is not closed.
func (h *Holding) assign(plan *pb.Plan) (released bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.planned = true
	for n, u := range h.units {
		before := u.wants
		h.want(u, n < len(plan.Owners) && owner(plan, n).GetIncarnation() == h.cfg.Self, false)
		released = released || before == owns && u.wants != owns && u.has != owns
	}
	h.changed.Broadcast()
	return released
}

// Lost gives up everything at once, for the group has gone on without this server. It returns when nothing is held.
func (h *Holding) Lost() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, u := range h.units {
		h.want(u, false, true)
	}
	for !h.holdsNothing() {
		h.changed.Wait()
	}
}

func (h *Holding) holdsNothing() bool {
	for _, u := range h.units {
		if u.has == owns {
			return false
		}
	}
	return true
}

// want says whether a unit is to be owned; h.mu is held.
func (h *Holding) want(u *unit, own, abrupt bool) {
	before := u.wants
	switch {
	case own:
		u.wants = owns
	case u == h.metadata():
		u.wants = follows
	default:
		u.wants = none
	}
	if u.wants == before {
		return
	}
	u.abrupt = abrupt
	if u.opening != nil {
		u.opening()
	}
	u.signal()
}

func (u *unit) signal() {
	select {
	case u.wake <- struct{}{}:
	default:
	}
}

// Held are the units that this server owns, is to own, or has not given up yet.
func (h *Holding) Held() (units []uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, u := range h.units {
		if u.wants == owns || u.has == owns {
			units = append(units, uint32(u.number))
		}
	}
	return units
}

// reopenTime lies between a unit that was lost or could not be opened, and the next attempt.
const reopenTime = 500 * time.Millisecond

// tend makes of a unit what is wanted, until the server stops.
func (h *Holding) tend(u *unit) {
	for {
		h.mu.Lock()
		wants, has, over := u.wants, u.has, u.over
		h.mu.Unlock()
		switch {
		case over:
			h.close(u)
			return
		case has != none && has != wants:
			h.close(u)
		case wants != none && has == none:
			h.open(u, wants)
		default:
			h.watch(u)
		}
	}
}

// watch returns when something else may be wanted, or what is there has ended.
func (h *Holding) watch(u *unit) {
	host := u.host.Load()
	if host == nil {
		<-u.wake
		return
	}
	select {
	case <-u.wake:
	case <-host.Done():
		if err := host.Err(); !errors.Is(err, log.ErrFenced) {
			h.Fail(err)
		}
		h.close(u)
		h.rest(u)
	}
}

// rest lets some time pass before the next attempt.
func (h *Holding) rest(u *unit) {
	t := time.NewTimer(reopenTime)
	defer t.Stop()
	select {
	case <-t.C:
	case <-u.wake:
	}
}

// open makes the Host of a unit, and lets it be served as soon as it may.
func (h *Holding) open(u *unit, as tenure) {
	ctx, cancel := context.WithCancel(h.ctx)
	defer cancel()
	h.mu.Lock()
	if u.wants != as || u.over {
		h.mu.Unlock()
		return
	}
	u.has, u.opening = as, cancel
	h.mu.Unlock()
	host, err := h.cfg.Open(ctx, u.streams, as == follows)
	h.mu.Lock()
	u.opening, u.stuck = nil, err != nil
	if err != nil {
		u.has = none
	} else {
		u.host.Store(host)
	}
	released := err != nil && as == owns && u.wants != owns && !u.over
	h.changed.Broadcast()
	h.mu.Unlock()
	if released {
		h.cfg.Released()
	}
	if err == nil {
		host.Start()
		h.tending.Go(func() { h.serve(u, host, as) })
		return
	}
	if ctx.Err() == nil {
		h.cfg.Logger.Error("a partition cannot be opened, will be tried again", "partition", u.streams[0].String(), "err", err)
		h.rest(u)
	}
}

// serve lets a unit be read and written once all that was acknowledged before is applied.
func (h *Holding) serve(u *unit, host *partition.Host, as tenure) {
	if host.Owned(h.ctx) != nil || !h.begin(u, host, as) {
		return // tend sees to it
	}
	if as != owns {
		return
	}
	for _, s := range u.streams {
		if err := h.attach(host, s); err != nil {
			h.cfg.Logger.Error("waiting tasks cannot be read", "partition", s.String(), "err", err)
		}
	}
	h.cfg.Logger.Info("a partition is served here", "partition", u.streams[0].String(), "records", host.Position(u.streams[0]))
}

// begin notes that a unit is known, unless it is being given up.
func (h *Holding) begin(u *unit, host *partition.Host, as tenure) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if u.leaving || u.host.Load() != host {
		return false
	}
	u.known = true
	u.serves.Store(as == owns)
	h.changed.Broadcast()
	return true
}

// attach lets what waits in a stream be handed out. What was read does not count as long as the group is not heard.
func (h *Holding) attach(host *partition.Host, s machine.Stream) error {
	for s.Kind == machine.Core {
		err := h.cfg.Owns(h.ctx, s)
		if refusal := lh.AsError(err); refusal == nil || refusal.Code != lh.Unavailable {
			return err
		}
		select {
		case <-host.Done():
			return nil
		case <-time.After(reopenTime):
		}
	}
	return nil
}

// closeTime bounds how long those who wait for a unit that moves are waited for.
const closeTime = 5 * time.Second

// close gives a unit up.
func (h *Holding) close(u *unit) {
	host, abrupt, told := h.leave(u)
	if host == nil {
		return
	}
	var err error
	if abrupt || host.Err() != nil {
		err = host.Close()
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		err = host.Drain(ctx)
		cancel()
	}
	if err != nil && !errors.Is(err, log.ErrFenced) {
		h.cfg.Logger.Warn("a partition was given up before all who wait were answered", "partition", u.streams[0].String(), "err", err)
	}
	h.left(u, host)
	if told {
		h.cfg.Logger.Info("a partition is not served here any more", "partition", u.streams[0].String())
		h.cfg.Released()
	}
}

// leave serves a unit no longer. It tells whether the others should hear of it; a server that stops tells them once.
func (h *Holding) leave(u *unit) (host *partition.Host, abrupt, told bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	u.leaving = true
	u.serves.Store(false)
	return u.host.Load(), u.abrupt, u.has == owns && !u.over
}

func (h *Holding) left(u *unit, host *partition.Host) {
	stats := host.Stats()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.past = h.past.Plus(stats)
	u.host.Store(nil)
	u.has, u.leaving, u.known = none, false, false
	h.changed.Broadcast()
}

// Fail ends the server: nothing that another owner does mends what has broken.
func (h *Holding) Fail(err error) {
	h.failOnce.Do(func() {
		h.failure = err
		close(h.failed)
		h.broadcast()
	})
}

// Done is closed when something has broken that no other owner mends: the process is to end.
func (h *Holding) Done() <-chan struct{} { return h.failed }

// Err is why the server cannot go on; nil as long as it can.
func (h *Holding) Err() error {
	select {
	case <-h.failed:
		return h.failure
	default:
		return nil
	}
}

// Drain answers those who wait, as long as ctx allows, and gives everything up.
func (h *Holding) Drain(ctx context.Context) error {
	h.stop()
	h.mu.Lock()
	for _, u := range h.units {
		u.over = true
		u.signal()
	}
	h.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		h.tending.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		h.mu.Lock()
		for _, u := range h.units {
			u.abrupt = true
		}
		h.mu.Unlock()
		<-ended
	}
	return h.Err()
}

// unit is that of a stream; nil if there is none.
func (h *Holding) unit(s machine.Stream) *unit {
	if n := unitOf(s, h.cfg.Partitions); n < len(h.units) {
		return h.units[n]
	}
	return nil
}

// serving is the Host by which the unit is served; nil if it is not.
func (u *unit) serving() *partition.Host {
	if host := u.host.Load(); u.serves.Load() {
		return host
	}
	return nil
}

// at is the Host that serves a stream.
func (h *Holding) at(s machine.Stream) (*partition.Host, *lh.Error) {
	if u := h.unit(s); u != nil {
		if host := u.serving(); host != nil {
			return host, nil
		}
	}
	return nil, notHere(s)
}

func notHere(s machine.Stream) *lh.Error {
	return &lh.Error{Code: lh.Unavailable, Message: fmt.Sprintf("partition %s is served by no server at present: try again", s), Again: true}
}

// Serves tells whether the stream is served here.
func (h *Holding) Serves(s machine.Stream) bool {
	_, refusal := h.at(s)
	return refusal == nil
}

// SubmitFor implements Host.
func (h *Holding) SubmitFor(ctx context.Context, to machine.Stream, rec *machine.Record, done func(machine.Reply)) {
	host, refusal := h.at(to)
	if refusal == nil {
		host.SubmitFor(ctx, to, rec, done)
		return
	}
	if done != nil {
		done(machine.Reply{Err: refusal})
	}
}

// read lets a Host be read. What was read counts only if nobody else could own the partition by then.
func (h *Holding) read(s machine.Stream, read func(*partition.Host) error) error {
	host, refusal := h.at(s)
	if refusal != nil {
		return refusal
	}
	if err := read(host); err != nil {
		return err
	}
	if !h.cfg.Alive() {
		return lh.Errorf(lh.Unavailable, "this server was not heard by the others for long, and may not own partition %s any more: try again", s)
	}
	return nil
}

// Get implements Host.
func (h *Holding) Get(from machine.Stream, k keys.Key) (value []byte, err error) {
	err = h.read(from, func(host *partition.Host) (err error) {
		value, err = host.Get(from, k)
		return err
	})
	if err != nil {
		return nil, err
	}
	return value, nil
}

// Scan implements Host.
func (h *Holding) Scan(from machine.Stream, start, end keys.Key, visit func(k keys.Key, value []byte) bool) error {
	return h.read(from, func(host *partition.Host) error { return host.Scan(from, start, end, visit) })
}

// View implements Host.
func (h *Holding) View(from machine.Stream, read func(partition.View) error) error {
	return h.read(from, func(host *partition.Host) error { return host.View(from, read) })
}

// Position is how far the copy of a stream goes that is open here, owned or not; 0 if none is.
func (h *Holding) Position(of machine.Stream) uint64 {
	if u := h.unit(of); u != nil {
		if host := u.host.Load(); host != nil {
			return host.Position(of)
		}
	}
	return 0
}

// Strained tells whether one of the partitions here is behind.
func (h *Holding) Strained() bool {
	for _, u := range h.units {
		if host := u.host.Load(); host != nil && host.Strained() {
			return true
		}
	}
	return false
}

// Waited tells that a worker asks for a task of the stream that has waited for so long.
func (h *Holding) Waited(of machine.Stream, d time.Duration) {
	if host, refusal := h.at(of); refusal == nil {
		host.Waited(of, d)
	}
}

// Crowded is the refusal that a command which begins something would meet in every partition; nil if one might take it, as
// those may that other servers have.
func (h *Holding) Crowded() (refusal *lh.Error) {
	for _, u := range h.units[:h.cfg.Partitions] {
		host := u.serving()
		if host == nil {
			return nil
		}
		if refusal = host.Crowded(); refusal == nil {
			return nil
		}
	}
	return refusal
}

// Streams that are served here.
func (h *Holding) Streams() (out []machine.Stream) {
	for _, u := range h.units {
		if u.serves.Load() {
			out = append(out, u.streams...)
		}
	}
	return out
}

// Stats are counts since the server has begun, and queues as they are now.
func (h *Holding) Stats() partition.Stats {
	h.mu.Lock()
	sum := h.past
	var hosts []*partition.Host
	for _, u := range h.units {
		if host := u.host.Load(); host != nil {
			hosts = append(hosts, host)
		}
	}
	h.mu.Unlock()
	for _, host := range hosts {
		s := host.Stats()
		queues := append(sum.Queues, s.Queues...)
		sum = sum.Plus(s)
		sum.Queues, sum.QueueLimit = queues, s.QueueLimit
	}
	return sum
}
