package cluster

import (
	"sync"

	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// Directory is the plan that holds at present, as this server knows it.
type Directory struct {
	partitions int
	self       string

	mu      sync.RWMutex
	plan    *pb.Plan
	changed chan struct{} // closed when another plan comes
}

// NewDirectory knows nobody. Self names this process among the members.
func NewDirectory(partitions int, self string) *Directory {
	return &Directory{partitions: partitions, self: self, plan: &pb.Plan{}, changed: make(chan struct{})}
}

// Take takes the next plan.
func (d *Directory) Take(plan *pb.Plan) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.plan = plan
	close(d.changed)
	d.changed = make(chan struct{})
}

// Members of the cluster, in their order. They are shared and must not be changed.
func (d *Directory) Members() []*pb.Member {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.plan.Members
}

// Owned are the units of each member, by its incarnation, and those that nobody owns at present, by "". The one behind all
// partitions is the metadata.
func (d *Directory) Owned() map[string][]int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	out := map[string][]int{}
	for unit := range d.partitions + 1 {
		name := owner(d.plan, unit).GetIncarnation()
		out[name] = append(out[name], unit)
	}
	return out
}

// Self is this server as the others know it; nil if they do not.
func (d *Directory) Self() *pb.Member {
	for _, m := range d.Members() {
		if m.Incarnation == d.self {
			return m
		}
	}
	return nil
}

// ownerOf is the member that owns the stream, nil if none does; here tells whether it is this server. The channel is
// closed when that may have changed.
func (d *Directory) ownerOf(s machine.Stream) (m *pb.Member, here bool, changed <-chan struct{}) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	m = owner(d.plan, unitOf(s, d.partitions))
	return m, m.GetIncarnation() == d.self, d.changed
}

// owner of a unit; nil if it has none.
func owner(p *pb.Plan, unit int) *pb.Member {
	if unit >= len(p.Owners) {
		return nil
	}
	if n := int(p.Owners[unit]); n >= 0 && n < len(p.Members) {
		return p.Members[n]
	}
	return nil
}
