package api

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"littlehorse/internal/cluster"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// Whatever is asked for, the pages of the latest together give what reading everything gives, from the last to the first.
func TestTheLatestWfRunsAreWhatAScanFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		definitions := &fakeDefinitions{specs: map[string]*lhpb.WfSpec{"order": ordersOf(1)}, old: []*lhpb.WfSpec{ordersOf(0)}}
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		one, writes := someSearch(rng), rapid.Bool().Draw(t, "writes")
		one.ShowFullTree, one.Status = nil, nil
		req := &extra.SearchWfRunViewRequest{
			WfSpecName: one.WfSpecName, MajorVersion: one.WfSpecMajorVersion, VariableFilters: one.VariableFilters, Limit: one.Limit,
			EarliestStart: one.EarliestStart, LatestStart: one.LatestStart, ParentWfRunId: one.ParentWfRunId,
		}
		for range rng.IntN(4) {
			req.Statuses = append(req.Statuses, someStatus(rng))
		}
		if len(req.VariableFilters) == 0 && req.MajorVersion == nil && rng.IntN(2) == 0 {
			req.WfSpecName = ""
		}
		o := someOrders(t, rng, true)
		var got []string
		for page := 0; ; page++ {
			s := &Service{cfg: Config{Routing: o.cluster}, definitions: definitions} // another server each time
			answer, err := s.SearchWfRunView(context.WithValue(context.Background(), callKey{}, &call{tenant: DefaultTenant}), req)
			if err != nil || page > 1000 {
				t.Fatal(page, err)
			}
			for _, r := range answer.Results {
				got = append(got, lh.WfRunIDString(r.Id))
			}
			if answer.Bookmark == nil {
				break
			}
			if len(answer.Results) != int(*req.Limit) {
				t.Fatalf("a page of %d and a bookmark", len(answer.Results))
			}
			req = proto.Clone(req).(*extra.SearchWfRunViewRequest)
			req.Bookmark = answer.Bookmark
			for n := 0; writes && n < 3; n++ {
				o.change(rng, 3*page+n, true)
			}
		}
		var want []string
		for id, r := range o.runs {
			if !r.changed && r.meets(one) && (len(req.Statuses) == 0 || slices.Contains(req.Statuses, r.status)) {
				want = append(want, id)
			}
		}
		if writes {
			got = slices.DeleteFunc(got, func(id string) bool { return o.runs[id] == nil || o.runs[id].changed })
		}
		slices.SortFunc(want, func(a, b string) int { return o.compare(b, a, false) })
		if !slices.Equal(got, want) {
			t.Fatalf("%v:\ngot  %v\nwant %v", req, got, want)
		}
	})
}

// counted counts the looks at partitions.
type counted struct {
	*fakeCluster
	looks int
}

func (c *counted) View(ctx context.Context, from machine.Stream, read func(cluster.View) error) error {
	c.looks++
	return c.fakeCluster.View(ctx, from, read)
}

// A page of the latest WfRuns is a look at each partition, now and then two, and reads what it gives and little more: however
// many there are, whenever they were, and wherever it stands.
func TestAPageOfTheLatestCostsWhatItHolds(t *testing.T) {
	const limit, partitions, now, year = 50, 12, int64(1_800_000_000_000), 365 * 24 * 3_600_000
	for name, c := range map[string]struct {
		runs int
		at   func(n int) int64
	}{
		"none":                {0, nil},
		"a few long ago":      {60, func(n int) int64 { return now - 10*year + int64(n)*1000 }},
		"many each second":    {30_000, func(n int) int64 { return now - int64(n) }},
		"one an hour":         {1_000, func(n int) int64 { return now - int64(n)*3_600_000 }},
		"many long ago":       {30_000, func(n int) int64 { return now - 10*year - int64(n)*10 }},
		"many of one moment":  {30_000, func(int) int64 { return now }},
		"many and one of now": {30_000, func(n int) int64 { return now - int64(min(n, 1))*year }},
	} {
		o := &orders{cluster: newFakeCluster(partitions), runs: map[string]*filteredRun{}}
		ids := rand.New(rand.NewPCG(1, 2))
		for n := range c.runs {
			r := &filteredRun{alone: true, storedRun: storedRun{id: fmt.Sprintf("%x-%d", ids.Uint64(), n), wfSpec: "order", status: []lhpb.LHStatus{lhpb.LHStatus_COMPLETED, lhpb.LHStatus_COMPLETED, lhpb.LHStatus_EXCEPTION}[n%3], createdMs: c.at(n)}}
			r.values = map[string]*lhpb.VariableValue{"who": text(fmt.Sprint(n % 2)), "n": number(1)}
			o.put(r.id, r)
		}
		over := at(now)
		for what, req := range map[string]*extra.SearchWfRunViewRequest{
			"all":                {},
			"of a name":          {WfSpecName: "order"},
			"two statuses":       {Statuses: []lhpb.LHStatus{lhpb.LHStatus_EXCEPTION, lhpb.LHStatus_COMPLETED}},
			"no such status":     {Statuses: []lhpb.LHStatus{lhpb.LHStatus_HALTED}},
			"variable":           {WfSpecName: "order", VariableFilters: []*lhpb.VariableMatch{{VarName: "who", Value: text("1")}}},
			"variables, status":  {WfSpecName: "order", Statuses: []lhpb.LHStatus{lhpb.LHStatus_COMPLETED}, VariableFilters: []*lhpb.VariableMatch{{VarName: "who", Value: text("1")}, {VarName: "n", Value: number(1)}}},
			"no such variable":   {WfSpecName: "order", VariableFilters: []*lhpb.VariableMatch{{VarName: "who", Value: text("2")}}},
			"since a time":       {EarliestStart: at(now - 20*year)},
			"until a time":       {LatestStart: over},
			"before there was":   {LatestStart: at(now - 30*year)},
			"after there was":    {EarliestStart: at(now + 1)},
			"of a version, time": {WfSpecName: "order", MajorVersion: proto.Int32(0), LatestStart: over},
		} {
			routing := &counted{fakeCluster: o.cluster}
			s := &Service{cfg: Config{Routing: routing}, definitions: &fakeDefinitions{specs: map[string]*lhpb.WfSpec{"order": ordersOf(0)}}}
			req.Limit = proto.Int32(limit)
			for page := range 3 {
				routing.looks, o.cluster.read, o.cluster.scans = 0, 0, 0
				got, err := s.SearchWfRunView(context.WithValue(context.Background(), callKey{}, &call{tenant: DefaultTenant}), req)
				if err != nil {
					t.Fatal(err)
				}
				// Twice to find them, and once for what is shown of them. With each filter another index is read.
				most := 10 * limit * (1 + len(req.VariableFilters))
				if cost := o.cluster.read + o.cluster.scans; routing.looks > 3*partitions || cost > most {
					t.Errorf("%s, %s, page %d of %d: %d looks, %d rows and seeks", name, what, page, len(got.Results), routing.looks, cost)
				}
				if req.Bookmark = got.Bookmark; req.Bookmark == nil {
					break
				}
			}
		}
	}
}
