package check

import (
	"fmt"
	"math"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// Quiet checks a partition for which no record is under way: nothing may be left that only a record would go on with.
// That is work of a WfRun that one record could not finish, a share of a bulk job, a CorrelatedEvent that is being
// sent to those who waited for it, or what is left of one that is spent.
func Quiet(v machine.View) []Violation {
	s := &state{view: v}
	s.quietRuns()
	s.quietObjects()
	return s.found
}

func (s *state) quietRuns() {
	space := keys.Key([]byte{byte(keys.SpaceRun)})
	for k := range s.view.Scan(space, space.End(), math.MaxInt, func() machine.Value { return &raw{} }) {
		p, err := keys.ParseRun(k)
		switch {
		case err != nil:
			s.violate("key", "%v", err)
		case p.Kind == keys.KindContinue, p.Kind == keys.KindToFanOut, p.Kind == keys.KindSweep, p.Kind == keys.KindRound:
			s.violate(p.WfRun, "%q: nothing goes on with it", k)
		}
	}
}

func (s *state) quietObjects() {
	space := keys.Objects()
	for k, encoded := range s.view.Scan(space, space.End(), math.MaxInt, func() machine.Value { return &raw{} }) {
		_, kind, err := keys.ParseObject(k)
		if err != nil {
			s.violate("key", "%v", err)
			continue
		}
		switch kind {
		case keys.KindBulkShare:
			s.violate(fmt.Sprintf("%q", k), "nothing goes on with the share")
		case keys.KindCorrelatedEvent:
			if p, err := keys.ParseCorrelation(k); err != nil || p.NodeRun != nil {
				continue
			}
			e := &pb.CorrelatedEventRow{}
			if err := decode(encoded, e); err != nil || e.Serving || e.Spent {
				s.violate(fmt.Sprintf("%q", k), "nothing goes on with it: %v, %v", e, err)
			}
		}
	}
}
