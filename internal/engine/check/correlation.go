package check

import (
	"fmt"
	"math"
	"slices"

	"littlehorse/internal/engine"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// Correlations checks all partitions of a cluster together, at a moment when no emitted record is under way:
// exactly the NodeRuns that wait for a correlation key are registered where the key lives, and where there is a
// CorrelatedEvent nobody waits for it. The views are in the order of their partitions.
func Correlations(views []machine.View) []Violation {
	c := &correlations{registered: map[string]bool{}, withdrawn: map[string]bool{}, events: map[keys.Key]bool{}}
	for n, v := range views {
		c.readObjects(n, len(views), v)
		c.readWithdrawn(v)
	}
	for _, v := range views {
		c.readNodeRuns(v)
	}
	for _, name := range c.left() {
		c.violate(name, "is registered and does not wait")
	}
	return c.found
}

type correlations struct {
	registered map[string]bool // by tenant, key and NodeRun
	withdrawn  map[string]bool // by tenant and NodeRun
	events     map[keys.Key]bool
	found      []Violation
}

func (c *correlations) violate(object, format string, args ...any) {
	c.found = append(c.found, Violation{object, fmt.Sprintf(format, args...)})
}

func nodeRunName(tenant string, n *lhpb.NodeRunId) string {
	return fmt.Sprintf("%s %s/%d/%d", tenant, nameOf(n.GetWfRunId()), n.GetThreadRunNumber(), n.GetPosition())
}

func registration(tenant, def, key string, n *lhpb.NodeRunId) string {
	return fmt.Sprintf("%s for %q of %s", nodeRunName(tenant, n), key, def)
}

// readObjects reads who is registered for which key, and that each key is in its place.
func (c *correlations) readObjects(partition, partitions int, v machine.View) {
	space := keys.Objects()
	for k, value := range v.Scan(space, space.End(), math.MaxInt, func() machine.Value { return &raw{} }) {
		p, err := keys.ParseCorrelation(k)
		if err != nil {
			continue // of another kind
		}
		if int(machine.PartitionOf(p.Tenant, p.Key, partitions)) != partition {
			c.violate(fmt.Sprintf("%q", k), "is not in the partition of its key")
		}
		switch {
		case p.Kind == keys.KindWaiting:
			c.registered[registration(p.Tenant, p.Def, p.Key, p.NodeRun)] = true
			if c.events[keys.In(p.Tenant).Correlation(p.Def, p.Key).Event()] {
				c.violate(fmt.Sprintf("%q", k), "waits for an event that is there")
			}
		case p.NodeRun == nil:
			c.events[k] = true
			row := &pb.CorrelatedEventRow{}
			if err := decode(value, row); err != nil || row.Spent || row.Serving {
				c.violate(fmt.Sprintf("%q", k), "its work stands still (%v)", err)
			}
		}
	}
}

func (c *correlations) eachRow(v machine.View, kind keys.RunKind, visit func(tenant string, k keys.Key, value machine.Value)) {
	space := keys.Key([]byte{byte(keys.SpaceRun)})
	for k, value := range v.Scan(space, space.End(), math.MaxInt, func() machine.Value { return &raw{} }) {
		if p, err := keys.ParseRun(k); err == nil && p.Kind == kind {
			visit(p.Tenant, k, value)
		}
	}
}

func (c *correlations) readWithdrawn(v machine.View) {
	c.eachRow(v, keys.KindWithdrawn, func(tenant string, k keys.Key, value machine.Value) {
		w := &pb.Withdrawal{}
		if err := decode(value, w); err != nil {
			c.violate(fmt.Sprintf("%q", k), "%v", err)
		}
		p, _ := keys.ParseRun(k)
		thread, position, err := keys.In(tenant).RunNamed(p.WfRun).ParseWithdrawn(k)
		if err != nil {
			c.violate(fmt.Sprintf("%q", k), "%v", err)
		}
		c.withdrawn[nodeRunName(tenant, &lhpb.NodeRunId{
			WfRunId: lh.ParseWfRunID(p.WfRun), ThreadRunNumber: thread, Position: position,
		})] = true
	})
}

// readNodeRuns wants everyone who waits to be registered, unless an event is on its way into a halted ThreadRun.
func (c *correlations) readNodeRuns(v machine.View) {
	c.eachRow(v, keys.KindNodeRun, func(tenant string, k keys.Key, value machine.Value) {
		n := &lhpb.NodeRun{}
		if err := decode(value, n); err != nil {
			c.violate(fmt.Sprintf("%q", k), "%v", err)
			return
		}
		id := engine.Awaited(n)
		if id == nil || c.withdrawn[nodeRunName(tenant, n.Id)] && n.Status == halted {
			return
		}
		name := registration(tenant, id.ExternalEventDefId.GetName(), id.Key, n.Id)
		if !c.registered[name] && !hasEvent(v, tenant, n) {
			c.violate(name, "waits and is not registered")
		}
		delete(c.registered, name)
	})
}

// hasEvent reports whether an event for this very NodeRun waits to be claimed.
func hasEvent(v machine.View, tenant string, n *lhpb.NodeRun) bool {
	run := keys.In(tenant).Run(n.Id.WfRunId)
	prefix := run.ReservedFor(n.GetExternalEvent().ExternalEventDefId.GetName(), n.Id.ThreadRunNumber, n.Id.Position)
	for range machine.Scan[pb.Empty](v, prefix, prefix.End(), 1) {
		return true
	}
	return false
}

func (c *correlations) left() []string {
	out := make([]string, 0, len(c.registered))
	for name := range c.registered {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
