package engine

import (
	"encoding/binary"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// txn is the work of one record: what it has read, what it has changed, and what the record says of the
// world. Timestamps made in it are shared between objects, so none is ever written to.
type txn struct {
	engine *Engine
	view   machine.View
	header *pb.Header
	keys   keys.Tenant
	specs  Specs

	timer keys.Key // the timer row that the record fires, if it does

	nowNs int64
	now   *timestamppb.Timestamp

	runs    met[string, *wfRun]
	touched []entry
	loose   []machine.Change
	emits   []machine.Emit
	// withdrawals are those looked at.
	withdrawals map[keys.Key]*row[pb.Withdrawal, *pb.Withdrawal]
	// sent are the ExternalEvents that the record makes of a CorrelatedEvent.
	sent       []*lhpb.ExternalEventId
	scheduled  []*taskRun       // put into the queue by this record, oldest first
	checkpoint *lhpb.Checkpoint // put by this record
	tallies    tallies
	deleted    int  // objects of WfRuns deleted by this record
	settled    bool // nothing may change any more: what is read now is only told
	ids        uint32
	steps      int

	changes  []machine.Change // before they are sorted
	supplies supplies
}

// begin gives a txn for the record. Its memory is that of an earlier one, if there is any.
func (e *Engine) begin(v machine.View, h *pb.Header) *txn {
	t := e.idle.get()
	t.engine, t.view, t.header = e, v, h
	t.keys = keys.In(h.GetTenant())
	t.specs = e.catalog.At(h.GetCatalogVersion(), h.GetTenant())
	t.tallies.init()
	t.setClock(h.GetAtNs())
	return t
}

// end lets the txn go. Its effects are what stays of it.
func (t *txn) end() {
	t.supplies.refill()
	clear(t.touched)
	clear(t.loose)
	clear(t.scheduled)
	clear(t.changes)
	idle := &t.engine.idle
	*t = txn{touched: t.touched[:0], loose: t.loose[:0], scheduled: t.scheduled[:0], changes: t.changes[:0], supplies: t.supplies}
	idle.put(t)
}

// setClock sets the time at which everything in this record happens.
func (t *txn) setClock(ns int64) {
	t.nowNs = ns
	t.now = timestampOf(ns)
}

// version is as of which version of the engine the record is applied.
func (t *txn) version() uint32 {
	if v := t.header.GetEngineVersion(); v != 0 {
		return v
	}
	return machine.EngineVersion
}

// newID is the next id that follows from the record.
func (t *txn) newID() string {
	t.ids++
	seed := t.header.GetRequestId()
	if len(seed) == 0 {
		// A lane's own records: their numbers begin anew in every partition.
		seed = binary.BigEndian.AppendUint64([]byte(t.header.GetSource()+"\x00"), t.header.GetNumber())
		seed = append(seed, t.timer...)
	}
	return lh.DerivedID(seed, t.ids)
}

// coreOf is the core stream of a routing key.
func (t *txn) coreOf(key string) machine.Stream {
	return machine.CoreOf(t.keys.Name(), key, t.engine.config.Partitions)
}

// exhausted reports whether the record has done all the steps it may.
func (t *txn) exhausted() bool { return t.steps >= t.engine.config.MaxSteps }

// put writes a row that no object stands for.
func (t *txn) put(k keys.Key, v machine.Value) {
	t.loose = append(t.loose, machine.Change{Key: k, Value: v})
}

// remove deletes a row that no object stands for.
func (t *txn) remove(k keys.Key) { t.loose = append(t.loose, machine.Change{Key: k}) }

// setTimer puts a timer row.
func (t *txn) setTimer(timer keys.Timer, what *pb.Timer) {
	timer.Tenant = t.header.GetTenant()
	what.SetNs = t.nowNs
	t.put(timer.Key(), what)
}

// emit asks for a record for another stream, or for the one it came from.
func (t *txn) emit(to machine.Stream, r *pb.Record) {
	r.Header = &pb.Header{
		AtNs:           t.header.GetAtNs(),
		Tenant:         t.header.GetTenant(),
		CatalogVersion: t.header.GetCatalogVersion(),
		RequestId:      []byte(t.newID()),
	}
	t.emits = append(t.emits, machine.Emit{To: to, Record: r})
}

// entry is an object that the record has touched. Absent is nil.
type entry interface {
	states() (k keys.Key, before, after machine.Value)
}

// commit turns what was touched into effects.
func (t *txn) commit(reply machine.Reply) machine.Effects {
	for _, w := range t.runs.all {
		w.settle()
	}
	t.settled = true
	changes := t.changes[:0]
	for _, e := range t.touched {
		k, before, after := e.states()
		if before == nil && after == nil {
			continue
		}
		changes = append(changes, machine.Change{Key: k, Value: after})
		changes = t.appendFollowing(changes, before, after)
		t.count(before, after)
		t.appendMessages(before, after)
	}
	changes = t.appendCounts(changes)
	changes = append(changes, t.loose...)
	t.changes = changes
	changes = lastOfEachKey(changes)
	for _, c := range changes {
		if c.Value != nil && c.Value.SizeVT() > t.engine.config.MaxRecordBytes {
			return t.refuseOversized(c)
		}
	}
	if published := t.appendOutput(nil); published != nil {
		changes = append(changes, published...)
		machine.SortChanges(changes)
	}
	return machine.Effects{Reply: reply, Changes: changes, Emit: t.emits}
}

// appendMessages emits what others have to know of a change.
func (t *txn) appendMessages(before, after machine.Value) {
	of := before
	if of == nil {
		of = after
	}
	if _, is := of.(*lhpb.NodeRun); is {
		t.tellKey(typed[lhpb.NodeRun](before), typed[lhpb.NodeRun](after))
	}
}

// refuseOversized is the last guard of the record limit: the handlers turn values that grow into failures
// before it comes to this. A timer is consumed all the same, or it would fire for ever.
func (t *txn) refuseOversized(c machine.Change) machine.Effects {
	if t.timer != "" {
		return machine.Effects{Changes: append([]machine.Change{{Key: t.timer}}, t.lostAgain()...)}
	}
	return machine.Refuse(lh.Errorf(lh.ResourceExhausted,
		"The command would store an object of %d bytes, above the record limit of %d bytes.",
		c.Value.SizeVT(), t.engine.config.MaxRecordBytes))
}

// lastOfEachKey sorts changes by key and keeps the last one made of each.
func lastOfEachKey(c []machine.Change) []machine.Change {
	slices.SortStableFunc(c, func(a, b machine.Change) int { return compareKeys(a.Key, b.Key) })
	out := make([]machine.Change, 0, len(c))
	for i := range c {
		if i+1 < len(c) && c[i+1].Key == c[i].Key {
			continue
		}
		out = append(out, c[i])
	}
	return out
}

func compareKeys(a, b keys.Key) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	default:
		return 0
	}
}

// wfRun is the WfRun of that id; nil if there is none, or it is being deleted.
func (t *txn) wfRun(id *lhpb.WfRunId) *wfRun {
	w := t.anyWfRun(id)
	if w == nil || w.row.now == nil || w.row.now.Deleting {
		return nil
	}
	return w
}

// anyWfRun finds the WfRun even if it is being deleted or absent; then its row is empty.
func (t *txn) anyWfRun(id *lhpb.WfRunId) *wfRun {
	if id == nil {
		return nil
	}
	name := lh.WfRunIDString(id)
	if w := t.runs.get(name); w != nil {
		return w
	}
	w := t.supplies.runs.take()
	w.tx, w.name, w.keys = t, name, t.keys.RunNamed(name)
	w.row = load[pb.WfRunRow](t, w.keys.WfRun())
	if w.row.now != nil {
		w.graph = t.specs.WfSpec(w.row.now.GetWfRun().GetWfSpecId())
	}
	t.runs.add(name, w)
	return w
}
