package partition

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

func TestRepliesComeInOrderAndSurviveRestarts(t *testing.T) {
	r := newRig(t, nil).start()
	for n := 1; n <= 20; n++ {
		if got := r.must(core(0), "add x 1"); got != n {
			t.Fatalf("reply %d is %d", n, got)
		}
	}
	r.stop()
	r.start()
	defer r.stop()
	if got := r.must(core(0), "add x 1"); got != 21 {
		t.Errorf("after the restart the reply is %d", got)
	}
	if got := r.host.Position(core(0)); got != 21 {
		t.Errorf("position %d", got)
	}
}

// disk is a file system whose write-ahead log can be held or broken.
type disk struct {
	vfs.FS
	held   sync.RWMutex                  // locked: syncs of the log wait
	syncs  atomic.Pointer[chan struct{}] // closed when the next sync of the log begins
	broken atomic.Pointer[error]
}

// nextSync is closed when the next sync of the log begins.
func (d *disk) nextSync() <-chan struct{} {
	c := make(chan struct{})
	d.syncs.Store(&c)
	return c
}

// pass waits as long as syncs are held.
func (d *disk) pass() {
	if c := d.syncs.Swap(nil); c != nil {
		close(*c)
	}
	d.held.RLock()
	defer d.held.RUnlock()
}

func newDisk() *disk {
	d := &disk{}
	d.FS = errorfs.Wrap(vfs.NewCrashableMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if !strings.HasSuffix(op.Path, ".log") {
			return nil
		}
		if op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo {
			d.pass()
		}
		if err := d.broken.Load(); err != nil && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return *err
		}
		return nil
	}))
	return d
}

// TestNothingAcknowledgedBeforeSync holds the sync of a commit: neither its reply nor what it wrote gets out,
// though the store itself has it already.
//
// holds: AnswersComeBehindTheCommit
func TestNothingAcknowledgedBeforeSync(t *testing.T) {
	d := newDisk()
	r := newRig(t, func(c *Config) { c.Lanes = 1 })
	r.fs = d
	r.start()
	defer r.stop()
	r.must(core(0), "set x 1")

	d.held.Lock()
	replies := make(chan machine.Reply, 1)
	r.host.Submit(core(0), fresh("set x 2"), func(reply machine.Reply) { replies <- reply })
	for visible := false; !visible; {
		b, _, err := r.store.Get(core(0), rowKey("x"))
		if err != nil {
			t.Fatal(err)
		}
		visible = bytes.Equal(b, []byte{8, 2})
	}
	select {
	case <-replies:
		t.Error("answered before the sync")
	default:
	}
	if got := r.stored(core(0), "x"); got != 1 {
		t.Errorf("a reader sees %d before the sync", got)
	}
	d.held.Unlock()
	<-replies
	if got := r.stored(core(0), "x"); got != 2 {
		t.Errorf("a reader sees %d after the reply", got)
	}
}

// TestBatchGrowsWhileOneIsSynced holds one sync and submits a record of each of a hundred origins: one more commit covers them
// all.
//
// holds: AnswersComeInMilliseconds
func TestBatchGrowsWhileOneIsSynced(t *testing.T) {
	d := newDisk()
	applied := make(chan string, 200)
	r := newRig(t, func(c *Config) { c.Lanes = 1 })
	r.fs, r.toy.applied = d, func(line string) { applied <- line }
	r.start()
	defer r.stop()

	d.held.Lock()
	var answered sync.WaitGroup
	submit := func(n int) {
		answered.Add(1)
		r.host.Submit(core(0), fresh(fmt.Sprintf("add x 1 for %d", n)), func(machine.Reply) { answered.Done() })
	}
	sealed := d.nextSync()
	submit(0)
	<-applied
	<-sealed
	for n := range 100 {
		submit(n)
	}
	for range 100 {
		<-applied
	}
	d.held.Unlock()
	answered.Wait()
	if s := r.host.Stats(); s.Commits != 2 || s.Records != 101 {
		t.Errorf("%d commits of %d records", s.Commits, s.Records)
	}
	if got := r.stored(core(0), "x"); got != 101 {
		t.Errorf("x = %d", got)
	}
}

// TestReadYourWrites lets many clients read in the moment they are answered.
//
// holds: AnswersComeBehindTheCommit
// covers: operations §6 writing
func TestReadYourWrites(t *testing.T) {
	r := newRig(t, nil).start()
	defer r.stop()
	var clients sync.WaitGroup
	for c := range 16 {
		clients.Go(func() {
			to, name := core(uint16(c%3)), fmt.Sprint("client", c)
			for n := 1; n <= 50; n++ {
				r.must(to, fmt.Sprintf("set %s %d", name, n))
				if got := r.stored(to, name); got != n {
					t.Errorf("%s was answered for %d and reads %d", name, n, got)
				}
			}
		})
	}
	clients.Wait()
}

// watcher is a Listener that looks at the Host while it is told.
type watcher struct {
	see func(s machine.Stream, changes []machine.Change)
}

func (w *watcher) Committed(s machine.Stream, changes []machine.Change) { w.see(s, changes) }

func TestListenerIsToldAfterTheSnapshotAndBeforeTheReply(t *testing.T) {
	var r *rig
	var told atomic.Int64
	r = newRig(t, func(c *Config) {
		c.Listener = &watcher{func(s machine.Stream, changes []machine.Change) {
			if s != core(1) {
				return
			}
			told.Add(1)
			if len(changes) != 1 || changes[0].Key != rowKey("x") || changes[0].Value.(*pb.Counter).Value != 5 {
				t.Errorf("told of %v", changes)
			}
			if got := r.stored(core(1), "x"); got != 5 {
				t.Errorf("the listener reads %d", got)
			}
			if got := r.host.Position(core(1)); got != 1 {
				t.Errorf("position %d while the listener is told", got)
			}
		}}
	})
	r.start()
	defer r.stop()
	if r.must(core(1), "set x 5"); told.Load() != 1 {
		t.Errorf("told %d times before the reply", told.Load())
	}
}

func TestChangesAreCoalesced(t *testing.T) {
	var seen [][]machine.Change
	r := newRig(t, func(c *Config) {
		c.Manual = true
		c.Listener = &watcher{func(_ machine.Stream, changes []machine.Change) { seen = append(seen, slices.Clone(changes)) }}
	})
	r.open()
	defer r.stop()
	for _, line := range []string{"add b 1", "add b 1", "blink a", "add c 1", "del c", "del d", "add b 1"} {
		r.host.Submit(core(0), fresh(line), nil)
	}
	r.step(0)
	// a and c left nothing behind; d may have been in the store and is deleted.
	if len(seen) != 1 || len(seen[0]) != 2 || seen[0][0].Key != rowKey("b") || seen[0][1].Key != rowKey("d") || seen[0][1].Value != nil {
		t.Fatalf("told of %v", seen)
	}
	if got := r.stored(core(0), "b"); got != 3 {
		t.Errorf("b = %d", got)
	}
}

// TestBlinkIsNotWritten counts the rows of a commit: besides the key that stays there are only those of the
// lane, its clock and its position.
func TestBlinkIsNotWritten(t *testing.T) {
	var stats CommitStats
	r := newRig(t, func(c *Config) { c.Manual, c.OnCommit = true, func(s CommitStats) { stats = s } })
	r.open()
	defer r.stop()
	r.host.Submit(core(0), fresh("blink a"), nil)
	r.host.Submit(core(0), fresh("set b 1"), nil)
	r.step(0)
	const lane = 1 // the clock; the log adds the position itself
	if stats.Changes != 1+lane || stats.Records != 2 {
		t.Errorf("%+v", stats)
	}
	// In the store, a put and a delete in one batch must leave the delete.
	r.host.Submit(core(0), fresh("set a 1"), nil)
	r.step(0)
	r.host.Submit(core(0), fresh("blink a"), nil)
	r.step(0)
	if b, err := r.host.Get(core(0), rowKey("a")); b != nil || err != nil {
		t.Errorf("a = %x, %v", b, err)
	}
}

// step lets one manual lane do all it can.
func (r *rig) step(lane int) {
	r.Helper()
	for {
		worked, err := r.host.Lanes()[lane].Step()
		if err != nil {
			r.Fatal(err)
		}
		if !worked {
			return
		}
	}
}

func TestRefusedRecordsChangeNothing(t *testing.T) {
	r := newRig(t, nil).start()
	defer r.stop()
	reply := r.do(core(0), fresh("nonsense"))
	if reply.Err == nil || reply.Err.Code != lh.InvalidArgument {
		t.Errorf("%+v", reply)
	}
	if got := r.host.Position(core(0)); got != 1 {
		t.Errorf("position %d: a refused record has its place too", got)
	}
}

// covers: operations §6 trouble
// survives: 11 panic
func TestPanicDropsTheRecordAndTheLaneGoesOn(t *testing.T) {
	var out bytes.Buffer
	r := newRig(t, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&out, nil)) }).start()
	for _, line := range []string{"panic", "lane", "emit 99 x"} {
		if reply := r.do(core(0), fresh(line)); reply.Err == nil || reply.Err.Code != lh.Internal {
			t.Errorf("%s: %+v", line, reply)
		}
	}
	if got := r.must(core(0), "add x 1"); got != 1 {
		t.Errorf("after the panics: %d", got)
	}
	if got := r.host.Stats().Panics; got != 3 {
		t.Errorf("%d panics counted", got)
	}
	r.stop()
	if got := strings.Count(out.String(), "toy).Apply"); got == 0 {
		t.Errorf("no stack in the log: %s", out.String())
	}
	if got := strings.Count(out.String(), "machine panicked"); got != 3 {
		t.Errorf("%d log lines for 3 panics", got)
	}
}

func TestFatalPanicsEndTheProcess(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Manual, c.FatalPanics = true, true })
	r.open()
	defer r.stop()
	r.host.Submit(core(0), fresh("panic"), nil)
	defer func() {
		if p := recover(); p != "as told" {
			t.Errorf("recovered %v", p)
		}
	}()
	_, _ = r.host.Lanes()[0].Step()
	t.Error("the panic was swallowed")
}

// covers: operations §6 trouble
func TestUnreadableStateIsUnavailable(t *testing.T) {
	r := newRig(t, nil).start()
	r.must(core(0), "set x 300")
	r.stop()
	r.start() // so that the object is not in memory
	defer r.stop()
	reply := r.do(core(0), fresh("misread x"))
	if reply.Err == nil || reply.Err.Code != lh.Unavailable {
		t.Errorf("%+v", reply)
	}
	if s := r.host.Stats(); s.ReadErrors != 1 || s.Panics != 0 {
		t.Errorf("%+v", s)
	}
	r.must(core(0), "add y 1")
}

func TestHeadersAreStamped(t *testing.T) {
	version := uint64(7)
	r := newRig(t, func(c *Config) { c.CatalogVersion = func() uint64 { return version } }).start()
	header := func(of machine.Stream, name string) *pb.Header {
		b, err := r.host.Get(of, rowKey(name))
		h := &pb.Header{}
		if err = errors.Join(err, h.UnmarshalVT(b)); err != nil {
			t.Fatal(err)
		}
		return h
	}
	ahead := fresh("stamp a")
	ahead.Header = &pb.Header{CatalogVersion: 9, AtNs: 1 << 62}
	r.do(core(0), ahead)
	if h := header(core(0), "a"); h.CatalogVersion != 9 || h.AtNs != r.clock.in(0) || len(h.RequestId) != 16 {
		t.Errorf("a: %v", h)
	}
	start := r.clock.in(0)
	r.clock.advance(-time.Hour)
	r.must(core(0), "stamp b")
	if h := header(core(0), "b"); h.CatalogVersion != 9 || h.AtNs != start || bytes.Equal(h.RequestId, header(core(0), "a").RequestId) {
		t.Errorf("b: %v", h)
	}
	r.must(core(1), "stamp c")
	if h := header(core(1), "c"); h.CatalogVersion != 7 || h.AtNs != start-int64(time.Hour) {
		t.Errorf("c: %v", h)
	}
	r.stop()
}

func TestMetadataVersionIsTheOffset(t *testing.T) {
	r := newRig(t, nil).start()
	defer r.stop()
	for n := uint64(1); n <= 3; n++ {
		rec := fresh("stamp v")
		rec.Header = &pb.Header{CatalogVersion: 99}
		r.do(meta, rec)
		b, err := r.host.Get(meta, rowKey("v"))
		h := &pb.Header{}
		if err = errors.Join(err, h.UnmarshalVT(b)); err != nil || h.CatalogVersion != n {
			t.Errorf("record %d: version %d, %v", n, h.CatalogVersion, err)
		}
	}
}

// survives: 6 forward
func TestClockSurvivesARestart(t *testing.T) {
	r := newRig(t, nil).start()
	at := r.clock.in(0)
	r.must(core(0), "stamp a")
	r.stop()
	r.clock.advance(-time.Hour)
	r.start()
	defer r.stop()
	r.must(core(0), "stamp a")
	b, err := r.host.Get(core(0), rowKey("a"))
	h := &pb.Header{}
	if err = errors.Join(err, h.UnmarshalVT(b)); err != nil || h.AtNs != at {
		t.Errorf("the clock went back by %v, %v", time.Duration(at-h.AtNs), err)
	}
}

func TestEmittedRecordsArrive(t *testing.T) {
	arrived := make(chan string, 10)
	r := newRig(t, nil)
	r.toy.applied = func(line string) { arrived <- line }
	r.start()
	defer r.stop()
	r.must(core(0), "emit 1 emit 0 emit 2 emit 2 add x 1")
	for range 4 {
		<-arrived
	}
	if line := <-arrived; line != "add x 1" {
		t.Errorf("the last hop is %q", line)
	}
}

// holds: WaitersEndWhenPartitionsMove
// covers: operations §6 moving
func TestMovedPartitionIsUnavailable(t *testing.T) {
	r := newRig(t, nil).start()
	defer r.stop()
	if reply := r.do(core(77), fresh("add x 1")); reply.Err == nil || reply.Err.Code != lh.Unavailable {
		t.Errorf("%+v", reply)
	}
	if _, err := r.host.Get(core(77), rowKey("x")); lh.AsError(err) == nil {
		t.Error(err)
	}
	err := r.host.Scan(core(77), rowKey("x"), "", func(keys.Key, []byte) bool { return true })
	if lh.AsError(err) == nil {
		t.Error(err)
	}
}

// TestQueuesAreBounded fills the queue of a partition whose lane stands still: new work is refused first, then
// what is in progress, and other partitions take both.
func TestQueuesAreBounded(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Manual, c.QueueRecords, c.RetryAfter = true, 100, time.Second })
	r.open()
	defer r.stop()
	var refused []machine.Reply
	fill := func(to machine.Stream, rec func(string) *pb.Record, n int) (taken int) {
		refused = nil
		for range n {
			r.host.Submit(to, rec("add x 1"), func(reply machine.Reply) { refused = append(refused, reply) })
		}
		return n - len(refused)
	}
	if got := fill(core(0), fresh, 200); got != 75 {
		t.Errorf("%d records of new work were taken", got)
	}
	for _, reply := range refused {
		if reply.Err.Code != lh.ResourceExhausted || reply.Err.RetryAfter != time.Second {
			t.Fatalf("refused with %+v", reply.Err)
		}
	}
	if got := fill(core(0), ongoingWork, 200); got != 25 {
		t.Errorf("%d more records of ongoing work were taken", got)
	}
	if got := fill(core(1), fresh, 10); got != 10 {
		t.Errorf("another partition took %d of 10", got)
	}
	if got := r.host.Stats(); got.Refused != 300 || got.Queues[0].Records != 100 {
		t.Errorf("%+v", got)
	}
	r.step(0)
	if got := fill(core(0), fresh, 10); got != 10 {
		t.Errorf("the emptied queue took %d of 10", got)
	}
}

// TestQueueBytesAreBounded: large records of new work are refused long before those of work in progress are, by the
// partition and by all together.
func TestQueueBytesAreBounded(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Manual, c.QueueBytes, c.PendingBytes = true, 30_000, 100_000 })
	r.open()
	defer r.stop()
	fill := func(to machine.Stream, rec func(string) *pb.Record) (taken int) {
		taken = 20
		for range 20 {
			r.host.Submit(to, rec("set x"+strings.Repeat("y", 10_000)+" 1"), func(machine.Reply) { taken-- })
		}
		return taken
	}
	if got := fill(core(0), fresh); got != 3 {
		t.Errorf("a partition took %d large records of new work", got)
	}
	if got := fill(core(1), fresh); got != 2 {
		t.Errorf("with them another took %d", got)
	}
	if got := fill(core(0), ongoingWork); got != 5 {
		t.Errorf("%d large records of work in progress were taken besides", got)
	}
	r.step(0)
	r.step(1)
	for _, got := range r.host.Stats().Queues {
		if got.Records != 0 || got.Bytes != 0 {
			t.Errorf("%+v", got)
		}
	}
	if got := fill(core(1), ongoingWork); got != 10 {
		t.Errorf("emptied, they took %d of work in progress", got)
	}
}

// TestCrowded: only when every partition would refuse new work it is said so, and it is counted as a refusal.
func TestCrowded(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Manual, c.QueueRecords, c.RetryAfter = true, 4, time.Second })
	r.open()
	defer r.stop()
	for p := range uint16(3) {
		if err := r.host.Crowded(); err != nil {
			t.Errorf("with %d partitions full: %v", p, err)
		}
		for range 4 {
			r.host.Submit(core(p), fresh("add x 1"), func(machine.Reply) {})
		}
	}
	before := r.host.Stats().Refused
	if err := r.host.Crowded(); err == nil || err.Code != lh.ResourceExhausted || err.RetryAfter != time.Second {
		t.Errorf("all are full: %v", err)
	}
	if got := r.host.Stats().Refused; got != before+1 {
		t.Errorf("%d refusals were counted after %d", got, before)
	}
	r.step(0)
	if err := r.host.Crowded(); err != nil {
		t.Errorf("one has room again: %v", err)
	}
}

// TestBatchBytesAreBounded applies big records: each commit takes only what its bytes allow.
func TestBatchBytesAreBounded(t *testing.T) {
	var sizes []int
	r := newRig(t, func(c *Config) {
		c.Manual, c.BatchBytes, c.OnCommit = true, 10, func(s CommitStats) { sizes = append(sizes, s.Records) }
	})
	r.open()
	defer r.stop()
	for n := range 20 {
		r.host.Submit(core(0), fresh(fmt.Sprintf("set x%d 1", n)), nil)
	}
	r.step(0)
	if !slices.Equal(sizes, []int{5, 5, 5, 5}) {
		t.Errorf("commits of %v records", sizes)
	}
}

func TestDrainAnswersEverybody(t *testing.T) {
	for _, manual := range []bool{false, true} {
		r := newRig(t, func(c *Config) { c.Manual = manual }).start()
		var answered atomic.Int64
		for range 500 {
			r.host.Submit(core(0), fresh("add x 1"), func(reply machine.Reply) {
				if reply.Err == nil {
					answered.Add(1)
				}
			})
		}
		if err := r.host.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		if got := answered.Load(); got != 500 {
			t.Errorf("%d of 500 were answered", got)
		}
		<-r.host.Done()
		if reply := r.do(core(0), fresh("add x 1")); reply.Err == nil || reply.Err.Code != lh.Unavailable {
			t.Errorf("after the drain: %+v", reply)
		}
		if _, err := r.host.Get(core(0), rowKey("x")); lh.AsError(err) == nil {
			t.Errorf("reads of a closed host: %v", err)
		}
		r.stop()
		r.start()
		if got := r.stored(core(0), "x"); got != 500 {
			t.Errorf("x = %d", got)
		}
		r.stop()
	}
}

func TestDrainGivesUpWithItsContext(t *testing.T) {
	d := newDisk()
	r := newRig(t, nil)
	r.fs = d
	r.start()
	d.held.Lock()
	replies := make(chan machine.Reply, 1)
	r.host.Submit(core(0), fresh("add x 1"), func(reply machine.Reply) { replies <- reply })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	drained := make(chan error)
	go func() { drained <- r.host.Drain(ctx) }()
	<-r.host.stop
	d.held.Unlock()
	if err := <-drained; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	<-replies
	r.stop()
}

// TestCloseAnswersEverybody closes a busy host: each record is answered once, with success only if it is there.
func TestCloseAnswersEverybody(t *testing.T) {
	r := newRig(t, nil).start()
	var good, bad atomic.Int64
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for {
				reply := r.do(core(0), fresh("add x 1"))
				if reply.Err == nil {
					good.Add(1)
					continue
				}
				if reply.Err.Code != lh.Unavailable {
					t.Errorf("%+v", reply.Err)
				}
				bad.Add(1)
				return
			}
		})
	}
	for good.Load() < 200 {
		r.must(core(1), "add y 1")
	}
	r.stop()
	clients.Wait()
	if bad.Load() != 8 {
		t.Errorf("%d clients were told", bad.Load())
	}
	r.start()
	defer r.stop()
	if got := r.stored(core(0), "x"); int64(got) < good.Load() {
		t.Errorf("x = %d, acknowledged %d", got, good.Load())
	}
}

// TestBrokenDiskStopsTheHost breaks the disk under load: whoever waits is told, nobody is acknowledged any
// more, and what had been acknowledged is there after a restart on the last good state.
//
// covers: operations §6 trouble
func TestBrokenDiskStopsTheHost(t *testing.T) {
	for name, cause := range map[string]error{"full": syscall.ENOSPC, "sync": syscall.EIO} {
		d := newDisk()
		r := newRig(t, nil)
		r.fs = d
		r.start()
		var acked atomic.Int64
		var clients sync.WaitGroup
		for range 8 {
			clients.Go(func() {
				for {
					reply := r.do(core(0), fresh("add x 1"))
					if reply.Err != nil {
						if reply.Err.Code != lh.Unavailable {
							t.Errorf("%s: %+v", name, reply.Err)
						}
						return
					}
					acked.Add(1)
				}
			})
		}
		for acked.Load() < 100 {
			r.must(core(1), "add y 1")
		}
		var err error = &os.PathError{Op: "write", Path: "log", Err: cause}
		d.broken.Store(&err)
		clients.Wait()
		<-r.host.Done()
		if err := r.host.Err(); !errors.Is(err, cause) {
			t.Errorf("%s: host failed with %v", name, err)
		}
		before := acked.Load()
		if reply := r.do(core(2), fresh("add z 1")); reply.Err == nil || reply.Err.Code != lh.Unavailable {
			t.Errorf("%s: after the failure: %+v", name, reply)
		}
		if err := r.host.Drain(t.Context()); !errors.Is(err, cause) {
			t.Errorf("%s: drain says %v", name, err)
		}
		_ = r.log.Close()
		_ = r.store.Close()

		d.broken.Store(nil)
		r.start()
		if got := r.stored(core(0), "x"); int64(got) < before {
			t.Errorf("%s: x = %d, acknowledged %d", name, got, before)
		}
		r.stop()
	}
}

// stalls is a logger that tells when writes wait for a flush.
type stalls struct {
	slog.Handler
	begun chan struct{}
}

func (s *stalls) Handle(_ context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "writes wait") {
		select {
		case s.begun <- struct{}{}:
		default:
		}
	}
	return nil
}

func (s *stalls) Enabled(context.Context, slog.Level) bool { return true }
func (s *stalls) WithGroup(string) slog.Handler            { return s }

// TestBrokenFlushStopsTheHost breaks what Pebble does behind our back, while a commit waits for it: that commit
// hangs for ever, but all who wait are answered and everything can be left.
func TestBrokenFlushStopsTheHost(t *testing.T) {
	held, broken := make(chan struct{}), atomic.Bool{}
	stall := &stalls{Handler: slog.DiscardHandler, begun: make(chan struct{}, 1)}
	r := newRig(t, func(c *Config) { c.BatchRecords = 1 })
	r.logger = slog.New(stall)
	r.fs = errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && strings.HasSuffix(op.Path, ".sst") && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			<-held
			return syscall.ENOSPC
		}
		return nil
	}))
	r.start()
	broken.Store(true)
	padding := strings.Repeat("p", 50_000)
	var waiting sync.WaitGroup
	for n := range 100 {
		waiting.Add(1)
		r.host.Submit(core(0), fresh(fmt.Sprintf("set %d%s 1", n, padding)), func(machine.Reply) { waiting.Done() })
	}
	<-stall.begun
	close(held)
	waiting.Wait()
	<-r.host.Done()
	for name, closing := range map[string]func() error{"host": r.host.Close, "store": r.store.Close} {
		if err := closing(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := r.log.Close(); err != nil {
		t.Error(err)
	}
	broken.Store(false) // so that the commit can end before the test does
	for _, l := range r.host.Lanes() {
		<-l.ended
	}
	_ = r.store.Close()
}

func TestFencedHostStops(t *testing.T) {
	r := newRig(t, nil).start()
	other, err := r.log.Open(t.Context(), []machine.Stream{core(0)})
	if err != nil {
		t.Fatal(err)
	}
	if reply := r.do(core(0), fresh("add x 1")); reply.Err == nil || reply.Err.Code != lh.Unavailable {
		t.Errorf("%+v", reply)
	}
	<-r.host.Done()
	if r.host.Err() == nil {
		t.Error("a fenced host goes on")
	}
	if err := other.Close(); err != nil {
		t.Error(err)
	}
	_ = r.host.Close()
	if err := errors.Join(r.log.Close(), r.store.Close()); err != nil {
		t.Error(err)
	}
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	r := newRig(t, nil)
	r.open()
	defer r.stop()
	for want, change := range map[string]func(*Config){
		"no Store":          func(c *Config) { c.Store = nil },
		"no Log":            func(c *Config) { c.Log = nil },
		"Clock":             func(c *Config) { c.Clock = nil },
		"Incarnation":       func(c *Config) { c.Incarnation = "" },
		"no Streams":        func(c *Config) { c.Streams = nil },
		"listed twice":      func(c *Config) { c.Streams = append(c.Streams, core(0)) },
		"no machine":        func(c *Config) { c.Machines = nil },
		"QueueRecords is 0": func(c *Config) { c.QueueRecords = 0 },
		"TimerPage is -1":   func(c *Config) { c.TimerPage = -1 },
		"TimerQueue is 0":   func(c *Config) { c.TimerQueue = 0 },
		"Lanes is -1":       func(c *Config) { c.Lanes = -1 },
	} {
		cfg := r.host.cfg
		cfg.Streams = slices.Clone(cfg.Streams)
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
