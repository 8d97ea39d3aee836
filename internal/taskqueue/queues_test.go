package taskqueue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// partition is the durable side of the tests: rows, and claims that delete them.
type partition struct {
	t      *testing.T
	stream machine.Stream
	queues *Queues

	mu     sync.Mutex
	rows   map[keys.Key]keys.ScheduledTask
	refuse *lh.Error
	hold   chan struct{} // when set, a claim waits for it before it is told
	output string
	order  sync.Mutex // claims are told one after the other, as a partition tells them
	tail   chan struct{}
}

func newPartition(t *testing.T) *partition {
	return &partition{t: t, stream: machine.Stream{Kind: machine.Core, Partition: 3}, rows: map[keys.Key]keys.ScheduledTask{}}
}

func (p *partition) start(change func(*Config)) *Queues {
	cfg := Default()
	cfg.Incarnation = "here"
	cfg.Log = slog.New(slog.DiscardHandler)
	cfg.Claim = p.claim
	cfg.Scan = p.scan
	if change != nil {
		change(&cfg)
	}
	p.queues = New(cfg)
	p.t.Cleanup(p.queues.Close)
	return p.queues
}

func (p *partition) scan(_ context.Context, _ machine.Stream, start, end keys.Key, limit int) ([]keys.Key, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []keys.Key
	for k := range p.rows {
		if k >= start && k < end {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out[:min(limit, len(out))], nil
}

func task(def string, n int) keys.ScheduledTask {
	return keys.ScheduledTask{Tenant: "t", TaskDef: def, ScheduledNs: int64(n), WfRun: fmt.Sprintf("w%06d", n), Guid: "0-1"}
}

func (p *partition) store(tasks ...keys.ScheduledTask) (changes []machine.Change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range tasks {
		p.rows[t.Key()] = t
		changes = append(changes, machine.Change{Key: t.Key(), Value: &pb.Empty{}})
	}
	return changes
}

func (p *partition) commit(tasks ...keys.ScheduledTask) {
	p.queues.Committed(p.stream, p.store(tasks...))
}

func (p *partition) claim(_ machine.Stream, t keys.ScheduledTask, _ *pb.Credit, done func(*lhpb.ScheduledTask, *lh.Error)) {
	p.mu.Lock()
	refuse, hold := p.refuse, p.hold
	p.mu.Unlock()
	if refuse != nil {
		done(nil, refuse)
		return
	}
	p.order.Lock()
	before, told := p.tail, make(chan struct{})
	p.tail = told
	p.order.Unlock()
	go func() {
		defer close(told)
		if before != nil {
			<-before
		}
		if hold != nil {
			<-hold
		}
		p.mu.Lock()
		_, there := p.rows[t.Key()]
		delete(p.rows, t.Key())
		p.mu.Unlock()
		if !there {
			done(nil, nil)
			return
		}
		p.queues.Committed(p.stream, []machine.Change{{Key: t.Key()}})
		done(&lhpb.ScheduledTask{
			TaskRunId: &lhpb.TaskRunId{WfRunId: lh.ParseWfRunID(t.WfRun), TaskGuid: t.Guid},
			TaskDefId: &lhpb.TaskDefId{Name: p.output},
		}, nil)
	}()
}

// worker is the client's end of a PollTask stream.
type worker struct {
	requests chan *lhpb.PollTaskRequest
	closed   chan struct{} // half-close
	cancel   context.CancelFunc
	ctx      context.Context
	block    chan struct{} // when set, Send waits until it is closed

	mu     sync.Mutex
	got    []string
	ended  chan struct{}
	result error
}

func (w *worker) Recv() (*lhpb.PollTaskRequest, error) {
	select {
	case r := <-w.requests:
		return r, nil
	default:
	}
	select {
	case r := <-w.requests:
		return r, nil
	case <-w.closed:
		return nil, io.EOF
	case <-w.ctx.Done():
		return nil, w.ctx.Err()
	}
}

func (w *worker) Send(r *lhpb.PollTaskResponse) error {
	if w.block != nil {
		select {
		case <-w.block:
		case <-w.ctx.Done():
			return w.ctx.Err()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got = append(w.got, r.Result.TaskRunId.WfRunId.Id)
	return nil
}

func (w *worker) received() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.got)
}

func (w *worker) poll(def string, credits int) {
	for range credits {
		w.requests <- &lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: def}, ClientId: "w"}
	}
}

func open(t *testing.T, qs *Queues, block chan struct{}) *worker {
	return openOn(t, qs, block, Terms{})
}

func openOn(t *testing.T, qs *Queues, block chan struct{}, terms Terms) *worker {
	w := &worker{requests: make(chan *lhpb.PollTaskRequest, 10000), closed: make(chan struct{}), ended: make(chan struct{}), block: block}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	go func() {
		w.result = qs.Poll(w.ctx, "t", w, terms)
		w.cancel()
		close(w.ended)
	}()
	t.Cleanup(w.cancel)
	return w
}

func want(t *testing.T, got []string, tasks ...int) {
	t.Helper()
	var names []string
	for _, n := range tasks {
		names = append(names, fmt.Sprintf("w%06d", n))
	}
	if !slices.Equal(got, names) {
		t.Fatalf("got %v, want %v", got, names)
	}
}

// covers: tasks §6.3
func TestOldestTaskMeetsOldestCredit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		qs := p.start(nil)
		p.commit(task("greet", 1), task("greet", 2))
		first, second := open(t, qs, nil), open(t, qs, nil)
		first.poll("greet", 2)
		synctest.Wait()
		want(t, first.received(), 1, 2)

		first.poll("greet", 1)
		synctest.Wait()
		second.poll("greet", 1)
		synctest.Wait()
		p.commit(task("greet", 3))
		p.commit(task("greet", 4))
		synctest.Wait()
		want(t, first.received(), 1, 2, 3)
		want(t, second.received(), 4)
		finish(qs, first, second)
	})
}

func finish(qs *Queues, workers ...*worker) {
	for _, w := range workers {
		w.cancel()
		<-w.ended
	}
	qs.Close()
}

// covers: tasks §6.2
func TestOneResponseForEachCredit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		qs := p.start(nil)
		w := open(t, qs, nil)
		w.poll("greet", 3)
		for n := range 10 {
			p.commit(task("greet", n))
		}
		synctest.Wait()
		want(t, w.received(), 0, 1, 2)
		w.poll("other", 5)
		w.poll("greet", 2)
		synctest.Wait()
		want(t, w.received(), 0, 1, 2, 3, 4)
		finish(qs, w)
	})
}

// covers: tasks §6.3
func TestTenantsAndTaskDefsDoNotShareAQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		qs := p.start(nil)
		foreign := task("greet", 1)
		foreign.Tenant = "elsewhere"
		p.commit(foreign, task("other", 2))
		w := open(t, qs, nil)
		w.poll("greet", 2)
		synctest.Wait()
		want(t, w.received())
		finish(qs, w)
	})
}

// covers: tasks §4.1; tasks §6.2
func TestCreditKeepsItsPlaceWhenTheTaskIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		qs := p.start(nil)
		qs.Committed(p.stream, []machine.Change{{Key: task("greet", 1).Key(), Value: &pb.Empty{}}}) // no row behind it
		first, second := open(t, qs, nil), open(t, qs, nil)
		first.poll("greet", 1)
		synctest.Wait()
		second.poll("greet", 1)
		synctest.Wait()
		p.commit(task("greet", 2))
		synctest.Wait()
		want(t, first.received(), 2)
		want(t, second.received())
		finish(qs, first, second)
	})
}

func TestRefusedClaimIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		p.refuse = lh.Errorf(lh.ResourceExhausted, "full")
		qs := p.start(nil)
		w := open(t, qs, nil)
		w.poll("greet", 1)
		p.commit(task("greet", 1))
		synctest.Wait()
		want(t, w.received())
		p.mu.Lock()
		p.refuse = nil
		p.mu.Unlock()
		time.Sleep(qs.cfg.Retry)
		synctest.Wait()
		want(t, w.received(), 1)
		finish(qs, w)
	})
}

// covers: operations §6 queues
func TestQueuesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const tasks, window = 5000, 64
		p := newPartition(t)
		qs := p.start(func(c *Config) { c.Window = window })
		var order []int
		for n := range tasks {
			if n%2 == 0 {
				p.store(task("greet", n))
			}
			order = append(order, n)
		}
		if err := qs.Attach(context.Background(), p.stream); err != nil {
			t.Fatal(err)
		}
		for n := range tasks {
			if n%2 == 1 {
				p.commit(task("greet", n))
			}
		}
		synctest.Wait()
		if s := qs.Sizes(); len(s) != 1 || s[0].Tasks > window {
			t.Fatalf("sizes %v", s)
		}
		w := open(t, qs, nil)
		w.poll("greet", tasks)
		synctest.Wait()
		got := w.received()
		slices.Sort(got)
		want(t, got, order...)
		finish(qs, w)
	})
}

// Who reads only a part of them finds the same ones each time.
func TestSizesAreSorted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		qs := p.start(nil)
		var order, got []string
		for n := range 50 {
			name := fmt.Sprintf("task%02d", n)
			order = append(order, name)
			p.commit(task(name, n))
		}
		synctest.Wait()
		for _, s := range qs.Sizes() {
			got = append(got, s.TaskDef)
		}
		if !slices.Equal(got, order) {
			t.Errorf("%v", got)
		}
		finish(qs)
	})
}

// covers: tasks §6.3; operations §6 queues
func TestAttachFindsWhatWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		qs := p.start(nil)
		p.store(task("a", 1), task("b", 2), task("b", 3))
		w := open(t, qs, nil)
		w.poll("b", 2)
		w.poll("a", 1)
		synctest.Wait()
		if err := qs.Attach(context.Background(), p.stream); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := w.received(); len(got) != 3 {
			t.Fatalf("got %v", got)
		}
		finish(qs, w)
	})
}

// covers: tasks §6.2
func TestCreditsEndWithTheirStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		qs := p.start(nil)
		dead, alive := open(t, qs, nil), open(t, qs, nil)
		dead.poll("greet", 3)
		synctest.Wait()
		alive.poll("greet", 2)
		synctest.Wait()
		dead.cancel()
		<-dead.ended
		p.commit(task("greet", 1), task("greet", 2))
		synctest.Wait()
		want(t, dead.received())
		want(t, alive.received(), 1, 2)
		finish(qs, alive)
	})
}

// survives: 3 waiting
func TestClaimOfADeadStreamIsNotHandedToAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		p.hold = make(chan struct{})
		qs := p.start(nil)
		dead, alive := open(t, qs, nil), open(t, qs, nil)
		dead.poll("greet", 1)
		synctest.Wait()
		p.commit(task("greet", 1))
		synctest.Wait()
		dead.cancel()
		<-dead.ended
		alive.poll("greet", 1)
		synctest.Wait()
		close(p.hold)
		synctest.Wait()
		want(t, dead.received())
		want(t, alive.received())
		finish(qs, alive)
	})
}

// covers: tasks §6.2
func TestHalfClosedStreamGetsWhatWasClaimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		p.hold = make(chan struct{})
		qs := p.start(nil)
		w := open(t, qs, nil)
		w.poll("greet", 2)
		synctest.Wait()
		p.commit(task("greet", 1))
		synctest.Wait()
		close(w.closed)
		synctest.Wait()
		p.commit(task("greet", 2))
		close(p.hold)
		<-w.ended
		if w.result != nil {
			t.Fatal(w.result)
		}
		want(t, w.received(), 1)
		finish(qs)
	})
}

func TestSlowReaderDoesNotHoldOthersUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		p.output = strings.Repeat("x", 1000)
		qs := p.start(func(c *Config) { c.OutboxBytes = 4000 })
		block := make(chan struct{})
		slow, fast := open(t, qs, block), open(t, qs, nil)
		slow.poll("greet", 100)
		synctest.Wait()
		for n := range 50 {
			p.commit(task("greet", n))
			synctest.Wait()
		}
		fast.poll("greet", 50)
		synctest.Wait()
		if n := len(fast.received()); n < 40 {
			t.Fatalf("the fast worker got %d of 50", n)
		}
		close(block)
		synctest.Wait()
		if n := len(fast.received()) + len(slow.received()); n != 50 {
			t.Fatalf("%d of 50 arrived", n)
		}
		fast.cancel()
		<-fast.ended
		p.commit(task("greet", 51))
		synctest.Wait()
		if got := slow.received(); got[len(got)-1] != "w000051" {
			t.Fatal("a worker that reads again gets no tasks")
		}
		finish(qs, slow)
	})
}

// small is room for some bytes.
type small struct {
	mu          sync.Mutex
	bytes, most int64
	kept        int64 // of requests
	mostKept    int64
}

func (s *small) Keep(bytes int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bytes > 0 && s.kept+bytes > s.mostKept {
		return false
	}
	s.kept += bytes
	return true
}

func (s *small) Full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes >= s.most
}

func (s *small) Charge(bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes += bytes
}

// Streams of one worker that does not read share the room there is; what they cannot take goes to others.
func TestStreamsShareTheRoomThereIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		p.output = strings.Repeat("x", 1000)
		qs := p.start(nil)
		room, block := &small{most: 3000, mostKept: 1 << 20}, make(chan struct{})
		first, second := openOn(t, qs, block, Terms{Room: room}), openOn(t, qs, block, Terms{Room: room})
		first.poll("greet", 20)
		synctest.Wait()
		for n := range 10 {
			p.commit(task("greet", n))
			synctest.Wait()
		}
		second.poll("greet", 20)
		synctest.Wait()
		if room.bytes < room.most || room.bytes > room.most+1200 {
			t.Fatalf("%d bytes wait", room.bytes)
		}
		other := open(t, qs, nil)
		other.poll("greet", 20)
		synctest.Wait()
		if n := len(other.received()); n < 6 {
			t.Fatalf("another worker got %d of 10", n)
		}
		other.cancel()
		<-other.ended
		close(block)
		time.Sleep(2 * roomEvery)
		first.cancel()
		<-first.ended
		p.commit(task("greet", 11))
		p.commit(task("greet", 12))
		synctest.Wait()
		if n := len(first.received()) + len(second.received()) + len(other.received()); n != 12 {
			t.Fatalf("%d of 12 arrived", n)
		}
		if len(second.received()) == 0 {
			t.Fatal("a stream that found no room gets no tasks when there is")
		}
		finish(qs, second)
		if room.bytes != 0 || room.kept != 0 {
			t.Fatalf("%d bytes of tasks and %d of requests are left", room.bytes, room.kept)
		}
	})
}

// Who asks for more tasks than his connection may is told so; what he was given until then he has, and nothing stays.
func TestRequestsOfAWorkerAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		qs := p.start(nil)
		one := int64(creditBytes + (&lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: "greet"}, ClientId: "w"}).SizeVT())
		room := &small{most: 1 << 20, mostKept: 10 * one}
		modest, greedy := openOn(t, qs, nil, Terms{Room: room}), openOn(t, qs, nil, Terms{Room: room})
		modest.poll("greet", 4)
		synctest.Wait()
		p.commit(task("greet", 1)) // one request is answered
		synctest.Wait()
		greedy.poll("greet", 8)
		<-greedy.ended
		if e := lh.AsError(greedy.result); e == nil || e.Code != lh.ResourceExhausted {
			t.Fatal(greedy.result)
		}
		long := openOn(t, qs, nil, Terms{Room: room})
		long.requests <- &lhpb.PollTaskRequest{ClientId: strings.Repeat("w", 10*creditBytes)}
		<-long.ended
		if e := lh.AsError(long.result); e == nil || e.Code != lh.ResourceExhausted {
			t.Fatal(long.result)
		}
		synctest.Wait()
		if room.kept != 3*one {
			t.Fatalf("%d bytes of requests wait", room.kept)
		}
		p.commit(task("greet", 2))
		synctest.Wait()
		if n := len(modest.received()); n != 2 {
			t.Fatalf("the modest worker got %d of 2", n)
		}
		finish(qs, modest)
		if room.kept != 0 {
			t.Fatalf("%d bytes of requests are left", room.kept)
		}
	})
}

// Credits are taken in the order of their numbers, however they come and go.
func TestCreditsInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var list creditList
		var all []*credit
		waiting := map[uint64]bool{}
		for n := range rapid.IntRange(1, 50).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "new") || len(all) == 0 {
				c := &credit{wire: &pb.Credit{Number: uint64(n)}}
				all = append(all, c)
				list.add(c)
				waiting[c.wire.Number] = true
				continue
			}
			switch c := rapid.SampledFrom(all).Draw(t, "credit"); {
			case !waiting[c.wire.Number]:
				list.add(c)
				waiting[c.wire.Number] = true
			case rapid.Bool().Draw(t, "pop"):
				delete(waiting, list.pop().wire.Number)
			default:
				list.remove(c)
				list.remove(c) // one that does not wait is not there
				delete(waiting, c.wire.Number)
			}
			if list.len() != len(waiting) {
				t.Fatalf("%d of %d wait", list.len(), len(waiting))
			}
		}
		for _, n := range slices.Sorted(maps.Keys(waiting)) {
			if got := list.pop().wire.Number; got != n {
				t.Fatalf("%d is taken before %d", got, n)
			}
		}
	})
}

// A stream that must end delivers what was claimed and says why.
func TestStreamEndsWhenItIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		p.hold = make(chan struct{})
		qs := p.start(nil)
		over := make(chan error, 1)
		w := openOn(t, qs, nil, Terms{Over: over})
		w.poll("greet", 5)
		synctest.Wait()
		p.commit(task("greet", 1))
		synctest.Wait()
		over <- lh.Errorf(lh.Unauthenticated, "Token is not active")
		synctest.Wait()
		p.commit(task("greet", 2))
		close(p.hold)
		<-w.ended
		if err := lh.AsError(w.result); err == nil || err.Code != lh.Unauthenticated {
			t.Fatal(w.result)
		}
		want(t, w.received(), 1)
		finish(qs)
	})
}

func TestStreamHasABoundedNumberOfCredits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		qs := p.start(func(c *Config) { c.MaxCredits = 10 })
		w := open(t, qs, nil)
		w.poll("greet", 100)
		synctest.Wait()
		if left := len(w.requests); left != 89 {
			t.Fatalf("%d requests are left in the transport", left)
		}
		for n := range 100 {
			p.commit(task("greet", n))
		}
		synctest.Wait()
		if n := len(w.received()); n != 100 {
			t.Fatalf("%d of 100 arrived", n)
		}
		finish(qs, w)
	})
}

func TestInventedNamesLeaveNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		qs := p.start(nil)
		w := open(t, qs, nil)
		for n := range 100 {
			w.poll(fmt.Sprint("name", n), 1)
		}
		synctest.Wait()
		w.cancel()
		<-w.ended
		if n := len(qs.all()); n != 0 {
			t.Fatalf("%d queues are left", n)
		}
		finish(qs)
	})
}

func TestShutdownDeliversWhatIsClaimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		p.hold = make(chan struct{})
		qs := p.start(nil)
		w, idle := open(t, qs, nil), open(t, qs, nil)
		w.poll("greet", 2)
		synctest.Wait()
		p.commit(task("greet", 1))
		synctest.Wait()
		down := make(chan error, 1)
		go func() { down <- qs.Shutdown(context.Background()) }()
		synctest.Wait()
		p.commit(task("greet", 2))
		close(p.hold)
		if err := <-down; err != nil {
			t.Fatal(err)
		}
		want(t, w.received(), 1)
		for _, x := range []*worker{w, idle, open(t, qs, nil)} {
			<-x.ended
			if e := lh.AsError(x.result); e == nil || e.Code != lh.Unavailable {
				t.Fatalf("stream ended with %v", x.result)
			}
		}
		finish(qs)
	})
}

func TestBrokenStreamEndsThePoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		qs := p.start(nil)
		w := open(t, qs, nil)
		synctest.Wait()
		w.cancel()
		<-w.ended
		if !errors.Is(w.result, context.Canceled) {
			t.Fatal(w.result)
		}
		finish(qs)
	})
}

// Many workers come and go while tasks are committed: each task reaches at most one of them, and all tasks
// reach someone as long as nobody breaks off.
//
// covers: tasks §4.1
// holds: AttemptsAreDeliveredAtMostOnce
func TestEachTaskIsDeliveredOnce(t *testing.T) {
	const tasks, workers = 3000, 8
	p := newPartition(t)
	qs := p.start(func(c *Config) { c.Window = 32; c.Retry = time.Millisecond })
	for n := range tasks / 3 {
		p.store(task("greet", n))
	}
	var ws []*worker
	for range workers {
		w := open(t, qs, nil)
		w.poll("greet", tasks)
		ws = append(ws, w)
	}
	if err := qs.Attach(context.Background(), p.stream); err != nil {
		t.Fatal(err)
	}
	var committers sync.WaitGroup
	for c := range 2 {
		committers.Go(func() {
			for n := tasks/3 + c; n < tasks; n += 2 {
				p.commit(task("greet", n))
			}
		})
	}
	committers.Wait()
	deadline := time.After(time.Minute)
	for {
		total := 0
		for _, w := range ws {
			total += len(w.received())
		}
		if total >= tasks {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("%d of %d arrived", total, tasks)
		case <-time.After(5 * time.Millisecond):
		}
	}
	var all []string
	for _, w := range ws {
		all = append(all, w.received()...)
	}
	slices.Sort(all)
	if n := len(slices.Compact(all)); n != tasks {
		t.Fatalf("%d different tasks of %d", n, tasks)
	}
	finish(qs, ws...)
}

// handOut is the answer of a partition that claimed the task.
func handOut(wfRun, guid, taskDef string) *lhpb.ScheduledTask {
	return &lhpb.ScheduledTask{
		TaskRunId: &lhpb.TaskRunId{WfRunId: lh.ParseWfRunID(wfRun), TaskGuid: guid},
		TaskDefId: &lhpb.TaskDefId{Name: taskDef},
		Source:    &lhpb.TaskRunSource{WfSpecId: &lhpb.WfSpecId{Name: "flow"}},
	}
}

// TestReportOffersTheCreditOfWhatFollowed teaches the queues that b follows a, and then lets the reports of a
// claim b.
func TestReportOffersTheCreditOfWhatFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		qs := p.start(nil)
		w := open(t, qs, nil)
		w.poll("b", 2)
		synctest.Wait()

		first := handOut("w1", "0-1", "a")
		qs.follow.handedOut("t", first)
		r := qs.BeginReport("t", first.TaskRunId)
		if r.Credit() != nil {
			t.Fatal("an offer although nothing is known")
		}
		follows := keys.ScheduledTask{Tenant: "t", TaskDef: "b", ScheduledNs: 1, WfRun: "w1", Guid: "0-2"}
		p.commit(follows)
		r.End(nil)
		synctest.Wait()
		if got := w.received(); !slices.Equal(got, []string{"w1"}) {
			t.Fatal(got)
		}

		second := handOut("w2", "0-1", "a")
		qs.follow.handedOut("t", second)
		r = qs.BeginReport("t", second.TaskRunId)
		if r.Credit().GetTaskDefId().GetName() != "b" {
			t.Fatalf("offered %v", r.Credit())
		}
		other := qs.BeginReport("t", second.TaskRunId)
		if other.Credit() != nil {
			t.Fatal("a repeated report offers again")
		}
		other.End(nil)
		r.End(handOut("w2", "0-2", "b"))
		synctest.Wait()
		if got := w.received(); !slices.Equal(got, []string{"w1", "w2"}) {
			t.Fatal(got)
		}
		finish(qs, w)
	})
}

// TestRunOffersTheCreditOfWhatCameFirst teaches the queues that a comes first, and then lets a WfRun claim it as it starts.
func TestRunOffersTheCreditOfWhatCameFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		qs := p.start(nil)
		w := open(t, qs, nil)
		w.poll("a", 2)
		synctest.Wait()

		flow := &lhpb.WfSpecId{Name: "flow"}
		o := qs.BeginRun("t", &lhpb.WfRunId{Id: "w1"}, flow)
		if o.Credit() != nil {
			t.Fatal("an offer although nothing is known")
		}
		p.commit(keys.ScheduledTask{Tenant: "t", TaskDef: "a", ScheduledNs: 1, WfRun: "w1", Guid: "0-1"})
		o.End(nil)
		synctest.Wait()
		if got := w.received(); !slices.Equal(got, []string{"w1"}) {
			t.Fatal(got)
		}

		if o = qs.BeginRun("t", &lhpb.WfRunId{Id: "w2"}, &lhpb.WfSpecId{Name: "flow", MajorVersion: 1}); o.Credit() != nil {
			t.Fatal("an offer for a version of which nothing is known")
		}
		o.End(nil)
		o = qs.BeginRun("t", &lhpb.WfRunId{Id: "w3"}, flow)
		if o.Credit().GetTaskDefId().GetName() != "a" {
			t.Fatalf("offered %v", o.Credit())
		}
		o.End(handOut("w3", "0-1", "a"))
		synctest.Wait()
		if got := w.received(); !slices.Equal(got, []string{"w1", "w3"}) {
			t.Fatal(got)
		}
		finish(qs, w)
	})
}

// covers: tasks §4.1
func TestUnusedOfferGoesBackToItsPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPartition(t)
		qs := p.start(nil)
		w, later := open(t, qs, nil), open(t, qs, nil)
		w.poll("b", 1)
		synctest.Wait()
		p.commit(keys.ScheduledTask{Tenant: "t", TaskDef: "b", WfRun: "w0", Guid: "0-9"})
		synctest.Wait()
		w.poll("b", 1)
		synctest.Wait()
		later.poll("b", 1)
		synctest.Wait()

		at := handOut("w1", "0-1", "a")
		qs.follow.handedOut("t", at)
		qs.follow.next[step{"t", "flow", 0, 0, "0-1"}] = "b"
		r := qs.BeginReport("t", at.TaskRunId)
		if r.Credit() == nil {
			t.Fatal("no offer")
		}
		r.End(nil)
		p.commit(keys.ScheduledTask{Tenant: "t", TaskDef: "b", WfRun: "w5", Guid: "0-1"})
		synctest.Wait()
		if got := w.received(); !slices.Equal(got, []string{"w0", "w5"}) {
			t.Fatalf("the older credit got %v", got)
		}
		if next := qs.follow.next[step{"t", "flow", 0, 0, "0-1"}]; next != "" {
			t.Fatalf("%q is still expected", next)
		}

		// A credit is not offered past a task that waits.
		p.refuse = lh.Errorf(lh.ResourceExhausted, "full")
		p.commit(keys.ScheduledTask{Tenant: "t", TaskDef: "b", WfRun: "w6", Guid: "0-1"}, keys.ScheduledTask{Tenant: "t", TaskDef: "b", WfRun: "w7", Guid: "0-1"})
		qs.follow.handedOut("t", at)
		qs.follow.next[step{"t", "flow", 0, 0, "0-1"}] = "b"
		if r := qs.BeginReport("t", at.TaskRunId); r.Credit() != nil {
			t.Fatal("the credit is offered past a task that waits")
		}
		finish(qs, w, later)
	})
}

func TestWhatFollowsIsBounded(t *testing.T) {
	f := newFollow(10)
	for n := range 100 {
		f.handedOut("t", handOut(fmt.Sprint("w", n), "0-1", "a"))
	}
	if len(f.running) != 10 {
		t.Fatalf("%d handed-out tasks are remembered", len(f.running))
	}
}
