package keys

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"littlehorse/lhpb"
)

func anyCounted(t *rapid.T) Counted {
	return Counted{
		Type: lhpb.MetricWindowType(rapid.Int32Range(0, 4).Draw(t, "type")), Name: anyText().Draw(t, "name"),
		Major: rapid.Int32().Draw(t, "major"), Revision: rapid.Int32().Draw(t, "revision"),
	}
}

func TestCountersReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := anyText().Draw(t, "tenant")
		in, c, at, later := In(name), anyCounted(t), rapid.Int64().Draw(t, "at"), rapid.Int64().Draw(t, "later")
		if tenant, got, err := ParseCounts(in.Counts(c)); err != nil || tenant != name || got != c {
			t.Fatalf("%+v reads back as %q %+v, %v", c, tenant, got, err)
		}
		if tenant, window, got, err := ParseMinute(in.Minute(at, c)); err != nil || tenant != name || window != at || got != c {
			t.Fatalf("%+v reads back as %q %d %+v, %v", c, tenant, window, got, err)
		}
		k := in.MetricWindow(c, at)
		if tenant, got, window, err := ParseMetricWindow(k); err != nil || tenant != name || window != at || got != c {
			t.Fatalf("%+v reads back as %q %+v %d, %v", c, tenant, got, window, err)
		}
		if at < later && k >= in.MetricWindow(c, later) {
			t.Fatal("windows are not in order of time")
		}
		for _, prefix := range []Key{in.CountsOfType(c.Type), in.CountsOfName(c), in.CountsOfMajor(c)} {
			if !in.Counts(c).HasPrefix(prefix) {
				t.Fatalf("%q lies outside of %q", in.Counts(c), prefix)
			}
		}
		if !in.Minute(at, c).HasPrefix(in.MinutesAt(at)) || !k.HasPrefix(in.MetricWindows(c)) || !k.HasPrefix(in.MetricWindowsOfName(c)) {
			t.Fatalf("rows of %+v lie outside of their ranges", c)
		}
	})
}

func TestOutputRecordsReadBackInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name, n := anyText().Draw(t, "tenant"), rapid.Uint64Range(0, 1<<62).Draw(t, "number")
		k := In(name).Output(n)
		if tenant, got, err := ParseOutput(k); err != nil || tenant != name || got != n {
			t.Fatalf("%d reads back as %q %d, %v", n, tenant, got, err)
		}
		if k >= In(name).Output(n+1) || !k.HasPrefix(In(name).Outputs()) || In(name).OutputLog() >= k {
			t.Fatal("output records are not in order, behind their log")
		}
		if _, _, err := ParseOutput(In(name).OutputLog()); err == nil {
			t.Fatal("the log reads as a record")
		}
	})
}

// Stored data depends on these bytes.
func TestRowsOfCountersAndOutputNeverChange(t *testing.T) {
	in, spec := In("t"), CountedWfSpec(&lhpb.WfSpecId{Name: "w", MajorVersion: 1, Revision: 2})
	for want, k := range map[string]Key{
		"6e740001010077000180000001" + "80000002":                      in.Counts(spec),
		"6e74000101016b0001" + "80000000" + "80000000":                 in.Counts(CountedTaskDef("k")),
		"6e74000102800000000000003c0077000180000001" + "80000002":      in.Minute(60, spec),
		"6e740001030077000180000001" + "80000002" + "800000000000003c": in.MetricWindow(spec, 60),
		"6e740001030470000180000000" + "80000000" + "800000000000003c": in.MetricWindow(CountedQuota("p"), 60),
		"7774000101":                      in.OutputLog(),
		"7774000102" + "8000000000000007": in.Output(7),
	} {
		if got := fmt.Sprintf("%x", string(k)); got != want {
			t.Errorf("%s, was %s", got, want)
		}
	}
	if spec.Route() != "WORKFLOW_METRIC/w" || (Counted{Type: lhpb.MetricWindowType_TASK_METRIC}).Route() != "TASK_METRIC" {
		t.Error("the routes of metrics have changed")
	}
}
