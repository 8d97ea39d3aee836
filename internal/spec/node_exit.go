package spec

import (
	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

func (n node) exit(e *lhpb.ExitNode) *problem {
	if f := e.GetFailureDef(); f != nil {
		return first(failureName(f.GetFailureName()), n.settle(func(v visitor) { v.assign(f.GetContent()) }))
	}
	content := e.GetReturnContent()
	if content == nil {
		return nil
	}
	p := n.settle(func(v visitor) { v.assign(content) })
	if p == nil {
		_, p = n.typeOf(content)
	}
	return p.after("Invalid output type for the Node")
}

func failureName(name string) *problem {
	switch {
	case isErrorType(name):
		return baref("Failure name %s is reserved!", name)
	case !lh.ValidName(name):
		return baref("Invalid name for exception: %s", name)
	}
	return nil
}

// isErrorType reports whether the name is that of a technical failure.
func isErrorType(name string) bool {
	_, ok := lhpb.LHErrorType_value[name]
	return ok
}
