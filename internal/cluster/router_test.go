package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/partition"
	"littlehorse/internal/pb"
)

// host is a Host with one reply, one value and some rows.
type host struct {
	reply  machine.Reply
	silent bool
	value  []byte
	rows   int
	err    error
	to     machine.Stream
	done   func(machine.Reply)
	leave  func() // what a caller does who has asked; nothing if nil
}

func (h *host) SubmitFor(_ context.Context, to machine.Stream, _ *machine.Record, done func(machine.Reply)) {
	h.to, h.done = to, done
	if !h.silent {
		done(h.reply)
	} else if h.leave != nil {
		h.leave()
	}
}

func (h *host) Get(machine.Stream, keys.Key) ([]byte, error) { return h.value, h.err }

func (h *host) Scan(_ machine.Stream, _, _ keys.Key, visit func(keys.Key, []byte) bool) error {
	buf := make([]byte, 1)
	for n := range h.rows {
		buf[0] = byte(n)
		if !visit(keys.Key(fmt.Sprint(n)), buf) {
			break
		}
	}
	return h.err
}

func (h *host) View(_ machine.Stream, read func(partition.View) error) error {
	if h.err != nil {
		return h.err
	}
	return read(hostView{h})
}

type hostView struct{ *host }

func (v hostView) Get(k keys.Key) ([]byte, error) { return v.host.Get(machine.Stream{}, k) }

func (v hostView) Scan(start, end keys.Key, visit func(keys.Key, []byte) bool) error {
	return v.host.Scan(machine.Stream{}, start, end, visit)
}

func (v hostView) ScanBack(_, _ keys.Key, visit func(keys.Key, []byte) bool) error {
	for n := v.rows - 1; n >= 0 && visit(keys.Key(fmt.Sprint(n)), []byte{byte(n)}); n-- {
		continue
	}
	return v.err
}

func TestViewReadsAsGetAndScanDo(t *testing.T) {
	r := New(&host{value: []byte("x"), rows: 5}, 4)
	err := r.View(t.Context(), r.Metadata(), func(v View) error {
		if b, err := v.Get("k"); string(b) != "x" || err != nil {
			t.Errorf("%q, %v", b, err)
		}
		rows, err := v.Scan("a", "", 3)
		if len(rows) != 3 || rows[2].Value[0] != 2 {
			t.Errorf("%v", rows)
		}
		if back, err := v.ScanBack("a", "", 3); len(back) != 3 || back[0].Value[0] != 4 || back[2].Value[0] != 2 || err != nil {
			t.Errorf("%v, %v", back, err)
		}
		if none, err := v.ScanBack("a", "", 0); none != nil || err != nil {
			t.Errorf("%v, %v", none, err)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	refusal := lh.Errorf(lh.NotFound, "no")
	if err := r.View(t.Context(), r.Metadata(), func(View) error { return refusal }); codeOf(t, err) != lh.NotFound {
		t.Error(err)
	}
	r = New(&host{err: errors.New("broken")}, 4)
	if err := r.View(t.Context(), r.Metadata(), func(View) error { return nil }); codeOf(t, err) != lh.Unavailable {
		t.Error(err)
	}
}

func codeOf(t *testing.T, err error) lh.Code {
	t.Helper()
	refusal := lh.AsError(err)
	if refusal == nil {
		t.Fatalf("%v is not a refusal", err)
	}
	return refusal.Code
}

// covers: operations §6 writing
func TestSubmitGivesTheReply(t *testing.T) {
	want := &pb.Counter{Value: 3}
	r := New(&host{reply: machine.Reply{Value: want}}, 4)
	if got, err := r.Submit(t.Context(), r.Core("t", "k"), nil); got != want || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	r = New(&host{reply: machine.Reply{Err: lh.Errorf(lh.NotFound, "no")}}, 4)
	if _, err := r.Submit(t.Context(), r.Metadata(), nil); codeOf(t, err) != lh.NotFound {
		t.Error(err)
	}
	r = New(&host{}, 4)
	if got, err := r.Submit(t.Context(), r.Metadata(), nil); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestSubmitEndsWithItsContext(t *testing.T) {
	h := &host{silent: true}
	r := New(h, 4)
	for _, end := range []func() (context.Context, context.CancelFunc){
		func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(t.Context())
			h.leave = cancel
			return ctx, cancel
		},
		func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), time.Millisecond)
		},
		func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return ctx, cancel
		},
	} {
		ctx, cancel := end()
		if _, err := r.Submit(ctx, r.Metadata(), nil); codeOf(t, err) != lh.DeadlineExceeded {
			t.Error(err)
		}
		if _, err := r.Get(ctx, r.Metadata(), "k"); codeOf(t, err) != lh.DeadlineExceeded {
			t.Error(err)
		}
		if _, err := r.Scan(ctx, r.Metadata(), "a", "b", 10); codeOf(t, err) != lh.DeadlineExceeded {
			t.Error(err)
		}
		cancel()
	}
	h.done(machine.Reply{}) // a late reply finds nobody and blocks nobody
}

// A reply that comes after its caller has gone is told to those who must know, and never reaches another caller.
//
// survives: 3 waiting
func TestLateRepliesReachNobodyElse(t *testing.T) {
	h := &host{silent: true}
	r := New(h, 4)
	told := make(chan machine.Reply, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	h.leave = cancel
	if _, err := r.SubmitThen(ctx, r.Metadata(), nil, func(r machine.Reply) { told <- r }); codeOf(t, err) != lh.DeadlineExceeded {
		t.Error(err)
	}
	late, old := h.done, &pb.Counter{Value: 1}
	for n := range uint64(100) {
		h.silent, h.reply = false, machine.Reply{Value: &pb.Counter{Value: n + 2}}
		if n == 50 {
			late(machine.Reply{Value: old})
		}
		if got, err := r.Submit(t.Context(), r.Metadata(), nil); got != h.reply.Value || err != nil {
			t.Fatalf("%v, %v", got, err)
		}
	}
	if got := <-told; got.Value != old {
		t.Errorf("%v", got)
	}
	if _, err := r.SubmitThen(ctx, r.Metadata(), nil, func(r machine.Reply) { told <- r }); codeOf(t, err) != lh.DeadlineExceeded {
		t.Error(err)
	}
	if got := <-told; got.Err == nil || got.Err.Code != lh.DeadlineExceeded {
		t.Errorf("%v", got)
	}
}

func TestManyWaitAtOnce(t *testing.T) {
	r := New(hostFunc(func(n uint64, done func(machine.Reply)) {
		if n%3 > 0 {
			go done(machine.Reply{Value: &pb.Counter{Value: n}})
		}
	}), 4)
	var all sync.WaitGroup
	for n := range uint64(300) {
		all.Go(func() {
			patience := time.Minute
			if n%3 == 0 { // nobody replies
				patience = 5 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			rec := &machine.Record{Header: &pb.Header{Number: n}}
			got, err := r.Submit(ctx, r.Metadata(), rec)
			if c, _ := got.(*pb.Counter); n%3 > 0 && (err != nil || c.GetValue() != n) || n%3 == 0 && err == nil {
				t.Errorf("%d: %v, %v", n, got, err)
			}
		})
	}
	all.Wait()
	r.waits.mu.Lock()
	defer r.waits.mu.Unlock()
	if r.waits.last != nil {
		t.Error("somebody is waited for")
	}
}

// hostFunc is a Host that takes records by their numbers.
type hostFunc func(n uint64, done func(machine.Reply))

func (f hostFunc) SubmitFor(_ context.Context, _ machine.Stream, rec *machine.Record, done func(machine.Reply)) {
	f(rec.Header.Number, done)
}

func (hostFunc) Get(machine.Stream, keys.Key) ([]byte, error)          { return nil, nil }
func (hostFunc) View(machine.Stream, func(partition.View) error) error { return nil }

func (hostFunc) Scan(machine.Stream, keys.Key, keys.Key, func(keys.Key, []byte) bool) error {
	return nil
}

// holds: ReadsAreLocal
// covers: operations §6 reading
func TestReads(t *testing.T) {
	r := New(&host{value: []byte{}, rows: 1000}, 4)
	if b, err := r.Get(t.Context(), r.Metadata(), "k"); b == nil || err != nil {
		t.Errorf("an empty value is there: %v, %v", b, err)
	}
	rows, err := r.Scan(t.Context(), r.Metadata(), "", "", 300)
	if err != nil || len(rows) != 300 || rows[299].Value[0] != 299%256 || rows[7].Key != "7" {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	if rows, err := r.Scan(t.Context(), r.Metadata(), "", "", 0); len(rows) != 0 || err != nil {
		t.Errorf("%v, %v", rows, err)
	}
}

// survives: 1 unknown
func TestTroubleIsUnavailable(t *testing.T) {
	r := New(&host{err: errors.New("disk")}, 4)
	if _, err := r.Get(t.Context(), r.Metadata(), "k"); codeOf(t, err) != lh.Unavailable {
		t.Error(err)
	}
	r = New(&host{err: lh.Errorf(lh.PermissionDenied, "no")}, 4)
	if _, err := r.Scan(t.Context(), r.Metadata(), "", "", 1); codeOf(t, err) != lh.PermissionDenied {
		t.Error(err)
	}
}

func TestStreams(t *testing.T) {
	r := New(&host{}, 3)
	if got := r.Streams(); len(got) != 3 || got[2] != (machine.Stream{Kind: machine.Core, Partition: 2}) {
		t.Errorf("%v", got)
	}
	for n := range 100 {
		if s := r.Core("t", fmt.Sprint(n)); s.Kind != machine.Core || s.Partition > 2 {
			t.Errorf("%v", s)
		}
		if s := r.Repartition("t", fmt.Sprint(n)); !slices.Contains(RepartitionStreams(3), s) {
			t.Errorf("%v", s)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a cluster without partitions")
		}
	}()
	New(&host{}, 0)
}
