package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"

	"littlehorse/internal/log"
	"littlehorse/internal/machine"
	"littlehorse/internal/partition"
	"littlehorse/internal/pb"
)

func describe(h *Holding) *pb.Member {
	d := &pb.Member{}
	h.Describe(d)
	return d
}

// TestWhatIsOnItsWayIsNotHeld is given a unit that another hands over: it is not opened as an owner's, and others are told that it is
// awaited. When nobody hands it over any more it is held.
func TestWhatIsOnItsWayIsNotHeld(t *testing.T) {
	opened := make(chan bool)
	h := NewHolding(HoldingConfig{
		Partitions: 1, Self: "a", Logger: slog.New(slog.DiscardHandler), Released: func() {},
		Open: func(ctx context.Context, _ []machine.Stream, follow bool) (*partition.Host, error) {
			opened <- follow
			<-ctx.Done()
			return nil, ctx.Err()
		},
	})
	moving := &pb.Plan{
		Members: []*pb.Member{{Incarnation: "a"}, {Incarnation: "b"}}, Owners: []int32{0, nobody},
		Moves: []*pb.PlanMove{{Unit: 0, From: 1, Session: "s"}},
	}
	h.Assigned(moving)
	h.tending.Go(func() { h.tend(h.units[0]) })
	if follow := <-opened; !follow {
		t.Error("it is opened as an owner's")
	}
	if d := describe(h); len(d.Held) != 0 || !slices.Equal(d.Awaited, []uint32{0}) {
		t.Errorf("held %d, awaited %d", d.Held, d.Awaited)
	}
	h.Assigned(&pb.Plan{Members: moving.Members, Owners: moving.Owners})
	if d := describe(h); !slices.Equal(d.Held, []uint32{0}) || len(d.Awaited) != 0 {
		t.Errorf("held %d, awaited %d", d.Held, d.Awaited)
	}
	if err := h.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestWhatIsTakenAwayBeforeItWasOpenedIsReleased takes a partition away that this server has told the others it holds, while
// it is being opened and before: nobody else is given it until they hear that it does not any more.
func TestWhatIsTakenAwayBeforeItWasOpenedIsReleased(t *testing.T) {
	opening, released := make(chan struct{}), make(chan struct{}, 2)
	h := NewHolding(HoldingConfig{
		Partitions: 1, Self: "a", Logger: slog.New(slog.DiscardHandler),
		Open: func(ctx context.Context, _ []machine.Stream, _ bool) (*partition.Host, error) {
			opening <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		},
		Released: func() { released <- struct{}{} },
	})
	u := h.units[0]
	given := &pb.Plan{Members: []*pb.Member{{Incarnation: "a"}}, Owners: []int32{0, nobody}}
	taken := &pb.Plan{Members: given.Members, Owners: []int32{nobody, nobody}}
	hears := func() {
		t.Helper()
		select {
		case <-released:
		case <-t.Context().Done():
			t.Fatal("nobody hears of it")
		}
		if d := describe(h); len(d.Held) != 0 {
			t.Errorf("it holds %d", d.Held)
		}
	}
	h.Assigned(given)
	h.Assigned(taken)
	hears()
	h.tending.Go(func() { h.tend(u) })
	h.Assigned(given)
	<-opening
	h.Assigned(taken)
	hears()
	if err := h.Drain(t.Context()); err != nil {
		t.Error(err)
	}
	if len(released) > 0 {
		t.Error("it was told twice")
	}
}

// TestWhatMayBeAnothersIsNotServed hands a unit over to a server that has just told the others that it leaves, or does not reach it: it does not serve
// it before it knows whether the plan still gives it to it.
//
// survives: 4 plan
func TestWhatMayBeAnothersIsNotServed(t *testing.T) {
	for name, d := range map[string]*pb.Member{
		"leaves": {Leaving: true}, "does not reach it": {Unreached: []uint32{0}}, "has a copy that differs": {Differs: []uint32{0}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := NewHolding(HoldingConfig{Partitions: 1, Self: "a", Logger: slog.New(slog.DiscardHandler), Released: func() {}})
				defer h.stop()
				members := []*pb.Member{{Incarnation: "a"}, {Incarnation: "b"}}
				h.Assigned(&pb.Plan{Members: members, Owners: []int32{0, nobody}, Moves: []*pb.PlanMove{{Unit: 0, From: 1, Session: "s"}}})
				u, host := h.units[0], &partition.Host{}
				u.host.Store(host)
				u.has = owns
				h.Describe(d)
				began := make(chan bool, 1)
				handedOver := func() { began <- h.begin(u, host, true) }
				serves := func() bool {
					synctest.Wait()
					return h.Serves(u.streams[0])
				}
				go handedOver()
				if serves() {
					t.Error("it serves what another may be given")
				}
				h.Assigned(&pb.Plan{Members: members, Owners: []int32{1, nobody}})
				if serves() {
					t.Error("it serves what another was given")
				}
				h.Assigned(&pb.Plan{Members: members, Owners: []int32{0, nobody}})
				if !serves() || !<-began {
					t.Error("it does not serve what it was given")
				}
				h.leave(u)
				u.leaving = false
				h.Assigned(&pb.Plan{Members: members, Owners: []int32{1, nobody}})
				go handedOver()
				synctest.Wait()
				h.left(u, host)
				if <-began {
					t.Error("it serves what it has given up")
				}
			})
		})
	}
}

// TestCopyThatDiffersIsForOthers is given a partition whose copy here must not be used: the others hear that this server holds and awaits
// nothing of it, whatever the plan says, and are told as soon as it is known.
func TestCopyThatDiffersIsForOthers(t *testing.T) {
	released := make(chan struct{}, 1)
	h := NewHolding(HoldingConfig{
		Partitions: 1, Self: "a", Logger: slog.New(slog.DiscardHandler),
		Open: func(context.Context, []machine.Stream, bool) (*partition.Host, error) {
			return nil, fmt.Errorf("c/0: %w", log.ErrDiffers)
		},
		Released: func() { released <- struct{}{} },
	})
	h.Assigned(&pb.Plan{Members: []*pb.Member{{Incarnation: "a"}}, Owners: []int32{0, nobody}})
	h.tending.Go(func() { h.tend(h.units[0]) })
	<-released
	d := &pb.Member{Differs: []uint32{0}}
	h.Describe(d)
	if len(d.Held) != 0 || len(d.Awaited) != 0 || len(d.Copies) != 0 {
		t.Errorf("held %d, awaited %d, copies %v", d.Held, d.Awaited, d.Copies)
	}
	if err := h.Drain(t.Context()); err != nil {
		t.Error(err)
	}
}
