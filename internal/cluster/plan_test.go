package cluster

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"littlehorse/internal/pb"
)

func member(name string, held ...uint32) *pb.Member {
	return &pb.Member{Incarnation: name, Instance: name, Held: held}
}

func TestPlans(t *testing.T) {
	for name, c := range map[string]struct {
		members []*pb.Member
		want    []int32 // of four partitions and the metadata
	}{
		"nobody":              {nil, []int32{-1, -1, -1, -1, -1}},
		"the first":           {[]*pb.Member{member("a")}, []int32{0, 0, 0, 0, 0}},
		"two at once":         {[]*pb.Member{member("b"), member("a")}, []int32{0, 1, 0, 1, 0}},
		"one more":            {[]*pb.Member{member("b"), member("a", 0, 1, 2, 3, 4)}, []int32{0, 0, -1, -1, 0}},
		"what was given up":   {[]*pb.Member{member("b"), member("a", 0, 1, 4)}, []int32{0, 0, 1, 1, 0}},
		"one has died":        {[]*pb.Member{member("b", 2, 3)}, []int32{0, 0, 0, 0, 0}},
		"three for four":      {[]*pb.Member{member("a", 0, 1), member("b", 2, 3, 4), member("c")}, []int32{0, 0, 1, -1, 1}},
		"more than there are": {[]*pb.Member{member("a", 0), member("b", 1), member("c", 2), member("d", 3, 4), member("e")}, []int32{0, 1, 2, 3, 3}},
		"a copy is preferred": {
			[]*pb.Member{{Incarnation: "a", Copies: []*pb.MemberCopy{{Unit: 1, Position: 5}}}, {Incarnation: "b", Copies: []*pb.MemberCopy{{Unit: 0, Position: 7}, {Unit: 1, Position: 4}}}},
			[]int32{1, 0, 0, 1, 0},
		},
	} {
		if plan := MakePlan(c.members, 4); !slices.Equal(plan.Owners, c.want) {
			t.Errorf("%s: %v, not %v", name, plan.Owners, c.want)
		}
	}
}

// TestPlansSettle lets members come, die and give up what they are to, in any order: nobody is ever given what another
// holds, and as soon as nothing is on its way the partitions are spread evenly, and no plan changes any more.
func TestPlansSettle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		partitions := rapid.IntRange(1, 20).Draw(t, "partitions")
		held, born := map[string][]uint32{}, 0
		for range rapid.IntRange(1, 12).Draw(t, "changes") {
			if len(held) == 0 || rapid.Bool().Draw(t, "comes") {
				held[fmt.Sprint("m", born)] = nil
				born++
			} else {
				delete(held, rapid.SampledFrom(sortedNames(held)).Draw(t, "dies"))
			}
			for range rapid.IntRange(0, 2).Draw(t, "plans") {
				follow(t, held, partitions)
			}
		}
		if len(held) == 0 {
			return
		}
		for range 3 {
			follow(t, held, partitions)
		}
		before := fmt.Sprint(held)
		follow(t, held, partitions)
		if after := fmt.Sprint(held); after != before {
			t.Fatalf("it goes on changing: %s, %s", before, after)
		}
		owned := 0
		for name, units := range held {
			n := len(slices.DeleteFunc(slices.Clone(units), func(u uint32) bool { return int(u) == partitions }))
			if n < partitions/len(held) || n > partitions/len(held)+1 {
				t.Fatalf("%s has %d of %d partitions: %s", name, n, partitions, before)
			}
			owned += len(units)
		}
		if owned != partitions+1 {
			t.Fatalf("%d units are owned: %s", owned, before)
		}
	})
}

// follow makes the next plan and lets the members do what it says.
func follow(t *rapid.T, held map[string][]uint32, partitions int) {
	var members []*pb.Member
	for _, name := range sortedNames(held) {
		members = append(members, member(name, held[name]...))
	}
	plan := MakePlan(members, partitions)
	if other := slices.Clone(members); len(other) > 1 {
		slices.Reverse(other)
		if again := MakePlan(other, partitions); !proto.Equal(again, plan) {
			t.Fatal("the order of the members matters")
		}
	}
	next := map[string][]uint32{}
	for _, name := range sortedNames(held) {
		next[name] = nil
	}
	for unit := range plan.Owners {
		m := owner(plan, unit)
		if m == nil {
			continue
		}
		for other, units := range held {
			if other != m.Incarnation && slices.Contains(units, uint32(unit)) {
				t.Fatalf("%s is given unit %d, which %s holds", m.Incarnation, unit, other)
			}
		}
		next[m.Incarnation] = append(next[m.Incarnation], uint32(unit))
	}
	for name := range held {
		held[name] = next[name]
	}
}

func sortedNames(held map[string][]uint32) (names []string) {
	for name := range held {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
