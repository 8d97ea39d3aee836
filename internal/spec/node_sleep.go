package spec

import (
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

func (n node) sleep(s *lhpb.SleepNode) *problem {
	switch k := s.GetSleepLength().(type) {
	case *lhpb.SleepNode_RawSeconds:
		return n.mustFit(k.RawSeconds, lhpb.VariableType_INT, "Invalid value: variable can't resolve to INT")
	case *lhpb.SleepNode_IsoDate:
		return n.mustFit(k.IsoDate, lhpb.VariableType_STR, "Invalid value: variable can't resolve to STR")
	case *lhpb.SleepNode_Timestamp:
		return n.sleepUntil(k.Timestamp)
	}
	return problemf("a SLEEP node must say how long")
}

func (n node) sleepUntil(a *lhpb.VariableAssignment) *problem {
	if fits, p := n.fits(a, value.Primitive(lhpb.VariableType_TIMESTAMP)); p == nil && fits {
		return n.settle(func(v visitor) { v.assign(a) })
	}
	return n.mustFit(a, lhpb.VariableType_INT, "Invalid value: variable can't resolve to TIMESTAMP or INT")
}
