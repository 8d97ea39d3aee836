package cluster

import (
	"cmp"
	"slices"

	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// Units are what moves from server to server as a whole: unit n is partition n of run data with its repartition stream,
// and the one behind them is the metadata.

// nobody owns a unit that is on its way.
const nobody = -1

// unitOf is the unit that a stream is part of.
func unitOf(s machine.Stream, partitions int) int {
	if s.Kind == machine.Metadata {
		return partitions
	}
	return int(s.Partition)
}

// streamsOf are the streams of a unit.
func streamsOf(unit, partitions int) []machine.Stream {
	if unit == partitions {
		return []machine.Stream{MetadataStream}
	}
	return []machine.Stream{
		{Kind: machine.Core, Partition: uint16(unit)}, {Kind: machine.Repartition, Partition: uint16(unit)},
	}
}

// MakePlan says who is to own what. It depends on nothing but the members as they describe themselves, in any order. All
// have the same share, give or take one. Who owns a unit keeps it if that does not pass his share; what is to move from a
// member that lives has no owner until he has given it up and says so.
func MakePlan(members []*pb.Member, partitions int) *pb.Plan {
	members = slices.Clone(members)
	slices.SortFunc(members, func(a, b *pb.Member) int {
		return cmp.Or(cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Incarnation, b.Incarnation))
	})
	p := &planning{members: members, partitions: partitions, held: make([]int32, partitions+1), owns: make([]int, len(members))}
	p.readHeld()
	plan := &pb.Plan{Owners: slices.Clone(p.held)}
	for _, m := range members {
		m = m.CloneVT()
		m.Held, m.Copies = nil, nil
		plan.Members = append(plan.Members, m)
	}
	if len(members) == 0 {
		return plan
	}
	p.release(plan.Owners[:partitions])
	for unit, owner := range plan.Owners[:partitions] {
		if owner == nobody && p.held[unit] == nobody {
			plan.Owners[unit] = p.heir(unit)
		}
	}
	if plan.Owners[partitions] == nobody {
		plan.Owners[partitions] = p.leastBurdened()
	}
	return plan
}

// planning is a plan in the making.
type planning struct {
	members    []*pb.Member
	partitions int
	held       []int32 // who holds each unit
	owns       []int   // how many partitions each member is to own
	larger     int     // members that own one more than the share
}

func (p *planning) readHeld() {
	for i := range p.held {
		p.held[i] = nobody
	}
	for i, m := range p.members {
		for _, unit := range m.Held {
			if int(unit) < len(p.held) && p.held[unit] == nobody {
				p.held[unit] = int32(i)
			}
		}
	}
}

// release takes from those who have more than their share. Who has most may keep one more than the others, if the
// partitions do not come out even.
func (p *planning) release(owners []int32) {
	units := make([][]int, len(p.members))
	for unit, owner := range owners {
		if owner != nobody {
			units[owner] = append(units[owner], unit)
		}
	}
	order := make([]int, len(p.members))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(units[b]), len(units[a])) })
	for _, i := range order {
		keep := min(len(units[i]), p.room())
		for _, unit := range units[i][keep:] {
			owners[unit] = nobody
		}
		p.take(i, keep)
	}
}

// share is what each member owns at least, when all is settled.
func (p *planning) share() int { return p.partitions / len(p.members) }

// room is how many partitions one member may own at present.
func (p *planning) room() int {
	if p.larger < p.partitions%len(p.members) {
		return p.share() + 1
	}
	return p.share()
}

// take counts what a member owns.
func (p *planning) take(member, n int) {
	before := p.owns[member]
	p.owns[member] += n
	if before <= p.share() && p.owns[member] > p.share() {
		p.larger++
	}
}

// heir is who gets a unit that nobody holds: the one with the best copy of it, else the one that owns least.
func (p *planning) heir(unit int) int32 {
	best := -1
	for i := range p.members {
		if p.owns[i] >= p.room() {
			continue
		}
		if best < 0 || cmp.Or(cmp.Compare(p.copyOf(i, unit), p.copyOf(best, unit)), cmp.Compare(p.owns[best], p.owns[i])) > 0 {
			best = i
		}
	}
	p.take(best, 1)
	return int32(best)
}

func (p *planning) copyOf(member, unit int) uint64 {
	for _, c := range p.members[member].Copies {
		if int(c.Unit) == unit {
			return c.Position
		}
	}
	return 0
}

func (p *planning) leastBurdened() int32 {
	best := 0
	for i := range p.members {
		if p.owns[i] < p.owns[best] {
			best = i
		}
	}
	return int32(best)
}
