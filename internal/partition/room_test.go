package partition

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/store"
)

// diskRig is a rig whose disk has as many MiB left as free sets, of 1000; the reserve is 100.
func diskRig(t *testing.T) (r *rig, free func(mib uint64, want store.Room)) {
	mem := vfs.NewCrashableMem()
	r = newRig(t, nil)
	r.fs, r.reserve = mem, 100<<20
	set := func(mib uint64) {
		mem.TestingSetDiskUsage(vfs.DiskUsage{TotalBytes: 1000 << 20, AvailBytes: mib << 20})
	}
	set(1000)
	return r.start(), func(mib uint64, want store.Room) {
		t.Helper()
		set(mib)
		for {
			room, changed := r.store.Room()
			if room == want {
				return
			}
			select {
			case <-changed:
			case <-t.Context().Done():
				t.Fatalf("the room is %s, not %s", room, want)
			}
		}
	}
}

// TestFullDiskRefusesByKind lets in less and less as the disk fills, and everything when it has room again. Reads
// go on all the time.
func TestFullDiskRefusesByKind(t *testing.T) {
	r, free := diskRig(t)
	defer r.stop()
	run := func() *pb.Record { return &pb.Record{Command: &pb.Record_RunWf{RunWf: &pb.RunWf{}}} }
	refused := func(rec *pb.Record, again time.Duration) {
		t.Helper()
		reply := r.do(core(0), rec)
		if reply.Err == nil || reply.Err.Code != lh.ResourceExhausted || reply.Err.RetryAfter != again {
			t.Errorf("%T: %+v", rec.Command, reply.Err)
		}
	}
	r.must(core(0), "add x 1")
	free(80, store.Scarce)
	refused(run(), 0)
	r.must(core(0), "add x 1") // a stop
	if reply := r.do(core(0), ongoingWork("add x 1")); reply.Err != nil {
		t.Error(reply.Err)
	}
	free(40, store.None)
	refused(run(), 0)
	refused(fresh("add x 1"), 0)
	refused(ongoingWork("add x 1"), roomRetry)
	if got := r.stored(core(0), "x"); got != 3 {
		t.Errorf("x = %d", got)
	}
	free(1000, store.Ample)
	if got := r.must(core(0), "add x 1"); got != 4 {
		t.Errorf("x = %d", got)
	}
	if got := r.host.Stats().NoSpace; got != 4 {
		t.Errorf("%d refusals were counted", got)
	}
}

// TestFullDiskHoldsWhatNobodyAsked keeps fired timers back until there is room, and loses none.
func TestFullDiskHoldsWhatNobodyAsked(t *testing.T) {
	r, free := diskRig(t)
	defer r.stop()
	const timers = 10
	for n := range timers {
		r.must(core(0), fmt.Sprintf("timer %d t%d", r.clock.in(time.Minute), n))
	}
	free(40, store.None)
	commits := r.host.Stats().Commits
	r.clock.advance(2 * time.Minute)
	for r.host.Stats().TimersFired < timers {
		runtime.Gosched()
	}
	if got := r.host.Stats().Commits; got != commits {
		t.Errorf("%d commits on a full disk", got-commits)
	}
	free(1000, store.Ample)
	if got := r.must(core(0), "sum fired/"); got != timers {
		t.Errorf("%d of %d timers", got, timers)
	}
}

// TestFullDiskLetsTheServerStop stops with records that wait for room: they are done, since so few cannot fill it.
func TestFullDiskLetsTheServerStop(t *testing.T) {
	r, free := diskRig(t)
	r.must(core(0), fmt.Sprintf("timer %d t", r.clock.in(time.Minute)))
	free(40, store.None)
	r.clock.advance(2 * time.Minute)
	for r.host.Stats().TimersFired == 0 {
		runtime.Gosched()
	}
	if err := r.host.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	r.stop()
}

// TestHostThatEndsLeavesASharedDiskWatched ends a Host whose store others have, too: they are still told when the disk fills.
func TestHostThatEndsLeavesASharedDiskWatched(t *testing.T) {
	r, free := diskRig(t)
	r.stop()
	r.config = func(c *Config) { c.SharedStore = true }
	r.start()
	defer r.stop()
	if err := r.host.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	free(40, store.None)
	free(1000, store.Ample)
}

// TestHostsShareWhatMayBePending fills the bound by one of two Hosts.
func TestHostsShareWhatMayBePending(t *testing.T) {
	var pending atomic.Int64
	r := newRig(t, func(c *Config) { c.Manual, c.PendingBytes, c.Pending = true, 1000, &pending }).start()
	defer r.stop()
	pending.Store(1000) // of another
	var refusal *lh.Error
	r.host.Submit(core(0), fresh("add x 1"), func(reply machine.Reply) { refusal = reply.Err })
	if refusal == nil || refusal.Code != lh.ResourceExhausted {
		t.Errorf("%v", refusal)
	}
	pending.Store(0)
}
