package check

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// countedIn is an object of one tenant that is counted.
type countedIn struct {
	tenant string
	of     keys.Counted
}

func (c countedIn) String() string { return fmt.Sprintf("counters of %s in %s", c.of, c.tenant) }

// minuteOf is what an object has counted in a minute.
type minuteOf struct {
	countedIn
	window int64
}

func (m minuteOf) String() string { return fmt.Sprintf("%s at %d", m.countedIn, m.window) }

// checkCounts holds the counters against a count of everything, and wants each minute that was counted to be
// sent on by a timer.
func (s *state) checkCounts() {
	expected := s.countAll()
	minutes := s.readMinutes()
	for _, tenant := range slices.Sorted(maps.Keys(s.tenants)) {
		for _, of := range []lhpb.MetricWindowType{lhpb.MetricWindowType_WORKFLOW_METRIC, lhpb.MetricWindowType_TASK_METRIC} {
			prefix := keys.In(tenant).CountsOfType(of)
			for k, row := range machine.Scan[pb.Counts](s.view, prefix, prefix.End(), math.MaxInt) {
				s.checkCountsRow(k, row, expected, minutes)
			}
		}
	}
	for _, c := range sorted(expected) {
		if n := expected[c]; n != 0 {
			s.violate(c.String(), "are missing: there are %d", n)
		}
	}
	for _, m := range sorted(minutes) {
		if !minutes[m] {
			s.violate(m.String(), "hold nothing, and nothing is counted there")
		}
	}
}

// sorted are the keys of a map in the order of their texts.
func sorted[K interface {
	comparable
	fmt.Stringer
}, V any](m map[K]V) []K {
	return slices.SortedFunc(maps.Keys(m), func(a, b K) int { return strings.Compare(a.String(), b.String()) })
}

// countAll counts the NodeRuns and the waiting attempts.
func (s *state) countAll() map[countedIn]int64 {
	out := map[countedIn]int64{}
	for _, w := range s.runs {
		for _, n := range w.nodes {
			out[countedIn{w.tenant, keys.CountedWfSpec(n.WfSpecId)}]++
		}
		for _, k := range w.tasks {
			if k.Status == lhpb.TaskStatus_TASK_SCHEDULED {
				out[countedIn{w.tenant, keys.CountedTaskDef(k.TaskDefId.GetName())}]++
			}
		}
	}
	return out
}

// readMinutes tells for each minute and object whether its counters are closed, and finds its timer.
func (s *state) readMinutes() map[minuteOf]bool {
	out := map[minuteOf]bool{}
	s.tenants = map[string]bool{}
	space := keys.Key([]byte{byte(keys.SpaceCount)})
	for k, v := range s.view.Scan(space, space.End(), math.MaxInt, func() machine.Value { return &raw{} }) {
		if tenant, _, err := keys.ParseCounts(k); err == nil {
			s.tenants[tenant] = true
			continue
		}
		tenant, window, of, err := keys.ParseMinute(k)
		if err != nil {
			s.violate("key", "%v", err)
			continue
		}
		row := &pb.Counts{}
		if err := decode(v, row); err != nil {
			s.violate(of.String(), "%v", err)
		}
		out[minuteOf{countedIn{tenant, of}, window}] = len(row.Minute) > 0
		if !s.timers[timerName(tenant, keys.TimerFlushMetrics, "")] {
			s.violate(of.String(), "minute %d lacks its timer", window)
		}
	}
	return out
}

// checkCountsRow takes out of expected and minutes what the row accounts for.
func (s *state) checkCountsRow(k keys.Key, row *pb.Counts, expected map[countedIn]int64, minutes map[minuteOf]bool) {
	tenant, of, err := keys.ParseCounts(k)
	if err != nil {
		s.violate("key", "%v", err)
		return
	}
	c := countedIn{tenant, of}
	if n := expected[c]; row.Now != n {
		s.violate(c.String(), "say %d, there are %d", row.Now, n)
	}
	delete(expected, c)
	if len(row.Minute) == 0 {
		return
	}
	m := minuteOf{c, row.WindowNs}
	if closed, is := minutes[m]; closed || !is {
		s.violate(c.String(), "count in minute %d, which is not open", row.WindowNs)
	}
	minutes[m] = true
}
