package sim

import (
	"bytes"
	"fmt"

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

// arrows judges each change of a status.
func (w *world) arrows(v machine.View, changes []machine.Change) {
	for _, c := range changes {
		if c.Value == nil || c.Key.Space() != keys.SpaceRun {
			continue
		}
		before := v.Get(c.Key, func() machine.Value { return c.Value.ProtoReflect().New().Interface().(machine.Value) })
		for _, bad := range check.Transition(before, c.Value) {
			w.violate("arrows", "%v", bad)
		}
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
	for n := range len(w.started) {
		id := fmt.Sprintf("run-%d", n)
		if !w.acknowledged[id] || w.deleted[id] > 0 || w.stream(id) != s {
			continue
		}
		if m.Bytes(keys.In(tenant).RunNamed(id).WfRun()) == nil {
			w.violate("acknowledged", "run %s was acknowledged and is gone", id)
		}
	}
	for n := range w.events {
		guid := fmt.Sprintf("event-%d", n+1)
		p, ok := w.posted[guid]
		if !ok || w.deleted[p.run] > 0 || w.stream(p.run) != s {
			continue
		}
		if m.Bytes(keys.In(tenant).RunNamed(p.run).ExternalEvent(p.def, guid)) == nil {
			w.violate("acknowledged", "event %s of %s was acknowledged and is gone", guid, p.run)
		}
	}
}

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

// judgeEnds wants every run that was acknowledged to have ended: workers have answered everything and all
// timers have fired.
func (w *world) judgeEnds() {
	for n := range len(w.started) {
		id := fmt.Sprintf("run-%d", n)
		if !w.acknowledged[id] || w.deleted[id] > 0 {
			continue
		}
		b, err := w.server.host.Get(w.stream(id), keys.In(tenant).RunNamed(id).WfRun())
		if err != nil {
			w.violate("end", "%v", err)
			return
		}
		row := &pb.WfRunRow{}
		if err := row.UnmarshalVT(b); err != nil {
			w.violate("end", "%v", err)
			continue
		}
		switch row.GetWfRun().GetStatus() {
		case lhpb.LHStatus_COMPLETED, lhpb.LHStatus_ERROR, lhpb.LHStatus_EXCEPTION:
		default:
			w.violate("end", "run %s of %s is still %s", lh.WfRunIDString(row.GetWfRun().GetId()),
				row.GetWfRun().GetWfSpecId().GetName(), row.GetWfRun().GetStatus())
		}
	}
}
