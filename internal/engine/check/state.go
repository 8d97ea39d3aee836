package check

import (
	"cmp"
	"errors"
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

// State checks a whole partition: WfRuns agree with their ThreadRuns, every ThreadRun that has not ended can
// be woken by something, queue, deadlines and indexes hold exactly what the objects ask for, and counters say
// how many there are. It reads everything there is. specsOf gives the newest metadata of a tenant; WfRuns whose WfSpec is gone are not asked
// to go on.
func State(v machine.View, specsOf func(tenant string) engine.Specs) []Violation {
	s := &state{view: v, specsOf: specsOf, expected: map[keys.Key]string{}, possible: map[keys.Key]bool{}, timers: map[string]bool{}}
	s.readTimers()
	names := s.readRuns()
	s.readObjects()
	for _, name := range names {
		s.checkRun(s.runs[name])
	}
	s.checkFollowing()
	s.checkCounts()
	s.checkOutput()
	return s.found
}

type state struct {
	view    machine.View
	specsOf func(string) engine.Specs
	runs    map[string]*wfRun // by tenant and id
	found   []Violation
	// expected are the rows that follow from objects, and the object.
	expected map[keys.Key]string
	possible map[keys.Key]bool
	timers   map[string]bool
	tenants  map[string]bool // that have counters
	// correlated is the key of the CorrelatedEvent read last.
	correlated keys.Key
}

// wfRun is all that is stored of a WfRun.
type wfRun struct {
	tenant    string
	id        string
	row       *pb.WfRunRow
	threads   map[int32]*lhpb.ThreadRun
	inactive  map[int32]bool
	nodes     map[nodeID]*lhpb.NodeRun
	tasks     map[string]*lhpb.TaskRun
	forms     map[nodeID]*lhpb.UserTaskRun
	apart     map[keys.Key]bool // rows of inputs that must be there
	events    []*lhpb.ExternalEvent
	watches   map[watch]int32 // position
	suspended bool
	goesOn    []keys.Key            // rows of unfinished work
	fansOut   bool                  // a record goes on with fan-outs and long waits
	toFanOut  map[int32]bool        // ThreadRuns with children left to start
	queued    map[nodeID]bool       // where ThreadRuns stand for which interrupts are queued
	sweeps    map[int32]int         // ThreadRuns that have something left to do to those below, and how many rows say so
	rounds    map[keys.Subject]bool // of what is left to be told to ThreadRuns
	rests     []nodeID              // NodeRuns that keep what they have still to start children from
}

// watch is that a ThreadRun watches something.
type watch struct {
	subject keys.Subject
	by      int32
}

type nodeID struct{ thread, position int32 }

func (s *state) violate(object, format string, args ...any) {
	s.found = append(s.found, Violation{object, fmt.Sprintf(format, args...)})
}

func nameOf(id *lhpb.WfRunId) string { return lh.WfRunIDString(id) }

func (s *state) readTimers() {
	all := keys.Timers()
	for k := range machine.Scan[pb.Timer](s.view, all, all.End(), math.MaxInt) {
		t, err := keys.ParseTimer(k)
		if err != nil {
			s.violate("timer", "%v", err)
			continue
		}
		s.timers[timerName(t.Tenant, t.Kind, t.ID)] = true
	}
}

func timerName(tenant string, kind keys.TimerKind, id string) string {
	return fmt.Sprintf("%s\x00%d\x00%s", tenant, kind, id)
}

// readRuns reads the run space and gives the names of the WfRuns in order.
func (s *state) readRuns() []string {
	s.runs = map[string]*wfRun{}
	var names []string
	space := keys.Key([]byte{byte(keys.SpaceRun)})
	for k, v := range s.view.Scan(space, space.End(), math.MaxInt, func() machine.Value { return &raw{} }) {
		p, err := keys.ParseRun(k)
		if err != nil {
			s.violate("key", "%v", err)
			continue
		}
		name := p.Tenant + "\x00" + p.WfRun
		w := s.runs[name]
		if w == nil {
			w = &wfRun{
				tenant: p.Tenant, id: p.WfRun, threads: map[int32]*lhpb.ThreadRun{}, inactive: map[int32]bool{},
				nodes: map[nodeID]*lhpb.NodeRun{}, tasks: map[string]*lhpb.TaskRun{},
				forms: map[nodeID]*lhpb.UserTaskRun{}, apart: map[keys.Key]bool{},
				watches: map[watch]int32{}, toFanOut: map[int32]bool{}, sweeps: map[int32]int{}, queued: map[nodeID]bool{}, rounds: map[keys.Subject]bool{},
			}
			s.runs[name] = w
			names = append(names, name)
		}
		s.keep(w, p.Kind, k, v)
	}
	return names
}

// keep decodes a row and notes what must follow from it.
func (s *state) keep(w *wfRun, kind keys.RunKind, k keys.Key, encoded machine.Value) {
	var object machine.Value
	switch kind {
	case keys.KindWfRun:
		w.row = &pb.WfRunRow{}
		object = w.row
	case keys.KindThreadRun:
		object = &lhpb.ThreadRun{}
	case keys.KindNodeRun:
		object = &lhpb.NodeRun{}
	case keys.KindVariable:
		object = &lhpb.Variable{}
	case keys.KindTaskRun:
		object = &lhpb.TaskRun{}
	case keys.KindExternalEvent:
		object = &lhpb.ExternalEvent{}
	case keys.KindWorkflowEvent:
		object = &lhpb.WorkflowEvent{}
	case keys.KindUserTaskRun:
		object = &lhpb.UserTaskRun{}
	case keys.KindInactive:
		object = &lhpb.InactiveThreadRun{}
	case keys.KindWatch, keys.KindKin, keys.KindWaitBlock:
		s.join(w, kind, k, encoded)
		return
	case keys.KindContinue:
		w.fansOut = w.fansOut || k == keys.In(w.tenant).RunNamed(w.id).Continue("fan-out")
		w.suspended = w.suspended || k == keys.In(w.tenant).RunNamed(w.id).Continue("advance")
		w.goesOn = append(w.goesOn, k)
		return
	case keys.KindFanOut:
		thread, position, err := keys.In(w.tenant).RunNamed(w.id).ParseFanOut(k)
		if err != nil {
			s.violate(w.id, "%q: %v", k, err)
		}
		w.rests = append(w.rests, nodeID{thread, position})
		return
	case keys.KindToFanOut:
		thread, err := keys.In(w.tenant).RunNamed(w.id).ParseToFanOut(k)
		if err != nil {
			s.violate(w.id, "%q: %v", k, err)
		}
		w.toFanOut[thread] = true
		return
	case keys.KindQueued:
		thread, position, err := keys.In(w.tenant).RunNamed(w.id).ParseQueued(k)
		if err != nil {
			s.violate(w.id, "%q: %v", k, err)
		}
		w.queued[nodeID{thread, position}] = true
		return
	case keys.KindRound:
		subject, err := keys.In(w.tenant).RunNamed(w.id).ParseRound(k)
		if err != nil {
			s.violate(w.id, "%q: %v", k, err)
		}
		w.rounds[subject] = true
		return
	case keys.KindSweep:
		by, _, err := keys.In(w.tenant).RunNamed(w.id).ParseSweep(k)
		if err != nil {
			s.violate(w.id, "%q: %v", k, err)
		}
		w.sweeps[by]++
		return
	case keys.KindTaskInputs:
		if !w.apart[k] && !w.row.GetDeleting() {
			s.violate(w.id, "%q: inputs that no TaskRun leaves out", k)
		}
		return
	default:
		return
	}
	if err := decode(encoded, object); err != nil {
		s.violate(w.id, "%v", err)
		return
	}
	switch o := object.(type) {
	case *lhpb.ThreadRun:
		w.threads[o.Number] = o
	case *lhpb.NodeRun:
		w.nodes[nodeID{o.Id.ThreadRunNumber, o.Id.Position}] = o
	case *lhpb.TaskRun:
		w.tasks[o.Id.TaskGuid] = o
		s.checkInputs(w, o)
	case *lhpb.ExternalEvent:
		w.events = append(w.events, o)
	case *lhpb.UserTaskRun:
		w.forms[nodeID{o.NodeRunId.GetThreadRunNumber(), o.NodeRunId.GetPosition()}] = o
	case *lhpb.InactiveThreadRun:
		w.inactive[o.Id.ThreadRunNumber] = true
	}
	specs := s.specsOf(w.tenant)
	for _, row := range engine.Following(s.view, specs, w.tenant, object) {
		if v, ok := object.(*lhpb.Variable); ok && specs.WfSpec(v.WfSpecId) == nil {
			s.possible[row] = true // which of them were asked for went with the WfSpec
			continue
		}
		if w.row != nil && w.row.Deleting {
			s.possible[row] = true // a timer that was due meanwhile is gone
			continue
		}
		s.expected[row] = fmt.Sprintf("%s %q", w.id, k)
	}
}

// checkInputs holds that whatever the row of a TaskRun leaves out is found.
func (s *state) checkInputs(w *wfRun, k *lhpb.TaskRun) {
	if !machine.HasInputsApart(k) || w.row.GetDeleting() {
		return
	}
	run := keys.In(w.tenant).RunNamed(w.id)
	w.apart[run.TaskInputs(k.Id.TaskGuid)] = true
	for _, in := range machine.Inputs(s.view, run, k) {
		if in.Value == nil {
			s.violate(w.id, "input %s of TaskRun %s lies nowhere", in.VarName, k.Id.TaskGuid)
		}
	}
}

// join adds a row to the object that it is a part of, and keeps watches.
func (s *state) join(w *wfRun, kind keys.RunKind, k keys.Key, encoded machine.Value) {
	var err error
	switch run := keys.In(w.tenant).RunNamed(w.id); kind {
	case keys.KindWatch:
		row := &pb.Watch{}
		subject, by, malformed := run.ParseWatch(k)
		err = errors.Join(malformed, decode(encoded, row))
		w.watches[watch{subject, by}] = row.Position
	case keys.KindKin:
		row := &pb.Kin{}
		thread, other, malformed := run.ParseKin(k)
		err = errors.Join(malformed, decode(encoded, row))
		if t := w.threads[thread]; t != nil {
			engine.Join(t, other, row)
		}
	case keys.KindWaitBlock:
		row := &lhpb.WaitForThreadsRun{}
		thread, position, malformed := run.ParseWaitBlock(k)
		err = errors.Join(malformed, decode(encoded, row))
		if n := w.nodes[nodeID{thread, position}].GetWaitForThreads(); n != nil {
			n.Threads = append(n.Threads, row.Threads...)
		}
	}
	if err != nil {
		s.violate(w.id, "%q: %v", k, err)
	}
}

// checkFollowing compares what is in queue, indexes, unclaimed events and deadlines with what should be.
func (s *state) checkFollowing() {
	for _, space := range []keys.Space{keys.SpaceRun, keys.SpaceTag, keys.SpaceQueue, keys.SpaceTimer} {
		prefix := keys.Key([]byte{byte(space)})
		for k := range s.view.Scan(prefix, prefix.End(), math.MaxInt, func() machine.Value { return &raw{} }) {
			if !follows(k) {
				continue
			}
			if _, is := s.expected[k]; !is && !s.possible[k] {
				s.violate(fmt.Sprintf("row %q", k), "follows from no object")
			}
			delete(s.expected, k)
		}
	}
	for _, k := range sortedKeys(s.expected) {
		s.violate(s.expected[k], "lacks the row %q", k)
	}
}

// follows reports whether a row exists only because of an object.
func follows(k keys.Key) bool {
	switch k.Space() {
	case keys.SpaceTag, keys.SpaceQueue:
		return true
	case keys.SpaceTimer:
		t, err := keys.ParseTimer(k)
		return err == nil && (t.Kind == keys.TimerTaskTimeout || t.Kind == keys.TimerSchedule || t.Kind == keys.TimerCorrelated)
	default:
		p, err := keys.ParseRun(k)
		return err == nil && (p.Kind == keys.KindUnclaimed || p.Kind == keys.KindReserved)
	}
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	out := make([]K, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
