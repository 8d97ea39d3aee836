package check

import (
	"fmt"
	"math"

	"littlehorse/internal/engine"
	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// readObjects reads what lies outside of WfRuns and notes what must follow from it.
func (s *state) readObjects() {
	space := keys.Objects()
	for k, v := range s.view.Scan(space, space.End(), math.MaxInt, func() machine.Value { return &raw{} }) {
		tenant, kind, err := keys.ParseObject(k)
		if err != nil {
			s.violate("key", "%v", err)
			continue
		}
		if kind == keys.KindSchedule {
			s.keepSchedule(tenant, k, v)
		}
	}
}

func (s *state) keepSchedule(tenant string, k keys.Key, encoded machine.Value) {
	row := &pb.ScheduleRow{}
	if err := decode(encoded, row); err != nil {
		s.violate(fmt.Sprintf("%q", k), "%v", err)
		return
	}
	s.expect(tenant, k, row)
}

// expect notes the rows that follow from an object.
func (s *state) expect(tenant string, k keys.Key, object machine.Value) {
	for _, row := range engine.Following(s.view, s.specsOf(tenant), tenant, object) {
		s.expected[row] = fmt.Sprintf("%q", k)
	}
}
