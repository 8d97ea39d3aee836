package api

import (
	"errors"
	"maps"
	"math"
	"slices"

	"littlehorse/internal/cluster"
	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/spec"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// history computes anew what the Variables of a WfRun were, along the way that its ThreadRuns took. What it cannot know it
// takes for granted where that is likely, and believes it if the values that follow from it are those that are kept.
type history struct {
	view cluster.View
	run  keys.Run
	defs spec.Defs

	threads []*pastThread // by number
	vars    map[pastID]*pastVariable
	read    int  // bytes
	more    bool // there are steps that are not gone through
}

type pastID struct {
	thread int32
	name   string
}

// pastVariable is a Variable with what it was given.
type pastVariable struct {
	id    pastID
	def   *lhpb.ThreadVarDef
	given []pastValue
	began belief // it began with its default
	alone belief // it was changed on this way only
}

// belief is what was taken for granted.
type belief struct{ confirmed, refuted bool }

// pastValue is what a Variable was given.
type pastValue struct {
	atMs     int64
	thread   int32
	position *int32
	node     string
	known    bool
	value    *lhpb.VariableValue
	rests    map[*belief]bool // on these
}

// believed reports whether the value is known for sure, or all that it rests on has proved true.
func (p *pastValue) believed() bool {
	for b := range p.rests {
		if !b.confirmed || b.refuted {
			return false
		}
	}
	return p.known
}

// pastThread is a ThreadRun on its way.
type pastThread struct {
	run     *lhpb.ThreadRun
	spec    *lhpb.ThreadSpec
	parent  *pastThread
	nodes   []*lhpb.NodeRun
	at      int // of nodes: the one that it comes to, or leaves, next
	begun   bool
	arrived bool
	inputs  map[string]pastValue // that its starter gave it; nil if that is not known
}

// replay goes the way again: of what happened at the same moment, that of the ThreadRun with the lowest number first, as the
// ThreadRuns were looked at.
func (h *history) replay() error {
	if err := h.readThreads(); err != nil {
		return err
	}
	if err := h.readNodes(); err != nil {
		return err
	}
	for {
		var next *pastThread
		first := int64(math.MaxInt64)
		for _, t := range h.threads {
			if at := t.due(); at < first {
				next, first = t, at
			}
		}
		if next == nil {
			return nil
		}
		if err := h.step(next); err != nil {
			return err
		}
	}
}

// due is when something happens next in the ThreadRun, in nanoseconds.
func (t *pastThread) due() int64 {
	switch {
	case !t.begun:
		return t.run.StartTime.AsTime().UnixNano()
	case t.at < len(t.nodes) && !t.arrived:
		return t.nodes[t.at].ArrivalTime.AsTime().UnixNano()
	case t.at+1 < len(t.nodes):
		return t.nodes[t.at+1].ArrivalTime.AsTime().UnixNano()
	default:
		return math.MaxInt64
	}
}

func (h *history) step(t *pastThread) error {
	switch {
	case !t.begun:
		t.begun = true
		h.begin(t)
		return nil
	case !t.arrived:
		t.arrived = true
		return h.arrive(t, t.nodes[t.at])
	default:
		err := h.leave(t, t.nodes[t.at], t.nodes[t.at+1])
		t.at, t.arrived = t.at+1, false
		return err
	}
}

func (h *history) readThreads() error {
	active, more, err := viewedRows[lhpb.ThreadRun](h.view, h.run.Kind(keys.KindThreadRun), viewedThreads)
	if err != nil {
		return err
	}
	archived, further, err := viewedRows[lhpb.InactiveThreadRun](h.view, h.run.Kind(keys.KindInactive), viewedThreads-len(active))
	if err != nil {
		return err
	}
	for _, a := range archived {
		active = append(active, a.ThreadRun)
	}
	h.more = more || further
	byNumber := map[int32]*pastThread{}
	for _, run := range active {
		t := &pastThread{run: run, spec: h.defs.WfSpec(run.WfSpecId).GetThreadSpecs()[run.ThreadSpecName]}
		h.threads, byNumber[run.Number] = append(h.threads, t), t
	}
	slices.SortFunc(h.threads, func(a, b *pastThread) int { return int(a.run.Number - b.run.Number) })
	for _, t := range h.threads {
		if t.run.ParentThreadId != nil {
			t.parent = byNumber[*t.run.ParentThreadId]
		}
	}
	return nil
}

func (h *history) readNodes() error {
	steps := 0
	for _, t := range h.threads {
		for rows, err := range pages(h.view.Scan, h.run.NodeRunsOf(t.run.Number), viewedAtOnce) {
			if err != nil {
				return err
			}
			for _, r := range rows {
				if steps == viewedSteps || h.read > viewedReadBytes {
					h.more = true
					return nil
				}
				n, err := decode[lhpb.NodeRun](r.Value)
				if err != nil {
					return err
				}
				t.nodes = append(t.nodes, n)
				steps, h.read = steps+1, h.read+len(r.Value)
			}
		}
	}
	return nil
}

// variable of a ThreadRun; one that no ThreadSpec declares, as after a migration, is there all the same.
func (h *history) variable(thread int32, name string) *pastVariable {
	id := pastID{thread, name}
	if h.vars[id] == nil {
		h.vars[id] = &pastVariable{id: id}
	}
	return h.vars[id]
}

// begin gives the Variables of a ThreadRun what they begin with.
func (h *history) begin(t *pastThread) {
	for _, def := range t.spec.GetVariableDefs() {
		if def.AccessLevel == lhpb.WfRunVariableAccessLevel_INHERITED_VAR {
			continue
		}
		v := h.variable(t.run.Number, def.GetVarDef().GetName())
		v.def = def
		start := pastValue{known: true, value: value.OrNull(value.NormalizeValue(def.GetVarDef().GetDefaultValue()))}
		switch given, is := t.inputs[v.id.name]; {
		case is && (!given.known || !value.IsNull(given.value)):
			start = given
		case t.inputs == nil && def.Required:
			start = pastValue{}
		case t.inputs == nil:
			start.rests = map[*belief]bool{&v.began: true}
		}
		start.atMs, start.thread = millis(t.run.StartTime), t.run.Number
		v.given = append(v.given, start)
	}
}

// arrive looks at what a NodeRun was given: it says what Variables were, or what those of a child begin with.
func (h *history) arrive(t *pastThread, n *lhpb.NodeRun) error {
	node := h.nodeOf(n)
	switch k := n.NodeType.(type) {
	case *lhpb.NodeRun_Task:
		return h.observe(t, node.GetTask(), k.Task.GetTaskRunId())
	case *lhpb.NodeRun_StartThread:
		if k.StartThread.ChildThreadId != nil {
			h.hand(t, *k.StartThread.ChildThreadId, node.GetStartThread().GetVariables())
		}
	case *lhpb.NodeRun_StartMultipleThreads:
		for _, child := range k.StartMultipleThreads.ChildThreadIds {
			h.hand(t, child, node.GetStartMultipleThreads().GetVariables())
			if c := h.threadOf(child); c != nil {
				c.inputs[inputName] = pastValue{}
			}
		}
	}
	return nil
}

// inputName is the Variable by which a ThreadRun of many gets its item.
const inputName = "INPUT"

func (h *history) threadOf(number int32) *pastThread {
	i, found := slices.BinarySearchFunc(h.threads, number, func(t *pastThread, n int32) int { return int(t.run.Number - n) })
	if !found {
		return nil
	}
	return h.threads[i]
}

// hand gives a child what it begins with.
func (h *history) hand(t *pastThread, child int32, assigned map[string]*lhpb.VariableAssignment) {
	c := h.threadOf(child)
	if c == nil {
		return
	}
	c.inputs = map[string]pastValue{}
	for name, a := range assigned {
		s := &pastScope{history: h, thread: t, rests: map[*belief]bool{}}
		got, err := value.Resolve(a, s)
		c.inputs[name] = pastValue{known: err == nil, value: got, rests: s.rests}
	}
}

// observe compares the inputs of a task that are Variables as they are with what those are thought to be.
func (h *history) observe(t *pastThread, node *lhpb.TaskNode, id *lhpb.TaskRunId) error {
	var seen *lhpb.TaskRun
	for i, a := range node.GetVariables() {
		if a.GetVariableName() == "" || a.GetPath() != nil || a.GetTargetType() != nil {
			continue
		}
		v := h.meant(t, a.GetVariableName())
		last := v.last()
		if last == nil || last.known && len(last.rests) == 0 {
			continue
		}
		if seen == nil {
			row, err := h.view.Get(h.run.TaskRun(id.GetTaskGuid()))
			if err != nil || row == nil {
				return err
			}
			h.read += len(row)
			if seen, err = decode[lhpb.TaskRun](row); err != nil {
				return err
			}
			more, err := complete(h.view, h.run, seen)
			if err != nil {
				return err
			}
			h.read += more
		}
		if i >= len(seen.InputVariables) || seen.InputVariables[i].Masked {
			continue
		}
		was := value.OrNull(seen.InputVariables[i].Value)
		if v.def == nil || !value.IsNull(was) && value.TypeOf(was).String() != value.Declared(value.VarType(v.def.VarDef)).String() {
			continue
		}
		settle(last, was)
		last.known, last.value, last.rests = true, was, nil
	}
	return nil
}

// settle says what a value that is known for sure tells of that on which it was thought to rest.
func settle(thought *pastValue, is *lhpb.VariableValue) {
	if !thought.known {
		return
	}
	same := value.Same(thought.value, is)
	for b := range thought.rests {
		b.confirmed, b.refuted = b.confirmed || same, b.refuted || !same
	}
}

// leave makes the mutations of the edge that was taken.
func (h *history) leave(t *pastThread, n, next *lhpb.NodeRun) error {
	if len(n.Failures) > 0 {
		return nil
	}
	var ways []*lhpb.Edge
	for _, e := range h.nodeOf(n).GetOutgoingEdges() {
		if e.SinkNodeName == next.NodeName {
			ways = append(ways, e)
		}
	}
	s := &pastScope{history: h, thread: t, rests: map[*belief]bool{}}
	way, sure := chosen(ways, s)
	if s.err != nil {
		return s.err
	}
	for _, m := range way.GetVariableMutations() {
		v := h.meant(t, m.LhsName)
		own := &pastScope{history: h, thread: t, rests: maps.Clone(s.rests)}
		if m.Operation == lhpb.VariableMutationType_ASSIGN && m.LhsJsonPath == nil && m.LhsLhPath == nil {
			own.replaced = m.LhsName
		}
		got, err := value.Mutate(m, value.VarType(v.def.GetVarDef()), n.NodeName, own)
		if own.err != nil {
			return own.err
		}
		position := n.GetId().GetPosition()
		v.given = append(v.given, pastValue{
			atMs: millis(next.ArrivalTime), thread: t.run.Number, position: &position, node: n.NodeName,
			known: err == nil && sure && v.def != nil, value: got, rests: own.rests,
		})
	}
	return nil
}

// chosen is the edge that was taken of those that lead to where it went: the first whose condition holds. It is not sure if that
// cannot be told.
func chosen(ways []*lhpb.Edge, s *pastScope) (way *lhpb.Edge, sure bool) {
	if len(ways) == 1 {
		return ways[0], true
	}
	for _, e := range ways {
		holds, err := value.EvalEdge(e, s)
		if err != nil {
			return e, false
		}
		if holds {
			return e, true
		}
	}
	return nil, false
}

// nodeOf is the definition of a NodeRun, as of the version that it ran by.
func (h *history) nodeOf(n *lhpb.NodeRun) *lhpb.Node {
	return h.defs.WfSpec(n.WfSpecId).GetThreadSpecs()[n.ThreadSpecName].GetNodes()[n.NodeName]
}

// meant is the Variable that the name means in the ThreadRun. One of a WfRun above is there without values.
func (h *history) meant(t *pastThread, name string) *pastVariable {
	for a := t; a != nil; a = a.parent {
		for _, def := range a.spec.GetVariableDefs() {
			if def.GetVarDef().GetName() == name && def.AccessLevel != lhpb.WfRunVariableAccessLevel_INHERITED_VAR {
				return h.variable(a.run.Number, name)
			}
		}
	}
	return &pastVariable{id: pastID{-1, name}}
}

// last is what the Variable was given last; nil if nothing yet.
func (v *pastVariable) last() *pastValue {
	if len(v.given) == 0 {
		return nil
	}
	return &v.given[len(v.given)-1]
}

// pastScope is what can be seen from a ThreadRun as it was.
type pastScope struct {
	*history
	thread *pastThread
	rests  map[*belief]bool // on which rests what was computed
	err    error            // of reading
	// replaced is a Variable that is looked at first, and whose value does not matter.
	replaced string
}

var _ value.Env = (*pastScope)(nil)

var errNotKept = errors.New("it is not kept")

// Variable implements value.Env.
func (s *pastScope) Variable(name string) (*lhpb.VariableValue, error) {
	if name == s.replaced {
		s.replaced = ""
		return value.NullValue(), nil
	}
	v := s.meant(s.thread, name)
	last := v.last()
	if last == nil || !last.known {
		return nil, errNotKept
	}
	maps.Copy(s.rests, last.rests)
	if v.def.GetAccessLevel() == lhpb.WfRunVariableAccessLevel_PUBLIC_VAR {
		s.rests[&v.alone] = true
	}
	return last.value, nil
}

// StructDef implements value.Env.
func (s *pastScope) StructDef(name string, version int32) *lhpb.StructDef {
	return s.defs.StructDef(name, version)
}

// NodeOutput implements value.Env.
func (s *pastScope) NodeOutput(node string) (*lhpb.VariableValue, error) {
	for i := min(s.thread.at, len(s.thread.nodes)-1); i >= 0; i-- {
		if n := s.thread.nodes[i]; n.NodeName == node && n.Status == lhpb.LHStatus_COMPLETED {
			v, err := s.output(n)
			if err != nil && !errors.Is(err, errNotKept) {
				s.err = err
			}
			return v, err
		}
	}
	return nil, errNotKept
}

// output is what a NodeRun gave.
func (s *pastScope) output(n *lhpb.NodeRun) (*lhpb.VariableValue, error) {
	switch k := n.NodeType.(type) {
	case *lhpb.NodeRun_Task:
		task, err := kept[lhpb.TaskRun](s, s.run.TaskRun(k.Task.GetTaskRunId().GetTaskGuid()))
		if err != nil || len(task.Attempts) == 0 {
			return nil, errors.Join(err, errNotKept)
		}
		return value.OrNull(task.Attempts[len(task.Attempts)-1].GetOutput()), nil
	case *lhpb.NodeRun_ExternalEvent:
		id := k.ExternalEvent.GetExternalEventId()
		event, err := kept[lhpb.ExternalEvent](s, s.run.ExternalEvent(id.GetExternalEventDefId().GetName(), id.GetGuid()))
		if err != nil {
			return nil, err
		}
		return value.OrNull(event.Content), nil
	case *lhpb.NodeRun_UserTask:
		task, err := kept[lhpb.UserTaskRun](s, s.run.UserTaskRun(k.UserTask.GetUserTaskRunId().GetUserTaskGuid()))
		if err != nil {
			return nil, err
		}
		return value.JSONObject(task.Results)
	case *lhpb.NodeRun_StartThread:
		return value.Int(int64(k.StartThread.GetChildThreadId())), nil
	case *lhpb.NodeRun_RunChildWf:
		return value.WfRunID(k.RunChildWf.GetChildWfRunId()), nil
	default:
		return nil, errNotKept
	}
}

// kept reads a row that a value comes from.
func kept[T any, P interface {
	*T
	machine.Value
}](s *pastScope, k keys.Key) (P, error) {
	b, err := s.view.Get(k)
	switch {
	case err != nil:
		return nil, err
	case b == nil || s.read > viewedReadBytes:
		return nil, errNotKept
	}
	s.read += len(b)
	return decode[T, P](b)
}
