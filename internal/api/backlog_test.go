package api

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/peer"
	"pgregory.net/rapid"

	"littlehorse/lhpb"
)

// line is a connection to a peer.
type line struct {
	taken  int64
	closed bool
}

func (l *line) Taken() int64 { return l.taken }

func (l *line) Close() error {
	l.closed = true
	return nil
}

// enters says whether a call may go on at once.
func (l *Backlog) enters(bytes int64) bool {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return l.enter(ctx, bytes, nil) == nil
}

// A connection gets a part of what is free, all together never more than there is.
func TestBacklogsShareWhatIsFree(t *testing.T) {
	t.Parallel()
	const limit, step = 1 << 28, 1 << 16
	b := NewBacklogs(limit, maxInputs)
	for n := range 100 {
		free, l := limit-b.Bytes(), b.Open(&line{})
		for l.enters(step) {
			continue
		}
		if l.bytes > free/(1+shareOfFree)+step || free >= step && l.bytes == 0 {
			t.Fatalf("connection %d holds %d bytes of %d that were free", n, l.bytes, free)
		}
	}
	if b.Bytes() > limit+step {
		t.Errorf("%d bytes wait", b.Bytes())
	}
}

// However many connections have filled what they may, one on which nothing waits has room for a call.
func TestWhoHasNothingHasRoom(t *testing.T) {
	t.Parallel()
	const limit = 1024 * readBytes
	b := NewBacklogs(limit, maxInputs)
	for range 128 {
		for l := b.Open(&line{}); l.enters(readBytes); {
			l.Charge(readBytes / 2) // a reply that nobody takes
			l.release(readBytes)
		}
	}
	quiet := b.Open(&line{})
	for range 10 {
		if !quiet.enters(readBytes) {
			t.Fatalf("%d bytes of %d wait, and another has no room", b.Bytes(), int64(limit))
		}
		quiet.release(readBytes)
	}
	if b.Bytes() > limit {
		t.Errorf("%d bytes wait", b.Bytes())
	}
}

// What is counted is taken back to the byte, whatever happens, and no call waits when there is room.
func TestBacklogsCountWhatThereIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := NewBacklogs(rapid.Int64Range(1, 1<<20).Draw(t, "limit"), maxInputs)
		var open []*Backlog
		var wg sync.WaitGroup
		for range rapid.IntRange(1, 5).Draw(t, "connections") {
			l := b.Open(&line{})
			open = append(open, l)
			for range rapid.IntRange(0, 20).Draw(t, "calls") {
				bytes, reply := rapid.Int64Range(0, 1<<18).Draw(t, "bytes"), rapid.Int64Range(1, 1<<18).Draw(t, "reply")
				impatient := rapid.Bool().Draw(t, "impatient")
				wg.Go(func() {
					ctx, cancel := context.WithCancel(context.Background())
					defer cancel()
					if impatient {
						cancel()
					}
					if l.enter(ctx, bytes, nil) != nil {
						return
					}
					l.Charge(reply)
					l.release(bytes)
					runtime.Gosched()
					l.Charge(-reply)
				})
			}
		}
		if rapid.Bool().Draw(t, "closes") {
			open[0].Close()
		}
		wg.Wait()
		if b.Bytes() != 0 || len(b.held) != 0 || b.holding.Load() != 0 {
			t.Fatalf("%d bytes are left, %d connections wait", b.Bytes(), len(b.held))
		}
	})
}

func TestWhoTakesNothingIsCut(t *testing.T) {
	t.Parallel()
	const much = 10 << 20
	cases := []struct {
		name    string
		limit   int64
		waiting int64
		speed   int64 // bytes in a second
		after   int   // seconds; 0 is never
	}{
		{"nothing waits", 1 << 30, 0, 0, 0},
		{"little waits", 1 << 30, 1 << 20, 0, 0},
		{"nothing is taken", 1 << 30, much, 0, 30},
		{"a few bytes are taken", 1 << 30, much, 17, 30},
		{"a slow line", 1 << 30, much, 4 << 10, 0},
		{"nothing is taken and room is scarce", 15 << 20, much, 0, 6},
		{"little is, but it is there for others", 200 << 10, 128 << 10, 0, 6},
		{"a slow line and room is scarce", 200 << 10, 2 * crowded.bytes, 4 << 10, 0},
		{"much for a slow line and room is scarce", 15 << 20, much, 4 << 10, 6},
		{"much for a line and room is scarce", 15 << 20, much, 40 << 10, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, conn, now := NewBacklogs(c.limit, maxInputs), &line{}, time.Now()
			b.Open(conn).Charge(c.waiting)
			closed := 0
			for s := 0; s <= 300 && !conn.closed; s += 2 {
				conn.taken = int64(s) * c.speed
				closed += b.Cut(now.Add(time.Duration(s) * time.Second))
				if conn.closed && s != c.after {
					t.Errorf("closed after %d seconds", s)
				}
			}
			if conn.closed != (c.after > 0) || closed > 1 {
				t.Errorf("closed: %v", conn.closed)
			}
		})
	}
}

// Calls that have ended, however few, do not wait for ever; as long as some are written the others may. To give them up is
// not to take them.
func TestEndedCallsDoNotWaitForEver(t *testing.T) {
	t.Parallel()
	b, conn, now := NewBacklogs(1<<30, maxInputs), &line{}, time.Now()
	l := b.Open(conn)
	for range 10 {
		l.Waits(2000)
	}
	if b.Bytes() != 20_000 {
		t.Errorf("%d bytes wait", b.Bytes())
	}
	for s := 0; s < 130 && !conn.closed; s += 2 {
		switch s {
		case 20, 40, 60:
			l.Went(2000, true)
		case 80, 82, 84:
			l.Went(2000, false)
		}
		if b.Cut(now.Add(time.Duration(s) * time.Second)); conn.closed && s != 90 {
			t.Errorf("closed after %d seconds", s)
		}
	}
	if !conn.closed || b.Bytes() != 4*2000 {
		t.Errorf("closed: %v, %d bytes wait", conn.closed, b.Bytes())
	}
	b, conn = NewBacklogs(1<<30, maxInputs), &line{}
	l = b.Open(conn)
	l.Waits(2000)
	l.Went(2000, true)
	if b.Cut(now); b.Cut(now.Add(time.Hour)) != 0 || b.Bytes() != 0 {
		t.Error("closed with nothing to take")
	}
}

// Calls that have ended take of the room no more than others may, but a little in any case.
func TestEndedCallsAreBounded(t *testing.T) {
	t.Parallel()
	const limit, size = 1 << 20, 1 << 10
	b := NewBacklogs(limit, maxInputs)
	fill := func(l *Backlog) (n int64) {
		for n = size; l.Waits(size); n += size {
		}
		return n
	}
	first := b.Open(&line{})
	if n := fill(first); n < limit/(shareOfFree+1) || n > limit/(shareOfFree+1)+2*size {
		t.Errorf("%d bytes of %d", n, limit)
	}
	first.Charge(limit)
	if n := fill(b.Open(&line{})); n != crowded.bytes+size {
		t.Errorf("%d bytes when there is no room", n)
	}
}

// Who only waits for his replies has nothing to take.
func TestWhoseCallsAreSlowIsKept(t *testing.T) {
	t.Parallel()
	b, conn, now := NewBacklogs(20<<20, maxInputs), &line{}, time.Now()
	l := b.Open(conn)
	for range 3 {
		if !l.enters(readBytes) {
			t.Fatal("there is no room")
		}
	}
	for s := range 100 {
		if b.Cut(now.Add(time.Duration(s)*time.Second)) > 0 {
			t.Fatalf("closed after %d seconds", s)
		}
	}
}

// A call that has room goes on, however many there are that have none and whichever of them is looked at.
func TestCallsWithRoomAreFound(t *testing.T) {
	t.Parallel()
	b := NewBacklogs(100<<20, maxInputs)
	var all sync.WaitGroup
	holds := func(l *Backlog, bytes int64) {
		all.Go(func() {
			if l.enter(t.Context(), bytes, nil) == nil {
				l.release(bytes)
			}
		})
	}
	var greedy []*Backlog
	for range 20 * fewTries {
		l := b.Open(&line{})
		l.Charge(100 << 20 / 4) // more than a share, and all together more than there is
		greedy = append(greedy, l)
		holds(l, 1)
	}
	modest := b.Open(&line{})
	holds(modest, 1)
	for limit := time.Now().Add(time.Minute); b.holding.Load() != int64(len(greedy)+1); {
		if time.Now().After(limit) {
			t.Fatalf("%d connections hold calls", b.holding.Load())
		}
	}
	for _, l := range greedy[:len(greedy)-3] { // three quarters of all stay
		l.Charge(-100 << 20 / 4)
	}
	b.Expire(time.Now())
	modest.mu.Lock()
	if n := len(modest.calls); n != 0 {
		t.Errorf("%d calls are held for which there is room", n)
	}
	modest.mu.Unlock()
	for _, l := range greedy[len(greedy)-3:] {
		l.Charge(-100 << 20 / 4)
	}
	b.Expire(time.Now())
	all.Wait()
	if b.Bytes() != 0 || len(b.held) != 0 {
		t.Errorf("%d bytes and %d connections are left", b.Bytes(), len(b.held))
	}
}

// far is the other end of a connection with a backlog.
type far struct{ backlog *Backlog }

func (far) Network() string { return "far" }

func (far) String() string { return "far" }

func (f far) Backlog() *Backlog { return f.backlog }

// A reply counts until it is written, and also when nobody gives it back.
func TestRepliesCountUntilTheyAreGone(t *testing.T) {
	t.Parallel()
	b := NewBacklogs(1<<30, maxInputs)
	l := b.Open(&line{})
	if backlogOf(peer.NewContext(t.Context(), &peer.Peer{Addr: far{l}})) != l {
		t.Fatal("a call does not find its backlog")
	}
	out := &outgoing{backlog: l}
	encoded := func(bytes int) func() {
		s, err := Codec{}.Marshal(out.of(t.Context(), &lhpb.VariableValue{Value: &lhpb.VariableValue_Bytes{Bytes: make([]byte, bytes)}}))
		if err != nil || s.Len() < bytes {
			t.Fatal(s.Len(), err)
		}
		return s.Free
	}
	if encoded(100); b.Bytes() != 0 {
		t.Error("a small reply counts")
	}
	free := encoded(100_000)
	if n := b.Bytes(); n < 100_000 {
		t.Errorf("%d bytes wait", n)
	}
	if free(); b.Bytes() != 0 {
		t.Errorf("%d bytes wait after it was written", b.Bytes())
	}
	encoded(100_000)
	var rounds atomic.Int64
	for b.Bytes() != 0 && rounds.Add(1) < 1000 {
		runtime.GC()
	}
	if b.Bytes() != 0 {
		t.Errorf("%d bytes wait for what is lost", b.Bytes())
	}
}

// Calls of many connections that wait for room go on one after the other as it comes, whichever they are.
func TestAllWaitingCallsGoOn(t *testing.T) {
	t.Parallel()
	b := NewBacklogs(3*readBytes, maxInputs)
	var all sync.WaitGroup
	var under, most atomic.Int64
	for range 2000 {
		l := b.Open(&line{})
		all.Go(func() {
			if l.enter(context.Background(), readBytes, nil) != nil {
				t.Error("a call is refused that could wait")
			}
			n := under.Add(1)
			for was := most.Load(); n > was && !most.CompareAndSwap(was, n); was = most.Load() {
				continue
			}
			runtime.Gosched()
			under.Add(-1)
			l.release(readBytes)
		})
	}
	all.Wait()
	// One more finds nothing left, but no debt either; and who looks before another counts goes on, too.
	if n := most.Load(); n > 3+1+int64(runtime.GOMAXPROCS(0)) || b.Bytes() != 0 || len(b.held) != 0 {
		t.Errorf("%d calls were under way at a time, %d bytes and %d connections are left", n, b.Bytes(), len(b.held))
	}
}
