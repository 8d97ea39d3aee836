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
		switch kind {
		case keys.KindSchedule:
			s.expect(tenant, k, &pb.ScheduleRow{}, v)
		case keys.KindCorrelatedEvent:
			s.keepCorrelated(tenant, k, v)
		case keys.KindBulkShare:
			s.needGoingOn(tenant, k)
		}
	}
}

// needGoingOn wants a timer for what a record is to go on with: the record may be lost.
func (s *state) needGoingOn(tenant string, k keys.Key) {
	if !s.timers[timerName(tenant, keys.TimerLost, string(k))] {
		s.violate(fmt.Sprintf("%q", k), "nothing goes on with it if the record is lost")
	}
}

// keepCorrelated reads a CorrelatedEvent, or an ExternalEvent that came of the one that was read last.
func (s *state) keepCorrelated(tenant string, k keys.Key, encoded machine.Value) {
	p, err := keys.ParseCorrelation(k)
	switch {
	case err != nil:
		s.violate("key", "%v", err)
	case p.NodeRun == nil:
		s.correlated = k
		row := &pb.CorrelatedEventRow{}
		s.expect(tenant, k, row, encoded)
		if row.Serving || row.Spent {
			s.needGoingOn(tenant, k)
		}
	case s.correlated == "" || !k.HasPrefix(s.correlated):
		s.violate(fmt.Sprintf("%q", k), "came of a CorrelatedEvent that does not exist")
	}
}

// expect notes the rows that follow from an object.
func (s *state) expect(tenant string, k keys.Key, object, encoded machine.Value) {
	if err := decode(encoded, object); err != nil {
		s.violate(fmt.Sprintf("%q", k), "%v", err)
		return
	}
	for _, row := range engine.Following(s.view, s.specsOf(tenant), tenant, object) {
		s.expected[row] = fmt.Sprintf("%q", k)
	}
}
