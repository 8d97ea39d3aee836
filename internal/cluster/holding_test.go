package cluster

import (
	"context"
	"log/slog"
	"testing"

	"littlehorse/internal/machine"
	"littlehorse/internal/partition"
	"littlehorse/internal/pb"
)

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
		if held := h.Held(); len(held) != 0 {
			t.Errorf("it holds %d", held)
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
