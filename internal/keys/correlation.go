package keys

import (
	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

// Correlation builds the keys of all that belongs to one correlation key of an ExternalEventDef.
type Correlation struct {
	tenant   Tenant
	def, key string
}

// Correlation is the builder for a correlation key.
func (t Tenant) Correlation(def, key string) Correlation { return Correlation{t, def, key} }

// Event is the row of the CorrelatedEvent. It is the prefix of the rows of its ExternalEvents, which follow it.
func (c Correlation) Event() Key { return Key(c.start(KindCorrelatedEvent)) }

// Delivery is the row of the ExternalEvent that came of the CorrelatedEvent for a NodeRun.
func (c Correlation) Delivery(n *lhpb.NodeRunId) Key {
	return Key(appendNodeRun(c.start(KindCorrelatedEvent), n))
}

// Waiting is the row of a NodeRun that waits for the key.
func (c Correlation) Waiting(n *lhpb.NodeRunId) Key {
	return Key(appendNodeRun(c.start(KindWaiting), n))
}

// AllWaiting is the prefix of all NodeRuns that wait for the key.
func (c Correlation) AllWaiting() Key { return Key(c.start(KindWaiting)) }

func (c Correlation) start(kind ObjectKind) []byte {
	return appendText(appendText(c.tenant.object(kind), c.def), c.key)
}

func appendNodeRun(b []byte, n *lhpb.NodeRunId) []byte {
	b = appendText(b, lh.WfRunIDString(n.GetWfRunId()))
	return appendInt32(appendInt32(b, n.GetThreadRunNumber()), n.GetPosition())
}

// CorrelationKey is a row of a correlation key taken apart.
type CorrelationKey struct {
	Tenant string
	Kind   ObjectKind
	Def    string
	Key    string
	// NodeRun is nil for the row of the CorrelatedEvent itself.
	NodeRun *lhpb.NodeRunId
}

// ParseCorrelation reads the parts of any key that a Correlation builds.
func ParseCorrelation(k Key) (CorrelationKey, error) {
	p := &reader{rest: string(k)}
	if Space(p.byte()) != SpaceObject {
		p.fail("object key")
	}
	c := CorrelationKey{Tenant: p.text(), Kind: ObjectKind(p.byte())}
	if c.Kind != KindCorrelatedEvent && c.Kind != KindWaiting {
		p.fail("row of a correlation key")
	}
	c.Def, c.Key = p.text(), p.text()
	if p.rest != "" || c.Kind == KindWaiting {
		c.NodeRun = &lhpb.NodeRunId{
			WfRunId: lh.ParseWfRunID(p.text()), ThreadRunNumber: p.int32(), Position: p.int32(),
		}
	}
	return c, p.done()
}
