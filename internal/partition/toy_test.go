package partition

import (
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/log/embedded"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/store"
	"littlehorse/lhpb"
	"littlehorse/test/still"
)

func TestMain(m *testing.M) { still.Main(m) }

// core is a core stream, meta the metadata stream.
func core(n uint16) machine.Stream { return machine.Stream{Kind: machine.Core, Partition: n} }

var meta = machine.Stream{Kind: machine.Metadata}

// fresh is a record of new work with a line of text as command, ongoing one of work in progress.
func fresh(line string) *pb.Record {
	return &pb.Record{Command: &pb.Record_StopWfRun{StopWfRun: &lhpb.StopWfRunRequest{WfRunId: &lhpb.WfRunId{Id: line}}}}
}

func ongoingWork(line string) *pb.Record {
	return &pb.Record{Command: &pb.Record_Continue{Continue: &pb.Continue{Key: []byte(line)}}}
}

func lineOf(r *pb.Record) string {
	if r.GetContinue() != nil {
		return string(r.GetContinue().GetKey())
	}
	return r.GetStopWfRun().GetWfRunId().GetId()
}

// toy is a machine of counters. Its commands:
//
//	set KEY N            put a counter; the reply is its value before
//	add KEY N            add to a counter; the reply is its new value
//	both CLIENT N        CLIENT/a = CLIENT/b = N, a row CLIENT/log/N, and "got CLIENT N" for the next core stream
//	got CLIENT N         a row CLIENT/got/N; a second one is a panic
//	blink KEY            put and delete
//	del KEY              delete
//	sum PREFIX           the sum of the counters under a prefix
//	timer AT ID          set a timer; AT in nanoseconds
//	cancel AT ID         delete it
//	emit STREAM LINE…    emit a record for a core stream
//	stamp KEY            put the header's time, catalog version and request id under KEY
//	misread KEY          read a counter as what it is not
//	lane                 write where no machine may
//	panic
type toy struct {
	streams uint16
	applied func(line string) // called for each record, if set
}

func rowKey(name string) keys.Key { return keys.Key("r" + name) }

func counter(n int) *pb.Counter { return &pb.Counter{Value: uint64(n)} }

func read(v machine.View, k keys.Key) int {
	return int(machine.Get[pb.Counter](v, k).GetValue())
}

// Apply implements machine.Machine.
func (m *toy) Apply(v machine.View, r *pb.Record) machine.Effects {
	if fired := r.GetTimerFired(); fired != nil {
		return m.fired(v, r, keys.Key(fired.Key))
	}
	line := lineOf(r)
	if m.applied != nil {
		m.applied(line)
	}
	word := strings.Fields(line)
	number := func(i int) int {
		n, err := strconv.Atoi(word[i])
		if err != nil {
			panic(err)
		}
		return n
	}
	switch word[0] {
	case "set":
		k := rowKey(word[1])
		return effects(counter(read(v, k)), machine.Change{Key: k, Value: counter(number(2))})
	case "add":
		k := rowKey(word[1])
		n := counter(read(v, k) + number(2))
		return effects(n, machine.Change{Key: k, Value: n})
	case "both":
		return m.both(word[1], number(2), r)
	case "got":
		k := rowKey(fmt.Sprintf("%s/got/%06d", word[1], number(2)))
		if machine.Get[pb.Counter](v, k) != nil {
			panic("applied twice: " + line)
		}
		return effects(nil, machine.Change{Key: k, Value: counter(1)})
	case "blink":
		k := rowKey(word[1])
		return effects(nil, machine.Change{Key: k, Value: counter(1)}, machine.Change{Key: k})
	case "del":
		return effects(nil, machine.Change{Key: rowKey(word[1])})
	case "sum":
		n := 0
		for _, c := range machine.Scan[pb.Counter](v, rowKey(word[1]), rowKey(word[1]).End(), 1<<20) {
			n += int(c.Value)
		}
		return effects(counter(n))
	case "timer":
		return effects(nil, machine.Change{Key: timerKey(int64(number(1)), word[2]), Value: &pb.Timer{}})
	case "cancel":
		return effects(nil, machine.Change{Key: timerKey(int64(number(1)), word[2])})
	case "emit":
		return machine.Effects{Emit: []machine.Emit{{To: core(uint16(number(1))), Record: ongoingWork(strings.Join(word[2:], " "))}}}
	case "stamp":
		h := r.Header
		return effects(nil, machine.Change{Key: rowKey(word[1]), Value: &pb.Header{AtNs: h.AtNs, CatalogVersion: h.CatalogVersion, RequestId: h.RequestId}})
	case "misread":
		machine.Get[pb.Header](v, rowKey(word[1]))
		panic("read what was not there")
	case "lane":
		return effects(nil, machine.Change{Key: keys.Position(), Value: counter(7)})
	case "panic":
		panic("as told")
	}
	return machine.Refuse(lh.Errorf(lh.InvalidArgument, "unknown command %q", line))
}

func effects(reply *pb.Counter, changes ...machine.Change) machine.Effects {
	e := machine.Effects{Changes: changes}
	if reply != nil {
		e.Reply.Value = reply
	}
	return e
}

func (m *toy) both(client string, n int, r *pb.Record) machine.Effects {
	e := effects(counter(n),
		machine.Change{Key: rowKey(client + "/a"), Value: counter(n)},
		machine.Change{Key: rowKey(client + "/b"), Value: counter(n)},
		machine.Change{Key: rowKey(fmt.Sprintf("%s/log/%06d", client, n)), Value: counter(1)},
	)
	to := core(uint16(client[0]) % m.streams)
	e.Emit = []machine.Emit{{To: to, Record: ongoingWork(fmt.Sprintf("got %s %d", client, n))}}
	return e
}

func timerKey(dueNs int64, id string) keys.Key {
	return keys.Timer{DueNs: dueNs, Tenant: "t", Kind: keys.TimerSleep, ID: id}.Key()
}

// fired deletes the timer and notes when it fired.
func (m *toy) fired(v machine.View, r *pb.Record, k keys.Key) machine.Effects {
	timer, err := keys.ParseTimer(k)
	if err != nil {
		panic(err)
	}
	if machine.Get[pb.Timer](v, k) == nil {
		return effects(nil)
	}
	if r.Header.AtNs < timer.DueNs {
		panic(fmt.Sprintf("timer %s fired %d ns early", timer.ID, timer.DueNs-r.Header.AtNs))
	}
	if m.applied != nil {
		m.applied("fired " + timer.ID)
	}
	if strings.HasPrefix(timer.ID, "stubborn") {
		return machine.Refuse(lh.Errorf(lh.FailedPrecondition, "not now"))
	}
	n := rowKey("fired/" + timer.ID)
	return effects(nil, machine.Change{Key: n, Value: counter(read(v, n) + 1)}, machine.Change{Key: k})
}

// rig is one server over a file system, through its restarts.
type rig struct {
	testing.TB
	fs      vfs.FS
	dir     string
	memory  int64
	reserve int64        // of the disk
	logger  *slog.Logger // of the store
	config  func(*Config)
	streams []machine.Stream
	toy     *toy
	clock   *fakeClock
	store   *store.Store
	log     *embedded.Log
	host    *Host
	starts  int
}

func newRig(t testing.TB, config func(*Config)) *rig {
	return &rig{
		TB: t, fs: vfs.NewCrashableMem(), dir: "store", memory: 2 << 20, config: config,
		streams: []machine.Stream{core(0), core(1), core(2), meta}, toy: &toy{streams: 3}, clock: newFakeClock(),
	}
}

// start opens everything and starts the lanes; the test's end closes it.
func (r *rig) start() *rig {
	r.Helper()
	r.open()
	r.host.Start()
	return r
}

func (r *rig) open() {
	r.Helper()
	if err := r.tryOpen(); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) tryOpen() (err error) {
	o := store.DefaultOptions()
	o.Dir, o.FS, o.Partitions, o.MemoryBytes = r.dir, r.fs, 3, r.memory
	o.ReserveBytes, o.LookEvery = r.reserve, time.Millisecond
	if r.logger != nil {
		o.Logger = r.logger
	}
	if r.store, err = store.Open(r.Context(), o); err != nil {
		return err
	}
	lc := embedded.DefaultConfig()
	lc.Store, lc.Streams, lc.Now = r.store, r.streams, r.clock.Now
	if r.log, err = embedded.Open(lc); err != nil {
		return errors.Join(err, r.store.Close())
	}
	r.starts++
	cfg := DefaultConfig()
	cfg.Streams, cfg.Store, cfg.Log, cfg.Clock = r.streams, r.store, r.log, r.clock
	cfg.Machines = map[machine.Kind]machine.Machine{machine.Core: r.toy, machine.Metadata: r.toy}
	cfg.Incarnation = fmt.Sprintf("process-%d", r.starts)
	if r.config != nil {
		r.config(&cfg)
	}
	if r.host, err = Open(r.Context(), cfg); err != nil {
		return errors.Join(err, r.log.Close(), r.store.Close())
	}
	return nil
}

// stop ends the server as a clean shutdown does.
func (r *rig) stop() {
	r.Helper()
	if err := errors.Join(r.host.Close(), r.log.Close(), r.store.Close()); err != nil {
		r.Error(err)
	}
}

// do submits and waits for the reply.
func (r *rig) do(to machine.Stream, rec *pb.Record) machine.Reply {
	r.Helper()
	replies := make(chan machine.Reply, 1)
	r.host.Submit(to, rec, func(reply machine.Reply) { replies <- reply })
	select {
	case reply := <-replies:
		return reply
	case <-r.Context().Done():
		r.Fatal("no reply")
		return machine.Reply{}
	}
}

// must is do for a command that is not refused; it returns the number in the reply.
func (r *rig) must(to machine.Stream, line string) int {
	r.Helper()
	reply := r.do(to, fresh(line))
	if reply.Err != nil {
		r.Fatalf("%s: %v", line, reply.Err)
	}
	c, _ := reply.Value.(*pb.Counter)
	return int(c.GetValue())
}

// stored is the counter that a reader sees.
func (r *rig) stored(from machine.Stream, name string) int {
	r.Helper()
	b, err := r.host.Get(from, rowKey(name))
	if err != nil {
		r.Fatal(err)
	}
	c := &pb.Counter{}
	if err := c.UnmarshalVT(b); err != nil {
		r.Fatal(err)
	}
	return int(c.Value)
}

// fakeClock is a clock that the test moves.
type fakeClock struct {
	mu     sync.Mutex
	now    time.Time
	alarms map[*alarm]bool
	set    chan struct{} // receives when an alarm was set
}

type alarm struct {
	at time.Time
	c  chan time.Time
}

func newFakeClock() *fakeClock {
	return &fakeClock{now: time.Unix(1_700_000_000, 0), alarms: map[*alarm]bool{}, set: make(chan struct{}, 1)}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) Alarm(at time.Time) (<-chan time.Time, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := &alarm{at: at, c: make(chan time.Time, 1)}
	if !at.After(c.now) {
		a.c <- c.now
		return a.c, func() {}
	}
	c.alarms[a] = true
	select {
	case c.set <- struct{}{}:
	default:
	}
	return a.c, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.alarms, a)
	}
}

// advance moves the clock and rings what is due.
func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	for a := range c.alarms {
		if !a.at.After(c.now) {
			a.c <- c.now
			delete(c.alarms, a)
		}
	}
}

func (c *fakeClock) in(d time.Duration) int64 { return c.Now().Add(d).UnixNano() }
