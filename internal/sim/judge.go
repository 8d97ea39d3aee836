package sim

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"littlehorse/internal/engine"
	"littlehorse/internal/engine/check"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// record keeps what was applied. With a lane for each stream the lane tells which stream it was.
func (w *world) record(r *pb.Record) {
	if s, ok := w.applying(); ok {
		w.applied[s] = append(w.applied[s], r)
	}
}

func (w *world) applying() (machine.Stream, bool) {
	if w.at == nil || w.lanes < len(w.streams) {
		return machine.Stream{}, false
	}
	return w.at.Streams()[0], true
}

// forgetUncommitted drops the records that the power cut took back.
func (w *world) forgetUncommitted(s *server) {
	for stream, applied := range w.applied {
		if n := s.host.Position(stream); n < uint64(len(applied)) {
			w.applied[stream] = applied[:n]
		}
	}
}

// arrows judges each change of a status, and each deletion of a WfRun.
func (w *world) arrows(v machine.View, changes []machine.Change) {
	for _, c := range changes {
		if c.Key.Space() != keys.SpaceRun {
			continue
		}
		w.noteEnd(v, c)
		if c.Value == nil {
			continue
		}
		before := v.Get(c.Key, func() machine.Value { return c.Value.ProtoReflect().New().Interface().(machine.Value) })
		for _, bad := range check.Transition(before, c.Value) {
			w.violate("arrows", "%v", bad)
		}
	}
}

// noteEnd notes which WfRuns have ended, and judges whether they may be deleted.
func (w *world) noteEnd(v machine.View, c machine.Change) {
	k, err := keys.ParseRun(c.Key)
	if err != nil || k.Kind != keys.KindWfRun {
		return
	}
	if now, is := c.Value.(*pb.WfRunRow); is && !now.Deleting {
		if hasEnded(now) {
			w.ended[k.WfRun] = true
		}
		return
	}
	spec := machine.Get[pb.WfRunRow](v, c.Key).GetWfRun().GetWfSpecId().GetName()
	if w.deleted[k.WfRun] == 0 && spec != w.bulked && (!w.fading[spec] || !w.ended[k.WfRun]) {
		w.violate("deleted", "run %s of %s is deleted, for which there is no reason", k.WfRun, spec)
	}
	w.removed[k.WfRun] = true
}

func hasEnded(row *pb.WfRunRow) bool {
	switch row.GetWfRun().GetStatus() {
	case lhpb.LHStatus_COMPLETED, lhpb.LHStatus_ERROR, lhpb.LHStatus_EXCEPTION:
		return true
	default:
		return false
	}
}

// state is what is durable in one partition.
func (w *world) state(s machine.Stream) (*machine.Mem, error) {
	m := machine.NewMem()
	err := w.server.host.Scan(s, "", "", func(k keys.Key, value []byte) bool {
		if k.Space() != keys.SpaceLane {
			m.Set(k, bytes.Clone(value))
		}
		return true
	})
	return m, err
}

// judge looks at the durable state: what was acknowledged is there, and every partition is sound.
func (w *world) judge() {
	for _, s := range w.streams {
		if s.Kind != machine.Core {
			continue
		}
		m, err := w.state(s)
		if err != nil {
			w.violate("state", "%v", err)
			return
		}
		for _, bad := range check.State(m, func(tenant string) engine.Specs { return w.server.view.At(w.server.view.Version(), tenant) }) {
			w.violate("state", "%s %v", s, bad)
		}
		w.judgeAcknowledged(s, m)
	}
}

func (w *world) judgeAcknowledged(s machine.Stream, m *machine.Mem) {
	w.judgeFilledIn(s, m)
	for _, id := range slices.Sorted(maps.Keys(w.acknowledged)) {
		if w.mayBeGone(id) || w.ofRun(lh.ParseWfRunID(id)) != s {
			continue
		}
		if m.Bytes(keys.In(tenant).RunNamed(id).WfRun()) == nil {
			w.violate("acknowledged", "run %s was acknowledged and is gone", id)
		}
	}
	for n := range w.events {
		guid := fmt.Sprintf("event-%d", n+1)
		p, ok := w.posted[guid]
		if !ok || w.mayBeGone(p.run) || w.expires && p.def == eventDef || w.ofRun(lh.ParseWfRunID(p.run)) != s {
			continue
		}
		if m.Bytes(keys.In(tenant).RunNamed(p.run).ExternalEvent(p.def, guid)) == nil {
			w.violate("acknowledged", "event %s of %s was acknowledged and is gone", guid, p.run)
		}
	}
}

// mayBeGone reports whether somebody has asked to delete the WfRun, or it was deleted by right.
func (w *world) mayBeGone(run string) bool { return w.deleted[run] > 0 || w.removed[run] }

// judgeCorrelations compares all partitions, now that nothing is under way between them: exactly those who wait
// for a correlation key are registered where it lives.
func (w *world) judgeCorrelations() {
	var views []machine.View
	for _, s := range w.streams {
		if s.Kind != machine.Core {
			continue
		}
		m, err := w.state(s)
		if err != nil {
			w.violate("correlation", "%v", err)
			return
		}
		views = append(views, m)
	}
	for _, bad := range check.Correlations(views) {
		w.violate("correlation", "%v", bad)
	}
}

// judgeQuiet wants nothing left that only a record would go on with, now that none is under way, and nothing published
// for longer than it is kept.
func (w *world) judgeQuiet() {
	for _, s := range w.streams {
		if s.Kind == machine.Repartition {
			continue
		}
		m, err := w.state(s)
		if err != nil {
			w.violate("quiet", "%v", err)
			return
		}
		if s.Kind == machine.Core {
			for _, bad := range check.Quiet(m) {
				w.violate("quiet", "%s %v", s, bad)
			}
		}
		for _, bad := range check.Output(m) {
			w.violate("output", "%s %v", s, bad)
		}
	}
}

// judgeReplay applies the records once more, from nothing, and wants the same bytes.
func (w *world) judgeReplay() {
	if w.lanes < len(w.streams) {
		return
	}
	for _, s := range w.streams {
		want, err := w.state(s)
		if err != nil {
			w.violate("replay", "%v", err)
			return
		}
		if diff := difference(w.replay(s), want); diff != "" {
			w.violate("replay", "%s: %s", s, diff)
		}
	}
}

func (w *world) replay(s machine.Stream) *machine.Mem {
	m := machine.NewMem()
	next := definitions()
	switch s.Kind {
	case machine.Metadata:
	case machine.Core:
		next = w.core(w.server.view)
	case machine.Repartition:
		next = aggregates()
	}
	for _, r := range w.applied[s] {
		m.Commit(next.Apply(m, proto.Clone(r).(*pb.Record)).Changes)
	}
	return m
}

func difference(got, want *machine.Mem) string {
	for _, k := range want.Keys() {
		if !bytes.Equal(got.Bytes(k), want.Bytes(k)) {
			return fmt.Sprintf("key %q is %x by replay, %x in the store", k, got.Bytes(k), want.Bytes(k))
		}
	}
	for _, k := range got.Keys() {
		if want.Bytes(k) == nil {
			return fmt.Sprintf("key %q is %x by replay and not in the store", k, got.Bytes(k))
		}
	}
	return ""
}

// judgeEnds wants every WfRun to have ended, heirs and children too, and what was to be deleted then to be gone: workers
// have answered everything and all timers have fired.
func (w *world) judgeEnds() {
	for _, s := range w.streams {
		if s.Kind != machine.Core {
			continue
		}
		m, err := w.state(s)
		if err != nil {
			w.violate("end", "%v", err)
			return
		}
		for _, k := range m.Keys() {
			if p, err := keys.ParseRun(k); err == nil && p.Kind == keys.KindWfRun {
				w.judgeEnd(m, p.WfRun)
			}
		}
		w.judgeExpired(m)
	}
}

func (w *world) judgeEnd(m *machine.Mem, run string) {
	row := machine.Get[pb.WfRunRow](m, keys.In(tenant).RunNamed(run).WfRun())
	spec, status := row.GetWfRun().GetWfSpecId().GetName(), row.GetWfRun().GetStatus()
	switch {
	case row.Deleting:
		w.violate("end", "run %s of %s is still being deleted", run, spec)
	case !hasEnded(row) && !w.waitsInVain(m, run):
		w.violate("end", "run %s of %s is still %s", run, spec, status)
	case hasEnded(row) && w.fading[spec]:
		w.violate("end", "run %s of %s is %s and was to be deleted", run, spec, status)
	}
}

// waitsInVain reports whether the WfRun waits for what a thread that has failed, or could not be started, was to bring about.
func (w *world) waitsInVain(m *machine.Mem, run string) bool {
	of := keys.In(tenant).RunNamed(run)
	waits, failed := false, w.crowded
	prefix := of.Kind(keys.KindThreadRun)
	for _, t := range machine.Scan[lhpb.ThreadRun](m, prefix, prefix.End(), math.MaxInt) {
		n := machine.Get[lhpb.NodeRun](m, of.NodeRun(t.Number, t.CurrentNodePosition))
		waits = waits || t.Status == lhpb.LHStatus_RUNNING && n.GetWaitForCondition() != nil
		failed = failed || t.Status == lhpb.LHStatus_ERROR
	}
	return waits && failed
}

// judgeExpired wants the events to be gone that nobody has claimed in time.
func (w *world) judgeExpired(m *machine.Mem) {
	if !w.expires {
		return
	}
	for _, k := range m.Keys() {
		p, err := keys.ParseRun(k)
		if err != nil || p.Kind != keys.KindExternalEvent {
			continue
		}
		if e := machine.Get[lhpb.ExternalEvent](m, k); !e.Claimed && e.Id.ExternalEventDefId.GetName() == eventDef {
			w.violate("end", "event %s of %s was not claimed and is still there", e.Id.Guid, p.WfRun)
		}
	}
}
