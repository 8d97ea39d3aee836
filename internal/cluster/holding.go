package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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
	// Released is called when something was given up that others wait for, or a copy is close behind the owner for which a plan waits.
	Released func()
	// Near tells whether the copy of a stream that is followed here is close behind its owner.
	Near   func(s machine.Stream) bool
	Logger *slog.Logger
}

// Holding is what one server holds of the cluster: a Host for each unit that it owns, and one for each that it follows. It always follows
// the metadata, if it does not own them. It implements Host.
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
	alone   bool            // nobody else stays
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
	take       bool               // what it wants to own nobody hands over: it claims it
	claimed    bool               // it has
	heir       string             // session that it is handed over to when it is given up
	awaited    bool               // the plan waits for the copy here to be close behind the owner
	told       bool               // the others know that it is
	withheld   bool               // the next plan may give it to another: it is not to be served before that
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
		h.units = append(h.units, &unit{number: n, streams: StreamsOf(n, cfg.Partitions), wake: make(chan struct{}, 1)})
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
			if u.wants == owns && !u.serves.Load() && !u.stuck {
				return false
			}
		}
		return h.planned
	})
}

// Emptied returns when this server holds nothing any more that others could take over, after it has told them that it leaves.
func (h *Holding) Emptied(ctx context.Context) error {
	return h.await(ctx, func() bool { return h.alone || h.holdsNothing() })
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
	h.alone = !slices.ContainsFunc(plan.Members, func(m *pb.Member) bool { return m.Incarnation != h.cfg.Self && !m.Leaving })
	for n, told := range h.wishes(plan) {
		u := h.units[n]
		before, took := u.wants, u.take
		h.want(u, told)
		released = released || before == owns && took && u.wants != owns && u.has != owns
	}
	h.changed.Broadcast()
	return released
}

// wish is what is wanted of one unit.
type wish struct {
	tenure  tenure
	take    bool   // nobody hands it over
	heir    string // session that it is handed over to
	awaited bool
	abrupt  bool
}

// wishes are what a plan wants of this server.
func (h *Holding) wishes(plan *pb.Plan) []wish {
	out := make([]wish, len(h.units))
	for n := range out {
		if owner(plan, n).GetIncarnation() == h.cfg.Self {
			out[n].tenure, out[n].take = owns, true
		}
	}
	for _, n := range plan.Freed {
		if int(n) < len(out) {
			out[n].abrupt = true // whoever waits would wait in vain
		}
	}
	self := slices.IndexFunc(plan.Members, func(m *pb.Member) bool { return m.Incarnation == h.cfg.Self })
	for _, c := range plan.Copies {
		if n := int(c.Unit); n < len(out) && out[n].tenure == none && slices.Contains(c.Members, int32(self)) {
			out[n].tenure, out[n].awaited = follows, c.Awaited
		}
	}
	for _, m := range plan.Moves {
		switch n := int(m.Unit); {
		case n >= len(out):
		case out[n].tenure == owns:
			out[n].take = false
		case int(m.From) == self:
			out[n].heir = m.Session
		}
	}
	return out
}

// Lost gives up everything at once, for the group has gone on without this server. It returns when nothing is held.
func (h *Holding) Lost() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, u := range h.units {
		w := wish{abrupt: true}
		if u.has == follows {
			w.tenure = follows // whoever owns it
		}
		h.want(u, w)
	}
	for !h.holdsNothing() {
		h.changed.Wait()
	}
}

func (h *Holding) holdsNothing() bool {
	for _, u := range h.units {
		if u.has == owns || u.wants == owns {
			return false
		}
	}
	return true
}

// want says what is wanted of a unit; h.mu is held.
func (h *Holding) want(u *unit, w wish) {
	if u == h.metadata() {
		w.tenure = max(w.tenure, follows)
	}
	before := u.wants
	u.wants, u.take, u.heir, u.awaited, u.withheld = w.tenure, w.take, w.heir, w.awaited, false
	if u.wants != before {
		u.abrupt = w.abrupt
	}
	if u.opening != nil && (u.wants == none || u.has == owns && u.wants != owns) {
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

// Describe tells the others of the units that this server owns, is to own, or has not given up yet; of those that are
// handed over to it; and of those that it follows. Of what d says to differ it has nothing. What is handed over to who leaves or does not reach it the
// plan may give back or to another, so it is not served before the plan is known, although it may come meanwhile.
func (h *Holding) Describe(d *pb.Member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	copies := map[uint32]*pb.MemberCopy{}
	for _, c := range d.Copies {
		copies[c.Unit] = c
	}
	for _, u := range h.units {
		n := uint32(u.number)
		differs := slices.Contains(d.Differs, n)
		u.withheld = u.wants == owns && !u.serves.Load() && (differs || !u.take && (d.Leaving || slices.Contains(d.Unreached, n)))
		switch {
		case differs && !u.serves.Load():
		case u.wants == owns && !u.take && !u.serves.Load():
			d.Awaited = append(d.Awaited, n)
		case u.wants == owns || u.has == owns:
			d.Held = append(d.Held, n)
		}
		if u.has == none || u.leaving || differs {
			continue
		}
		c := copies[n]
		if c == nil {
			c = &pb.MemberCopy{Unit: n}
			d.Copies = append(d.Copies, c)
		}
		c.Follows = !u.serves.Load()
		if host := u.host.Load(); c.Follows && h.near(u) {
			c.Session = host.Session()
		}
		u.told = c.Session != ""
	}
}

// near tells whether the copy of a unit is close behind its owner; h.mu is held.
func (h *Holding) near(u *unit) bool {
	if !u.known || u.host.Load() == nil {
		return false
	}
	for _, s := range u.streams {
		if !h.cfg.Near(s) {
			return false
		}
	}
	return true
}

// reopenTime lies between a unit that was lost or could not be opened, and the next attempt.
const reopenTime = 500 * time.Millisecond

// differsTime is how often it is said that a copy is not used, or that a record in it ends processes.
const differsTime = 30 * time.Second

// tend makes of a unit what is wanted, until the server stops.
func (h *Holding) tend(u *unit) {
	for {
		h.mu.Lock()
		wants, has, over, take, claimed := u.wants, u.has, u.over, u.take, u.claimed
		h.mu.Unlock()
		switch {
		case over:
			h.close(u)
			return
		case has == follows && wants == owns:
			h.promote(u)
		case has != none && has != wants:
			h.close(u)
		case wants == owns && has == owns && take && !claimed:
			h.claim(u)
		case wants == owns && has == none && take:
			h.open(u, owns)
		case wants != none && has == none:
			h.open(u, follows)
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
	case <-h.look(u):
	case <-host.Done():
		if err := host.Err(); !h.heals(u, err) {
			h.Fail(err)
		}
		h.close(u)
		h.rest(u, reopenTime)
	}
}

// lookNear is how often it is looked whether a copy has come close to the owner, if a plan waits for it.
const lookNear = 20 * time.Millisecond

// look tells the others if a plan waits for the copy here to be close behind its owner, which they do not know yet, and it
// is. If it is not, the channel says when to look again.
func (h *Holding) look(u *unit) <-chan time.Time {
	h.mu.Lock()
	waits, near := u.has == follows && u.awaited && !u.told, h.near(u)
	u.told = u.told || waits && near
	h.mu.Unlock()
	switch {
	case !waits:
		return nil
	case near:
		h.cfg.Released()
		return nil
	default:
		return time.After(lookNear)
	}
}

// heals tells whether a unit may end so, and the server goes on. Whoever knows other definitions than the others serves nothing.
func (h *Holding) heals(u *unit, err error) bool {
	return errors.Is(err, log.ErrFenced) || errors.Is(err, log.ErrBehind) || errors.Is(err, log.ErrDiffers) && u != h.metadata()
}

// rest lets some time pass before the next attempt.
func (h *Holding) rest(u *unit, d time.Duration) {
	t := time.NewTimer(d)
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
	if u.wants < as || as == owns && !u.take || u.over {
		h.mu.Unlock()
		return
	}
	u.has, u.opening, u.claimed = as, cancel, as == owns
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
		if as == owns {
			h.tending.Go(func() { h.serve(u, host, host.Owned) })
		} else {
			h.tending.Go(func() { h.follow(u, host) })
		}
		return
	}
	unusable := errors.Is(err, log.ErrDiffers) || errors.Is(err, partition.ErrLethal)
	if errors.Is(err, log.ErrNewer) || unusable && u == h.metadata() {
		h.Fail(err)
		return
	}
	if unusable {
		h.cfg.Released() // it is for others to have
	}
	if ctx.Err() == nil {
		h.cfg.Logger.Error("a partition cannot be opened, will be tried again", "partition", u.streams[0].String(), "err", err)
		pause := reopenTime
		if unusable {
			pause = differsTime
		}
		h.rest(u, pause)
	}
}

// promote lets a unit that is followed be owned: at once, or when it is handed over.
func (h *Holding) promote(u *unit) {
	host := u.host.Load()
	h.mu.Lock()
	u.has = owns
	h.mu.Unlock()
	host.Promote()
	h.tending.Go(func() { h.serve(u, host, host.Leads) })
}

// claim takes a unit that nobody hands over any more.
func (h *Holding) claim(u *unit) {
	h.mu.Lock()
	u.claimed = true
	h.mu.Unlock()
	u.host.Load().Claim()
}

// follow notes that a unit is known as it was when it was opened.
func (h *Holding) follow(u *unit, host *partition.Host) {
	if host.Owned(h.ctx) == nil {
		h.begin(u, host, false)
	}
}

// serve lets a unit be read and written once all that was acknowledged before is applied.
func (h *Holding) serve(u *unit, host *partition.Host, owned func(context.Context) error) {
	if owned(h.ctx) != nil || !h.begin(u, host, true) {
		return // tend sees to it
	}
	for _, s := range u.streams {
		if err := h.attach(host, s); err != nil {
			h.cfg.Logger.Error("waiting tasks cannot be read", "partition", s.String(), "err", err)
		}
	}
	h.cfg.Logger.Info("a partition is served here", "partition", u.streams[0].String(), "records", host.Position(u.streams[0]))
}

// begin notes that a unit is known, unless it is being given up. What may be another's is served when a plan gives it to this server.
func (h *Holding) begin(u *unit, host *partition.Host, serves bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for serves && (u.withheld || u.wants != owns) && u.host.Load() == host {
		h.changed.Wait()
	}
	if u.leaving || u.host.Load() != host {
		return false
	}
	u.known = true
	if serves {
		u.serves.Store(true)
	}
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
	host, heir, abrupt, told := h.leave(u)
	if host == nil {
		return
	}
	began := time.Now()
	var err error
	if abrupt || host.Err() != nil {
		err = host.Close()
	} else {
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		err = host.HandOver(ctx, heir)
		cancel()
	}
	if err != nil && !errors.Is(err, log.ErrFenced) {
		h.cfg.Logger.Warn("a partition was given up before all who wait were answered", "partition", u.streams[0].String(), "err", err)
	}
	h.left(u, host)
	if told {
		h.cfg.Logger.Info("a partition is not served here any more", "partition", u.streams[0].String(), "handed over", heir != "", "took", time.Since(began))
		h.cfg.Released()
	}
}

// leave serves a unit no longer. It tells whether the others should hear of it; a server that stops tells them once.
func (h *Holding) leave(u *unit) (host *partition.Host, heir string, abrupt, told bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	u.leaving = true
	u.serves.Store(false)
	return u.host.Load(), u.heir, u.abrupt, u.has == owns && !u.over
}

func (h *Holding) left(u *unit, host *partition.Host) {
	stats := host.Stats()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.past = h.past.Plus(stats)
	u.host.Store(nil)
	u.has, u.leaving, u.known, u.claimed, u.told = none, false, false, false, false
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
	if err := h.mayRead(s); err != nil {
		return err
	}
	if err := read(host); err != nil {
		return err
	}
	return h.mayRead(s)
}

func (h *Holding) mayRead(s machine.Stream) error {
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

// Followed are the streams of run data of which this server keeps a copy that follows the owner.
func (h *Holding) Followed() (out []machine.Stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, u := range h.units[:h.cfg.Partitions] {
		if u.has != none && !u.leaving && !u.serves.Load() && u.host.Load() != nil {
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
