package spec

import (
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

func (n node) startThread(s *lhpb.StartThreadNode) *problem {
	name := s.GetThreadSpecName()
	if name == n.thread.name {
		return baref("Tried to start same thread")
	}
	started := n.threads[name]
	if started == nil {
		return baref("Tried to start nonexistent thread %s", name)
	}
	return n.inputs(started.signature, s.GetVariables())
}

// inputs checks what is handed to a thread that is started.
func (t *thread) inputs(s signature, given map[string]*lhpb.VariableAssignment) *problem {
	if p := t.settle(func(v visitor) { v.inputs(given) }); p != nil {
		return p
	}
	return t.givenInputs(s, given).within("ThreadSpec %s", s.thread)
}

func (t *thread) givenInputs(s signature, given map[string]*lhpb.VariableAssignment) *problem {
	for _, name := range sortedKeys(given) {
		v := s.vars[name]
		if v == nil {
			return problemf("Var %s provided but not needed for thread %s", name, s.thread)
		}
		want := value.Declared(v.GetVarDef().GetTypeDef())
		fits, p := t.fits(given[name], want)
		if p != nil {
			return p
		}
		if !fits {
			return problemf("Var %s should be %v", name, want)
		}
	}
	for _, name := range s.required {
		if _, ok := given[name]; !ok {
			return problemf("Missing required variable %s", name)
		}
	}
	return nil
}

func (n node) startMultipleThreads(s *lhpb.StartMultipleThreadsNode) *problem {
	if n.threads[s.GetThreadSpecName()] == nil {
		return baref("Tried to start nonexistent thread %s", s.GetThreadSpecName())
	}
	return n.settle(func(v visitor) {
		v.inputs(s.GetVariables())
		v.assign(s.GetIterable())
	})
}

func (n node) waitForThreads(w *lhpb.WaitForThreadsNode) *problem {
	if p := n.handlersExist(w.GetPerThreadFailureHandlers()); p != nil {
		return p
	}
	if w.GetThreadList() != nil {
		return n.mustFit(w.GetThreadList(), lhpb.VariableType_JSON_ARR,
			"`threadRunNumber` for WAIT_FOR_THREAD node must resolve to JSON_ARR!")
	}
	for _, t := range w.GetThreads().GetThreads() {
		if p := n.mustFit(t.GetThreadRunNumber(), lhpb.VariableType_INT,
			"`threadRunNumber` for WAIT_FOR_THREAD node must resolve to INT!"); p != nil {
			return p
		}
	}
	return nil
}

// mustFit refuses with the text given what is not accepted as the primitive.
func (n node) mustFit(a *lhpb.VariableAssignment, want lhpb.VariableType, refusal string) *problem {
	if p := n.settle(func(v visitor) { v.assign(a) }); p != nil {
		return p
	}
	fits, p := n.fits(a, value.Primitive(want))
	if p == nil && !fits {
		p = problemf("%s", refusal)
	}
	return p
}
