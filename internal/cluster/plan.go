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

// StreamsOf are the streams of a unit.
func StreamsOf(unit, partitions int) []machine.Stream {
	if unit == partitions {
		return []machine.Stream{MetadataStream}
	}
	return []machine.Stream{
		{Kind: machine.Core, Partition: uint16(unit)}, {Kind: machine.Repartition, Partition: uint16(unit)},
	}
}

// PlanConfig is what plans of one cluster have in common.
type PlanConfig struct {
	// Partitions of run data.
	Partitions int
	// Standbys is how many servers besides the owner follow each of them, as far as there are servers.
	Standbys int
	// Warmups bounds how many partitions that are to move are brought to their next owners at a time.
	Warmups int
}

// MakePlan says who is to own what, and who is to follow it. It depends on nothing but the members as they describe themselves, in any
// order. All who stay have the same share, give or take one. Who owns a unit keeps it if that does not pass his share; what is
// to move stays with him until its next owner is close behind, and is handed over then. What nobody holds goes to a
// server that is close behind its last owner, whatever its share, for then nobody waits. Whose copy of a unit differs from its owner's is given
// it neither to own nor to follow; a unit that nobody else could have has no owner. Nor has one that its owner cannot reach, and somebody else can,
// until he has given it up; then it goes to one who can.
func MakePlan(members []*pb.Member, cfg PlanConfig) *pb.Plan {
	members = slices.Clone(members)
	slices.SortFunc(members, func(a, b *pb.Member) int {
		return cmp.Or(cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Incarnation, b.Incarnation))
	})
	p := newPlanning(members, cfg)
	if len(members) > 0 {
		p.keep()
		p.inherit()
		p.move()
		p.placeMetadata()
		p.placeCopies()
	}
	return p.plan()
}

// planning is a plan in the making.
type planning struct {
	members []*pb.Member
	cfg     PlanConfig
	stays   []int // members that do not leave; all if all leave
	leaves  []bool
	copies  []map[uint32]*pb.MemberCopy
	differs []map[int]bool // units of which each member has a copy that is not to be used
	cut     []map[int]bool // units that each member does not reach
	freed   []int          // units that their owner is to give up, for he does not reach them

	held, awaited []int32 // who holds each unit, and to whom it is on its way
	owners, from  []int32 // who is to own it, and who hands it over to him
	next          []int32 // who is to get it when he is close behind
	surplus       []int   // units that their owner has beyond his share
	owns          []int   // how many partitions each member is to own
	larger        int     // members that own one more than the share
	standbys      [][]int32
	waits         []bool // for one of them
}

func newPlanning(members []*pb.Member, cfg PlanConfig) *planning {
	none := slices.Repeat([]int32{nobody}, cfg.Partitions+1)
	p := &planning{
		members: members, cfg: cfg, leaves: make([]bool, len(members)), owns: make([]int, len(members)),
		held: slices.Clone(none), awaited: slices.Clone(none), owners: slices.Clone(none), from: slices.Clone(none), next: none,
		standbys: make([][]int32, cfg.Partitions+1), waits: make([]bool, cfg.Partitions+1),
	}
	for i, m := range members {
		if p.leaves[i] = m.Leaving; !m.Leaving {
			p.stays = append(p.stays, i)
		}
		claim(p.held, m.Held, i)
		p.differs = append(p.differs, setOf(m.Differs))
		p.cut = append(p.cut, setOf(m.Unreached))
		of := map[uint32]*pb.MemberCopy{}
		for _, c := range m.Copies {
			of[c.Unit] = c
		}
		p.copies = append(p.copies, of)
	}
	if len(p.stays) == 0 {
		for i := range members {
			p.leaves[i] = false
			p.stays = append(p.stays, i)
		}
	}
	for _, i := range p.stays {
		claim(p.awaited, members[i].Awaited, i)
	}
	return p
}

func setOf(units []uint32) map[int]bool {
	set := map[int]bool{}
	for _, unit := range units {
		set[int(unit)] = true
	}
	return set
}

// claim notes the units of a member, unless they are another's.
func claim(who []int32, units []uint32, member int) {
	for _, unit := range units {
		if int(unit) < len(who) && who[unit] == nobody {
			who[unit] = int32(member)
		}
	}
}

// plan is what the others are told.
func (p *planning) plan() *pb.Plan {
	plan := &pb.Plan{Owners: p.owners}
	for i, m := range p.members {
		if i == 0 || m.Engine < plan.Engine {
			plan.Engine = m.Engine
		}
		m = m.CloneVT()
		m.Held, m.Copies, m.Awaited, m.Differs, m.Unreached = nil, nil, nil, nil, nil
		plan.Members = append(plan.Members, m)
	}
	for _, unit := range p.freed {
		plan.Freed = append(plan.Freed, uint32(unit))
	}
	for unit, from := range p.from {
		if from != nobody {
			plan.Moves = append(plan.Moves, &pb.PlanMove{Unit: uint32(unit), From: from, Session: p.session(p.owners[unit], unit)})
		}
		if len(p.standbys[unit]) > 0 {
			plan.Copies = append(plan.Copies, &pb.PlanCopies{Unit: uint32(unit), Members: p.standbys[unit], Awaited: p.waits[unit]})
		}
	}
	return plan
}

// keep gives the partitions to those who hold them, or to whom they are on their way already. Who has more than his share
// has a surplus. Who has most may keep one more than the others, if the partitions do not come out even.
func (p *planning) keep() {
	units := make([][]int, len(p.members))
	for unit := range p.cfg.Partitions {
		switch holder, to := p.held[unit], p.awaited[unit]; {
		case holder == nobody:
		case p.frees(unit):
		case to != nobody && to != holder && p.reaches(unit)(int(to)):
			p.owners[unit], p.from[unit] = to, holder
			p.take(int(to))
		default:
			p.owners[unit] = holder
			units[holder] = append(units[holder], unit)
		}
	}
	order := make([]int, len(p.members))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(units[b]), len(units[a])) })
	for _, i := range order {
		slices.SortStableFunc(units[i], func(a, b int) int { return cmp.Compare(p.warmElsewhere(i, a), p.warmElsewhere(i, b)) })
		for _, unit := range units[i] {
			if p.leaves[i] || p.owns[i] >= p.room() {
				p.surplus = append(p.surplus, unit)
				continue
			}
			p.take(i)
		}
	}
}

// frees lets the unit have no owner if who holds it does not reach it, and somebody else does.
func (p *planning) frees(unit int) bool {
	holder := int(p.held[unit])
	if !p.cut[holder][unit] || best(p.stays, all(p.mayHave(unit), p.reaches(unit)), equal) == nobody {
		return false
	}
	p.freed = append(p.freed, unit)
	return true
}

// reaches tells of members whether the brokers of the unit answer them.
func (p *planning) reaches(unit int) func(member int) bool {
	return func(i int) bool { return !p.cut[i][unit] }
}

// isWarm tells of members whether the unit can be handed over to them.
func (p *planning) isWarm(unit int) func(member int) bool {
	return func(i int) bool { return p.session(int32(i), unit) != "" }
}

// all tells of members whether each of the conditions holds.
func all(conditions ...func(int) bool) func(member int) bool {
	return func(i int) bool {
		return !slices.ContainsFunc(conditions, func(holds func(int) bool) bool { return !holds(i) })
	}
}

func equal(int, int) int { return 0 }

// warmElsewhere is 1 if another server could take the unit over at once.
func (p *planning) warmElsewhere(owner, unit int) int {
	for _, i := range p.stays {
		if i != owner && p.isWarm(unit)(i) {
			return 1
		}
	}
	return 0
}

// session is the one that a unit can be handed over to at a member; "" if there is none.
func (p *planning) session(member int32, unit int) string {
	return p.copies[member][uint32(unit)].GetSession()
}

// share is what each member owns at least, when all is settled.
func (p *planning) share() int { return p.cfg.Partitions / len(p.stays) }

// room is how many partitions one member may own at present.
func (p *planning) room() int {
	if p.larger < p.cfg.Partitions%len(p.stays) {
		return p.share() + 1
	}
	return p.share()
}

// take counts what a member owns.
func (p *planning) take(member int) {
	if p.owns[member]++; p.owns[member] == p.share()+1 {
		p.larger++
	}
}

// best is the member that the order prefers, of those that may.
func best(members []int, may func(int) bool, order func(a, b int) int) int {
	found := nobody
	for _, i := range members {
		if may(i) && (found == nobody || order(i, found) > 0) {
			found = i
		}
	}
	return found
}

// nearer prefers who is close behind the owner, then who follows it, then who has the furthest copy, then who owns least.
func (p *planning) nearer(unit int) func(a, b int) int {
	near := func(i int) int {
		switch c := p.copies[i][uint32(unit)]; {
		case c.GetSession() != "":
			return 2
		case c.GetFollows():
			return 1
		default:
			return 0
		}
	}
	return func(a, b int) int {
		if n := cmp.Compare(near(a), near(b)); n != 0 || near(a) == 2 {
			return cmp.Or(n, cmp.Compare(p.owns[b], p.owns[a]), cmp.Compare(p.position(a, unit), p.position(b, unit)))
		}
		return cmp.Or(cmp.Compare(p.position(a, unit), p.position(b, unit)), cmp.Compare(p.owns[b], p.owns[a]))
	}
}

func (p *planning) position(member, unit int) uint64 {
	return p.copies[member][uint32(unit)].GetPosition()
}

// inherit gives away what nobody holds: to whom it was on its way, to who is close behind, else to who has the furthest copy and room for it. What somebody gets beyond his share
// is his surplus.
func (p *planning) inherit() {
	for unit, owner := range p.owners[:p.cfg.Partitions] {
		if owner != nobody || p.held[unit] != nobody {
			continue
		}
		heir := p.heir(unit)
		if heir == nobody {
			continue
		}
		p.owners[unit] = int32(heir)
		if p.owns[heir] >= p.room() {
			p.surplus = append(p.surplus, unit)
			continue
		}
		p.take(heir)
	}
}

// heir is who gets a unit that nobody holds.
func (p *planning) heir(unit int) int {
	anyone := func(int) bool { return true }
	for _, reaches := range []func(int) bool{p.reaches(unit), anyone} {
		if to := int(p.awaited[unit]); to != nobody && reaches(to) {
			return to
		}
		for _, may := range []func(int) bool{p.isWarm(unit), p.hasRoomFor(unit), p.mayHave(unit)} {
			if heir := best(p.stays, all(may, reaches), p.nearer(unit)); heir != nobody {
				return heir
			}
		}
	}
	return nobody
}

// mayHave tells of members whether they may have the unit.
func (p *planning) mayHave(unit int) func(member int) bool {
	return func(i int) bool { return !p.differs[i][unit] }
}

// hasRoomFor tells of members whether they may have the unit and do not pass their share by it.
func (p *planning) hasRoomFor(unit int) func(member int) bool {
	return func(i int) bool { return !p.differs[i][unit] && p.owns[i] < p.room() }
}

// move finds the next owners of what is held beyond a share. Those that are close behind get it; a few of the others begin
// to follow. What nobody with room may have stays where it is.
func (p *planning) move() {
	p.surplus = slices.DeleteFunc(p.surplus, p.moveAtOnce)
	warming := 0
	for _, unit := range p.surplus {
		to := best(p.stays, all(p.hasRoomFor(unit), p.reaches(unit)), p.nearer(unit))
		if to == nobody {
			p.take(int(p.owners[unit]))
			continue
		}
		if warming < max(1, p.cfg.Warmups) {
			p.next[unit] = int32(to)
			warming++
		}
		p.take(to)
	}
}

// moveAtOnce hands a unit over to somebody who is close behind its owner; false if there is none with room for it, or nobody who could hand it over
// yet.
func (p *planning) moveAtOnce(unit int) bool {
	if p.held[unit] == nobody {
		return false
	}
	to := best(p.stays, all(p.hasRoomFor(unit), p.isWarm(unit), p.reaches(unit)), p.nearer(unit))
	if to == nobody {
		return false
	}
	p.owners[unit], p.from[unit] = int32(to), p.owners[unit]
	p.take(to)
	return true
}

// placeMetadata lets who owns them keep them, unless he leaves.
func (p *planning) placeMetadata() {
	unit := p.cfg.Partitions
	fewest := func(a, b int) int { return cmp.Compare(p.owns[b], p.owns[a]) }
	holder, to := p.held[unit], p.awaited[unit]
	switch {
	case holder != nobody && p.frees(unit):
	case holder == nobody:
		p.owners[unit] = int32(best(p.stays, func(int) bool { return true }, func(a, b int) int {
			reaches := p.reaches(unit)
			return cmp.Or(isTrue(reaches(a))-isTrue(reaches(b)), isTrue(int32(a) == to)-isTrue(int32(b) == to), fewest(a, b))
		}))
	case to != nobody && to != holder && p.reaches(unit)(int(to)):
		p.owners[unit], p.from[unit] = to, holder
	case !p.leaves[holder]:
		p.owners[unit] = holder
	default:
		heir := best(p.stays, all(p.isWarm(unit), p.reaches(unit)), fewest)
		if heir == nobody {
			p.owners[unit] = holder
			p.standbys[unit], p.waits[unit] = []int32{int32(p.stays[0])}, true
			return
		}
		p.owners[unit], p.from[unit] = int32(heir), holder
	}
}

// placeCopies says who follows the partitions: as many as are to, and who is to own them next. Who is close behind is not sent away before
// those who come instead are, too.
func (p *planning) placeCopies() {
	follows := make([]int, len(p.members))
	most := 0
	if n := len(p.stays); n > 1 {
		most = (p.cfg.Partitions*min(p.cfg.Standbys, n-1) + n - 1) / n
	}
	for unit := range p.cfg.Partitions {
		if p.owners[unit] == nobody {
			p.standbys[unit] = p.followers(unit)
			continue
		}
		chosen := p.chooseStandbys(unit, follows, most)
		if to := p.next[unit]; to != nobody {
			p.waits[unit] = true
			if !slices.Contains(chosen, to) {
				chosen = append(chosen, to)
			}
		}
		p.standbys[unit] = p.keepWarm(unit, chosen)
	}
}

// followers are those who follow a unit that is being given up: one of them is to have it next.
func (p *planning) followers(unit int) (found []int32) {
	for _, i := range p.stays {
		if p.held[unit] != nobody && p.copies[i][uint32(unit)].GetFollows() {
			found = append(found, int32(i))
		}
	}
	return found
}

func (p *planning) chooseStandbys(unit int, follows []int, most int) (chosen []int32) {
	owner := p.owners[unit]
	for len(chosen) < p.cfg.Standbys {
		may := func(i int) bool {
			return int32(i) != owner && !p.differs[i][unit] && !slices.Contains(chosen, int32(i))
		}
		i := best(p.stays, may, func(a, b int) int {
			return cmp.Or(
				isTrue(p.reaches(unit)(a))-isTrue(p.reaches(unit)(b)),
				cmp.Compare(p.elsewhere(a, owner, chosen), p.elsewhere(b, owner, chosen)),
				cmp.Compare(roomFor(follows[a], most), roomFor(follows[b], most)),
				p.nearerStandby(unit)(a, b),
				cmp.Compare(follows[b], follows[a]),
			)
		})
		if i == nobody {
			break
		}
		follows[i]++
		chosen = append(chosen, int32(i))
	}
	return chosen
}

// nearerStandby prefers who follows the unit or holds it at present, then who has the furthest copy.
func (p *planning) nearerStandby(unit int) func(a, b int) int {
	near := func(i int) int {
		if p.copies[i][uint32(unit)].GetFollows() || p.held[unit] == int32(i) {
			return 1
		}
		return 0
	}
	return func(a, b int) int {
		return cmp.Or(cmp.Compare(near(a), near(b)), cmp.Compare(p.position(a, unit), p.position(b, unit)))
	}
}

// elsewhere is 1 if a member stands in another rack than the owner and those chosen.
func (p *planning) elsewhere(member int, owner int32, chosen []int32) int {
	rack := p.members[member].Rack
	if rack == p.members[owner].Rack || slices.ContainsFunc(chosen, func(i int32) bool { return p.members[i].Rack == rack }) {
		return 0
	}
	return 1
}

func isTrue(is bool) int {
	if is {
		return 1
	}
	return 0
}

func roomFor(has, most int) int {
	if has < most {
		return 1
	}
	return 0
}

// keepWarm adds those who are close behind, as long as some of the chosen are not. Whoever has to come close says so then.
func (p *planning) keepWarm(unit int, chosen []int32) []int32 {
	ready := 0
	for _, i := range chosen {
		if p.session(i, unit) != "" || p.held[unit] == i {
			ready++
		}
	}
	if ready >= min(p.cfg.Standbys, len(chosen)) {
		return chosen
	}
	wanted := len(chosen)
	for _, i := range p.stays {
		if p.session(int32(i), unit) != "" && p.owners[unit] != int32(i) && !slices.Contains(chosen, int32(i)) {
			chosen = append(chosen, int32(i))
		}
	}
	p.waits[unit] = p.waits[unit] || len(chosen) > wanted
	return chosen
}
