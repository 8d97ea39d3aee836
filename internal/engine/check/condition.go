package check

import (
	"errors"
	"fmt"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// errUnknown is for what cannot be told from what is stored.
var errUnknown = errors.New("not known")

// deadCondition evaluates the condition that the ThreadRun waits for. All that it depends on must be watched; and it must not hold,
// unless the ThreadRun is looked at by the next record: because a Variable that is inherited has changed, of which nobody told it.
func (a alive) deadCondition(n *lhpb.NodeRun) string {
	if a.awake() || a.migrates(a.w) {
		return ""
	}
	r := &reading{alive: a}
	holds, err := r.evaluate(n)
	switch {
	case errors.Is(err, errUnknown):
		return ""
	case r.unwatched != "":
		return "it does not watch Variable " + r.unwatched
	case r.changed:
		return ""
	case err != nil:
		return "its condition cannot be evaluated: " + err.Error()
	case holds:
		return "its condition holds"
	default:
		return ""
	}
}

// migrates reports whether ThreadRuns may have Variables that their ThreadSpec does not declare.
func (a alive) migrates(w *wfRun) bool {
	return w.row.Migrated || w.row.WfRun.WorkflowMigrationPlanId != nil
}

// reading is what a condition sees. It implements value.Env.
type reading struct {
	alive
	unwatched string // a Variable that was read
	changed   bool   // one that was read has, since the WfRun looked
}

var _ value.Env = (*reading)(nil)

func (r *reading) evaluate(n *lhpb.NodeRun) (bool, error) {
	g := r.specs.WfSpec(r.t.WfSpecId)
	if g == nil || g.Threads[r.t.ThreadSpecName] == nil {
		return false, errUnknown
	}
	node := g.Threads[r.t.ThreadSpecName].Node(n.NodeName).GetWaitForCondition()
	if legacy := node.GetLegacyCondition(); legacy != nil {
		return value.EvalLegacyCondition(legacy, r)
	}
	return value.EvalCondition(node.GetCondition(), r)
}

// Variable implements value.Env.
func (r *reading) Variable(name string) (*lhpb.VariableValue, error) {
	for t := r.t; ; t = r.parentOf(t) {
		if t == nil {
			return nil, errUnknown // one above is archived, or there is no such Variable
		}
		switch def := r.declares(t, name); {
		case def == nil && t.ParentThreadId == nil:
			return nil, errors.New("out of scope")
		case def == nil:
		case def.AccessLevel == lhpb.WfRunVariableAccessLevel_INHERITED_VAR:
			return r.inherited(name)
		default:
			if !r.watches(keys.VariableSubject(t.Number, name)) {
				r.unwatched = fmt.Sprintf("%s of ThreadRun %d", name, t.Number)
			}
			return r.valueOf(r.w, t.Number, name)
		}
	}
}

func (r *reading) declares(t *lhpb.ThreadRun, name string) *lhpb.ThreadVarDef {
	g := r.specs.WfSpec(t.WfSpecId)
	if g == nil || g.Threads[t.ThreadSpecName] == nil {
		return nil
	}
	return g.Threads[t.ThreadSpecName].Vars[name]
}

func (r *reading) valueOf(w *wfRun, thread int32, name string) (*lhpb.VariableValue, error) {
	v := machine.Get[lhpb.Variable](r.s.view, keys.In(w.tenant).RunNamed(w.id).Variable(thread, name))
	if v == nil {
		return nil, errors.New("there is no such Variable")
	}
	return v.Value, nil
}

// inherited reads the Variable of the nearest WfRun above that does not inherit it itself.
func (r *reading) inherited(name string) (*lhpb.VariableValue, error) {
	known, listed := numberOf(r.w.row.Inherited, name)
	if !listed || !r.watches(keys.InheritedSubject(name)) {
		r.unwatched = name + ", which is inherited"
	}
	for p := r.above(r.w); p != nil; p = r.above(p) {
		if r.migrates(p) || p.threads[0] == nil {
			return nil, errUnknown
		}
		switch def := r.declares(p.threads[0], name); {
		case def == nil || def.AccessLevel == lhpb.WfRunVariableAccessLevel_PRIVATE_VAR:
			r.changed = r.changed || known != 0
			return nil, errors.New("out of scope")
		case def.AccessLevel == lhpb.WfRunVariableAccessLevel_PUBLIC_VAR:
			last, _ := numberOf(p.row.Shared, name)
			r.changed = r.changed || known != last
			return r.valueOf(p, 0, name)
		}
	}
	r.changed = r.changed || known != 0
	return nil, errors.New("out of scope")
}

func numberOf(list []*pb.VariableChange, name string) (number int64, listed bool) {
	for _, c := range list {
		if c.Variable == name {
			return c.Number, true
		}
	}
	return 0, false
}

// above is the parent of the WfRun; nil if there is none any more.
func (r *reading) above(w *wfRun) *wfRun {
	id := w.row.WfRun.Id.GetParentWfRunId()
	if id == nil {
		return nil
	}
	p := r.s.runs[w.tenant+"\x00"+nameOf(id)]
	if p == nil || p.row == nil || p.row.Deleting {
		return nil
	}
	return p
}

// NodeOutput implements value.Env.
func (r *reading) NodeOutput(node string) (*lhpb.VariableValue, error) {
	o := machine.Get[pb.NodeOutput](r.s.view, keys.In(r.w.tenant).RunNamed(r.w.id).NodeOutput(r.t.Number, node))
	if o == nil {
		return nil, errors.New("there is no output of " + node)
	}
	return o.Value, nil
}

// StructDef implements value.Env.
func (r *reading) StructDef(name string, version int32) *lhpb.StructDef {
	return r.specs.StructDef(name, version)
}
