package cluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"littlehorse/internal/pb"
)

func member(name string, held ...uint32) *pb.Member {
	return &pb.Member{Incarnation: name, Instance: name, Held: held}
}

// at gives a member a copy of a unit that goes so far.
func at(m *pb.Member, unit uint32, position uint64) *pb.Member {
	m.Copies = append(m.Copies, &pb.MemberCopy{Unit: unit, Position: position})
	return m
}

// near gives a member copies that are close behind the owner.
func near(m *pb.Member, units ...uint32) *pb.Member {
	for _, unit := range units {
		m.Copies = append(m.Copies, &pb.MemberCopy{Unit: unit, Follows: true, Session: fmt.Sprint(m.Incarnation, "/", unit)})
	}
	return m
}

func awaiting(m *pb.Member, units ...uint32) *pb.Member {
	m.Awaited = units
	return m
}

// differing lets the copies of some units at a member not be used.
func differing(m *pb.Member, units ...uint32) *pb.Member {
	m.Differs = units
	return m
}

// cut lets the brokers of some units not answer a member.
func cut(m *pb.Member, units ...uint32) *pb.Member {
	m.Unreached = units
	return m
}

func leaving(m *pb.Member) *pb.Member {
	m.Leaving = true
	return m
}

func in(rack string, m *pb.Member) *pb.Member {
	m.Rack = rack
	return m
}

// said is what a plan says of moves and copies.
func said(plan *pb.Plan) string {
	var b strings.Builder
	for _, m := range plan.Moves {
		fmt.Fprintf(&b, "%d from %d to %q; ", m.Unit, m.From, m.Session)
	}
	for _, unit := range plan.Freed {
		fmt.Fprintf(&b, "%d freed; ", unit)
	}
	for _, c := range plan.Copies {
		fmt.Fprintf(&b, "%d at %v %t; ", c.Unit, c.Members, c.Awaited)
	}
	return strings.TrimSuffix(b.String(), "; ")
}

func TestPlans(t *testing.T) {
	for name, c := range map[string]struct {
		members  []*pb.Member
		standbys int
		want     []int32 // of four partitions and the metadata
		said     string
	}{
		"nobody":      {nil, 0, []int32{-1, -1, -1, -1, -1}, ""},
		"the first":   {[]*pb.Member{member("a")}, 1, []int32{0, 0, 0, 0, 0}, ""},
		"two at once": {[]*pb.Member{member("b"), member("a")}, 0, []int32{0, 1, 0, 1, 0}, ""},
		"one more is to come close first": {
			[]*pb.Member{member("b"), member("a", 0, 1, 2, 3, 4)}, 0, []int32{0, 0, 0, 0, 0}, "2 at [1] true; 3 at [1] true",
		},
		"what is close is handed over": {
			[]*pb.Member{near(member("b"), 2), member("a", 0, 1, 2, 3, 4)}, 0, []int32{0, 0, 1, 0, 0}, `2 from 0 to "b/2"; 3 at [1] true`,
		},
		"what is being handed over": {
			[]*pb.Member{near(awaiting(member("b"), 2), 2), member("a", 0, 1, 2, 3, 4)}, 0, []int32{0, 0, 1, 0, 0}, `2 from 0 to "b/2"; 3 at [1] true`,
		},
		"what was given up": {[]*pb.Member{awaiting(member("b"), 2), member("a", 0, 1, 3, 4)}, 0, []int32{0, 0, 1, 0, 0}, "3 at [1] true"},
		"one has died":      {[]*pb.Member{member("b", 2, 3)}, 0, []int32{0, 0, 0, 0, 0}, ""},
		"whoever is close takes all": {
			[]*pb.Member{near(member("b", 2), 0, 1), member("c", 3, 4)}, 1, []int32{0, 0, 0, 1, 1}, "0 at [1] false; 1 at [1] true; 2 at [1] false; 3 at [0] false",
		},
		"whoever is close takes more than his share until the others are": {
			[]*pb.Member{near(member("a", 0, 1, 4), 2, 3), member("b")}, 0, []int32{0, 0, 0, 0, 0}, "2 at [1] true; 3 at [1] true",
		},
		"a copy is preferred": {
			[]*pb.Member{at(member("a"), 1, 5), at(at(member("b"), 0, 7), 1, 4)}, 0, []int32{1, 0, 0, 1, 0}, "",
		},
		"who leaves hands over": {
			[]*pb.Member{leaving(member("a", 0, 1, 4)), near(member("b", 2, 3), 0, 4)},
			0,
			[]int32{1, 0, 1, 1, 1},
			`0 from 0 to "b/0"; 4 from 0 to "b/4"; 1 at [1] true`,
		},
		"who leaves alone keeps": {[]*pb.Member{leaving(member("a", 0, 1, 2, 3, 4))}, 0, []int32{0, 0, 0, 0, 0}, ""},
		"a copy that differs is not used": {
			[]*pb.Member{differing(member("a"), 0, 1), member("b", 3)}, 1, []int32{1, 1, 0, 1, 0}, "2 at [1] false; 3 at [0] false",
		},
		"what differs everywhere has no owner": {
			[]*pb.Member{differing(member("a"), 0), differing(member("b"), 0, 1)}, 1, []int32{-1, 0, 1, 0, 1}, "2 at [0] false; 3 at [1] false",
		},
		"what no other may have stays": {
			[]*pb.Member{member("a", 0, 1, 2, 3, 4), differing(member("b"), 0, 1, 2)}, 0, []int32{0, 0, 0, 0, 0}, "3 at [1] true",
		},
		"what its owner cannot reach is given up first": {
			[]*pb.Member{cut(member("a", 0, 1, 4), 1), near(member("b", 2, 3), 0, 1)},
			1,
			[]int32{0, -1, 1, 1, 0},
			"1 freed; 0 at [1] false; 1 at [1] false; 2 at [0] false; 3 at [0] false",
		},
		"what was given up goes to who reaches it": {
			[]*pb.Member{near(cut(member("a", 0, 4), 1), 1), member("b", 2, 3), member("c")},
			0,
			[]int32{0, 2, 1, 1, 0},
			"",
		},
		"what nobody reaches stays": {
			[]*pb.Member{cut(member("a", 0, 1, 4), 1, 4), near(cut(member("b", 2, 3), 1, 4), 1)},
			0,
			[]int32{0, 0, 1, 1, 0},
			"",
		},
		"what nobody reaches and nobody holds": {
			[]*pb.Member{cut(member("a", 0), 1, 4), cut(member("b", 2, 3), 1, 4)},
			0,
			[]int32{0, 0, 1, 1, 0},
			"",
		},
		"metadata that their owner cannot reach": {
			[]*pb.Member{cut(member("a", 0, 1, 4), 4), member("b", 2, 3)}, 0, []int32{0, 0, 1, 1, -1}, "4 freed",
		},
		"metadata that were given up": {
			[]*pb.Member{cut(member("a", 0, 1), 4), member("b", 2, 3)}, 0, []int32{0, 0, 1, 1, 1}, "",
		},
		"nothing moves to who does not reach it": {
			[]*pb.Member{cut(near(member("b"), 2, 3), 0, 1, 2), member("a", 0, 1, 2, 3, 4)}, 0, []int32{0, 0, 0, 1, 0}, `3 from 0 to "b/3"`,
		},
		"copies stand in other racks": {
			[]*pb.Member{in("x", member("a", 0, 1, 2, 3, 4)), in("x", near(member("b"), 0)), in("y", member("c"))},
			1,
			[]int32{1, 0, 0, 0, 0},
			`0 from 0 to "b/0"; 0 at [2] false; 1 at [2] false; 2 at [2] false; 3 at [2] true`,
		},
	} {
		plan := MakePlan(c.members, PlanConfig{Partitions: 4, Standbys: c.standbys, Warmups: 4})
		if !slices.Equal(plan.Owners, c.want) || said(plan) != c.said {
			t.Errorf("%s: %v, not %v; %s", name, plan.Owners, c.want, said(plan))
		}
	}
}

// TestCopiesThatDifferAreNotUsed marks copies in clusters of all kinds: no plan gives a unit to a member whose copy of it differs and who does not
// hold it, to own or to follow, and each unit that somebody else may have has an owner.
func TestCopiesThatDifferAreNotUsed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := PlanConfig{
			Partitions: rapid.IntRange(1, 8).Draw(t, "partitions"), Standbys: rapid.IntRange(0, 2).Draw(t, "standbys"), Warmups: rapid.IntRange(1, 4).Draw(t, "warmups"),
		}
		some := rapid.SliceOfDistinct(rapid.Uint32Range(0, uint32(cfg.Partitions-1)), rapid.ID)
		var members []*pb.Member
		for n := range rapid.IntRange(1, 4).Draw(t, "members") {
			m := member(fmt.Sprint("m", n))
			m.Leaving = rapid.Bool().Draw(t, "leaves")
			m.Differs = some.Draw(t, "differ")
			differs := func(unit uint32) bool { return slices.Contains(m.Differs, unit) }
			m.Held = slices.DeleteFunc(some.Draw(t, "held"), func(unit uint32) bool {
				return slices.ContainsFunc(members, func(other *pb.Member) bool { return slices.Contains(other.Held, unit) })
			})
			for _, unit := range slices.DeleteFunc(some.Draw(t, "near"), differs) {
				near(m, unit)
			}
			members = append(members, m)
		}
		plan := MakePlan(members, cfg)
		for _, c := range plan.Copies {
			for _, i := range c.Members {
				if m := members[i]; slices.Contains(m.Differs, c.Unit) {
					t.Fatalf("%s is to follow unit %d: %s", m.Incarnation, c.Unit, said(plan))
				}
			}
		}
		stays := slices.DeleteFunc(slices.Clone(members), func(m *pb.Member) bool { return m.Leaving })
		if len(stays) == 0 {
			stays = members
		}
		for n := range cfg.Partitions {
			unit, to := uint32(n), plan.Owners[n]
			may := slices.ContainsFunc(stays, func(m *pb.Member) bool { return !slices.Contains(m.Differs, unit) })
			switch {
			case to == nobody && may:
				t.Fatalf("unit %d has no owner", unit)
			case to != nobody && slices.Contains(members[to].Differs, unit) && !slices.Contains(members[to].Held, unit):
				t.Fatalf("%s is to own unit %d: %v", members[to].Incarnation, unit, plan.Owners)
			}
		}
	})
}

// server is a member of the cluster in a test of plans.
type server struct {
	held, awaited, follows, cut map[uint32]bool
	leaves                      bool
}

// TestPlansSettle lets members come, leave, die, come close to owners, be cut from the brokers of some units and hand over what they are to, in any order. Nobody is ever
// given what another holds but by that one; what somebody is close to who lives, and reaches it, is never given to one who is not; what is cut from its owner
// gets one who reaches it, if there is one; as soon as nothing is cut any more and nothing
// is on its way, so that nobody has reason to ask for another plan, the partitions are spread evenly, each has its copies at other servers, and no plan
// changes any more.
func TestPlansSettle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := PlanConfig{
			Partitions: rapid.IntRange(1, 20).Draw(t, "partitions"), Standbys: rapid.IntRange(0, 2).Draw(t, "standbys"), Warmups: rapid.IntRange(1, 4).Draw(t, "warmups"),
		}
		servers, born := map[string]*server{}, 0
		for range rapid.IntRange(1, 12).Draw(t, "changes") {
			switch what := rapid.IntRange(0, 4).Draw(t, "what"); {
			case len(servers) == 0 || what < 2:
				servers[fmt.Sprint("m", born)] = &server{held: map[uint32]bool{}, awaited: map[uint32]bool{}, follows: map[uint32]bool{}, cut: map[uint32]bool{}}
				born++
			case what == 2:
				delete(servers, rapid.SampledFrom(sortedNames(servers)).Draw(t, "dies"))
			case what == 3:
				unit := rapid.IntRange(0, cfg.Partitions).Draw(t, "unit")
				s := servers[rapid.SampledFrom(sortedNames(servers)).Draw(t, "is cut")]
				set(s.cut, uint32(unit), !s.cut[uint32(unit)])
			default:
				servers[rapid.SampledFrom(sortedNames(servers)).Draw(t, "leaves")].leaves = true
			}
			for range rapid.IntRange(0, 3).Draw(t, "plans") {
				follow(t, servers, cfg)
			}
		}
		for name, s := range servers {
			if s.leaves {
				delete(servers, name)
			}
		}
		if len(servers) == 0 {
			return
		}
		settle(t, servers, cfg)
		for _, s := range servers {
			for unit := range s.held {
				if s.cut[unit] && slices.ContainsFunc(sortedNames(servers), func(other string) bool { return !servers[other].cut[unit] }) {
					t.Fatalf("unit %d stays with who does not reach it: %s", unit, describeAll(servers))
				}
			}
		}
		for _, s := range servers {
			clear(s.cut)
		}
		settle(t, servers, cfg)
		before := describeAll(servers)
		plan := follow(t, servers, cfg)
		if after := describeAll(servers); after != before {
			t.Fatalf("it goes on changing: %s, %s", before, after)
		}
		if len(plan.Moves) > 0 {
			t.Fatalf("something is on its way for ever: %s", said(plan))
		}
		copies := map[uint32]int{}
		for _, c := range plan.Copies {
			if c.Awaited {
				t.Fatalf("somebody is waited for for ever: %s", said(plan))
			}
			copies[c.Unit] = len(c.Members)
		}
		for unit := range uint32(cfg.Partitions) {
			if want := min(cfg.Standbys, len(servers)-1); copies[unit] != want {
				t.Fatalf("unit %d has %d copies, not %d", unit, copies[unit], want)
			}
		}
		for name, s := range servers {
			n := len(s.held)
			if s.held[uint32(cfg.Partitions)] {
				n--
			}
			if n < cfg.Partitions/len(servers) || n > cfg.Partitions/len(servers)+1 {
				t.Fatalf("%s has %d of %d partitions: %s", name, n, cfg.Partitions, before)
			}
		}
	})
}

// settle makes plans until nobody asks for another one.
func settle(t *rapid.T, servers map[string]*server, cfg PlanConfig) {
	for range 3*cfg.Partitions + 10 {
		if plan := follow(t, servers, cfg); !goesOn(plan) {
			break
		}
	}
}

// goesOn tells whether somebody will ask for another plan when he has done what this one says.
func goesOn(plan *pb.Plan) bool {
	return len(plan.Moves) > 0 || len(plan.Freed) > 0 || slices.ContainsFunc(plan.Copies, func(c *pb.PlanCopies) bool { return c.Awaited })
}

func describeAll(servers map[string]*server) string {
	var b strings.Builder
	for _, name := range sortedNames(servers) {
		s := servers[name]
		fmt.Fprintln(&b, name, s.held, s.awaited, s.follows)
	}
	return b.String()
}

// follow makes the next plan and lets some of the members do what it says.
func follow(t *rapid.T, servers map[string]*server, cfg PlanConfig) *pb.Plan {
	var members []*pb.Member
	for _, name := range sortedNames(servers) {
		s := servers[name]
		m := &pb.Member{Incarnation: name, Instance: name, Leaving: s.leaves, Held: units(s.held), Awaited: units(s.awaited), Unreached: units(s.cut)}
		members = append(members, near(m, units(s.follows)...))
	}
	plan := MakePlan(members, cfg)
	if other := slices.Clone(members); len(other) > 1 {
		slices.Reverse(other)
		if again := MakePlan(other, cfg); !proto.Equal(again, plan) {
			t.Fatal("the order of the members matters")
		}
	}
	noneIsRobbed(t, members, plan, cfg)
	from, copies := map[uint32]string{}, map[uint32][]int32{}
	for _, m := range plan.Moves {
		from[m.Unit] = plan.Members[m.From].Incarnation
	}
	for _, c := range plan.Copies {
		copies[c.Unit] = c.Members
	}
	for n := range plan.Owners {
		unit, owner := uint32(n), owner(plan, n)
		for i, m := range plan.Members {
			s, owns := servers[m.Incarnation], owner == m
			set(s.awaited, unit, owns && from[unit] != "")
			set(s.follows, unit, !owns && (slices.Contains(copies[unit], int32(i)) || n == cfg.Partitions) || owns && from[unit] != "" && s.follows[unit])
			switch {
			case owns && from[unit] == "":
				s.held[unit] = true
			case s.held[unit] && slices.Contains(plan.Freed, unit):
				if rapid.Bool().Draw(t, "gives up") {
					delete(s.held, unit)
				}
			case s.held[unit] && from[unit] == m.Incarnation && rapid.Bool().Draw(t, "hands over"):
				delete(s.held, unit)
			case s.held[unit] && from[unit] != m.Incarnation:
				t.Fatalf("%s is to give up unit %d, and to nobody", m.Incarnation, unit)
			}
		}
	}
	return plan
}

// noneIsRobbed looks that nobody is given what another holds, and is to take it, nor what somebody is close to who stays.
func noneIsRobbed(t *rapid.T, members []*pb.Member, plan *pb.Plan, cfg PlanConfig) {
	if len(members) == 0 {
		return
	}
	moves := map[uint32]bool{}
	for _, m := range plan.Moves {
		moves[m.Unit] = true
	}
	for n := range plan.Owners {
		unit, to := uint32(n), owner(plan, n).GetIncarnation()
		if to == "" && slices.Contains(plan.Freed, unit) {
			continue
		}
		mine := slices.IndexFunc(members, func(m *pb.Member) bool { return m.Incarnation == to })
		has := func(units []uint32) bool { return slices.Contains(units, unit) }
		isNear := func(m *pb.Member) bool {
			return slices.ContainsFunc(m.Copies, func(c *pb.MemberCopy) bool { return c.Unit == unit && c.Session != "" })
		}
		for _, m := range members {
			if m.Incarnation == to || moves[unit] {
				continue
			}
			if has(m.Held) {
				t.Fatalf("%s is given unit %d, which %s holds", to, unit, m.Incarnation)
			}
			if n < cfg.Partitions && isNear(m) && !m.Leaving && !has(m.Unreached) && !has(members[mine].Held) && !has(members[mine].Awaited) && !isNear(members[mine]) {
				t.Fatalf("%s is given unit %d, which %s is close to", to, unit, m.Incarnation)
			}
		}
	}
}

func set(all map[uint32]bool, unit uint32, is bool) {
	if is {
		all[unit] = true
	} else {
		delete(all, unit)
	}
}

func units(all map[uint32]bool) []uint32 { return slices.Sorted(maps.Keys(all)) }

func sortedNames(servers map[string]*server) []string { return slices.Sorted(maps.Keys(servers)) }
