package keys

import (
	"cmp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"littlehorse/lhpb"
)

// anyText favours the bytes that the encoding treats specially.
func anyText() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.SampledFrom([]rune{0, 1, 'a', 'b', '-', '_', '/', 'ÿ', '\uffff'}), 0, 6, -1)
}

func sign(n int) int { return cmp.Compare(n, 0) }

func TestTextKeepsOrderAndNoTextIsAPrefixOfAnother(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyText().Draw(t, "a"), anyText().Draw(t, "b")
		ka, kb := string(appendText(nil, a)), string(appendText(nil, b))
		if got, want := strings.Compare(ka, kb), strings.Compare(a, b); got != want {
			t.Fatalf("order of %q and %q is %d, of their keys %d", a, b, want, got)
		}
		if a != b && strings.HasPrefix(ka, kb) {
			t.Fatalf("the key of %q starts with that of %q", a, b)
		}
		r := &reader{rest: ka}
		if got := r.text(); got != a || r.done() != nil {
			t.Fatalf("%q reads back as %q, %v", a, got, r.err)
		}
	})
}

func TestIntegersKeepOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		ka, kb := string(appendInt64(nil, a)), string(appendInt64(nil, b))
		if strings.Compare(ka, kb) != cmp.Compare(a, b) {
			t.Fatalf("%d and %d do not keep their order", a, b)
		}
		if r := (&reader{rest: ka}); r.int64() != a || r.done() != nil {
			t.Fatalf("%d does not read back", a)
		}
		c, d := int32(a), int32(b)
		if strings.Compare(string(appendInt32(nil, c)), string(appendInt32(nil, d))) != cmp.Compare(c, d) {
			t.Fatalf("%d and %d do not keep their order", c, d)
		}
	})
}

func TestRowsOfOneWfRunAreOneRange(t *testing.T) {
	in := In("acme")
	parent := in.Run(&lhpb.WfRunId{Id: "w1"})
	child := in.Run(&lhpb.WfRunId{Id: "c", ParentWfRunId: &lhpb.WfRunId{Id: "w1"}})
	other := In("acme2").Run(&lhpb.WfRunId{Id: "w1"})
	rows := []Key{
		parent.WfRun(), parent.ThreadRun(7), parent.NodeRun(0, 1), parent.Variable(0, "x"), parent.TaskRun("0-1"),
		parent.Checkpoint("0-1", 2), parent.ExternalEvent("e", "g"), parent.Unclaimed("e", 5, "g"), parent.Reserved("e", 1, Any, 5, "g"),
		parent.WorkflowEvent("e", 0), parent.UserTaskRun("0-1"), parent.Inactive(3), parent.NodeOutput(0, "n"),
		parent.Continue("delete"),
	}
	for _, k := range rows {
		if !k.HasPrefix(parent.All()) || k >= parent.All().End() {
			t.Errorf("%q lies outside its WfRun", k)
		}
		if k.HasPrefix(child.All()) || k.HasPrefix(other.All()) {
			t.Errorf("%q lies in another WfRun", k)
		}
		got, err := ParseRun(k)
		if err != nil || got.Tenant != "acme" || got.WfRun != "w1" {
			t.Errorf("%q reads back as %+v, %v", k, got, err)
		}
	}
	if child.WfRun().HasPrefix(parent.All()) {
		t.Error("a child's row lies in its parent's range")
	}
}

func TestTaskRunsOrderByTheirNumbers(t *testing.T) {
	r := In("t").RunNamed("w")
	guids := []string{"0-1", "0-2", "0-10", "1-0", "12-3", "ut-0-1-1", "ut-0-1-10", "ut-0-2-0", "0-01", "custom"}
	for i := 1; i < len(guids); i++ {
		if r.TaskRun(guids[i-1]) >= r.TaskRun(guids[i]) {
			t.Errorf("%s does not come before %s", guids[i-1], guids[i])
		}
	}
}

func TestScheduledTaskReadsBackAndOrdersByTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := ScheduledTask{
			Tenant: anyText().Draw(t, "tenant"), TaskDef: anyText().Draw(t, "def"), ScheduledNs: rapid.Int64().Draw(t, "at"),
			WfRun: anyText().Draw(t, "run"), Guid: rapid.SampledFrom([]string{"0-1", "ut-1-2-3", "x", "1-02"}).Draw(t, "guid"),
			Attempt: rapid.Int32().Draw(t, "attempt"),
		}
		if got, err := ParseScheduledTask(s.Key()); err != nil || got != s {
			t.Fatalf("%+v reads back as %+v, %v", s, got, err)
		}
		later := s
		later.ScheduledNs = rapid.Int64().Draw(t, "later")
		if sign(strings.Compare(string(s.Key()), string(later.Key()))) != cmp.Compare(s.ScheduledNs, later.ScheduledNs) {
			t.Fatal("the queue is not in order of time")
		}
		if !s.Key().HasPrefix(In(s.Tenant).Queue(s.TaskDef)) || !s.Key().HasPrefix(Queues()) {
			t.Fatal("the row lies outside its queue")
		}
	})
}

func TestTimersOrderByTimeAcrossTenants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gen := rapid.Custom(func(t *rapid.T) Timer {
			return Timer{rapid.Int64().Draw(t, "due"), anyText().Draw(t, "tenant"), TimerKind(rapid.Byte().Draw(t, "kind")), anyText().Draw(t, "id")}
		})
		a, b := gen.Draw(t, "a"), gen.Draw(t, "b")
		if got, err := ParseTimer(a.Key()); err != nil || got != a {
			t.Fatalf("%+v reads back as %+v, %v", a, got, err)
		}
		if due, err := TimerDue(a.Key()); err != nil || due != a.DueNs {
			t.Fatalf("due %d reads back as %d, %v", a.DueNs, due, err)
		}
		if a.DueNs < b.DueNs && a.Key() >= b.Key() {
			t.Fatal("timers are not in order of time")
		}
		if TimersAt(a.DueNs) > a.Key() {
			t.Fatal("a timer lies before the first key of its time")
		}
	})
}

func TestIndexRowsReadBackInOrderOfCreation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tag := In("t").Tag(TagVariable).Text(anyText().Draw(t, "value")).Int(rapid.Int32().Draw(t, "status"))
		id := TagID{anyText().Draw(t, "run"), rapid.Int32().Draw(t, "thread"), rapid.Int32().Draw(t, "number"), anyText().Draw(t, "name"), anyText().Draw(t, "guid")}
		at, later := rapid.Int64().Draw(t, "at"), rapid.Int64().Draw(t, "later")
		row := tag.Row(at, id)
		gotAt, got, err := ParseTagRow(tag.Prefix(), row)
		if err != nil || gotAt != at || got != id {
			t.Fatalf("%d %+v reads back as %d %+v, %v", at, id, gotAt, got, err)
		}
		if at < later && row >= tag.Row(later, id) {
			t.Fatal("rows are not in order of creation")
		}
		if tag.From(at) > row {
			t.Fatal("a row lies before the first key of its time")
		}
	})
}

func TestExtendingATagLeavesTheOriginalAlone(t *testing.T) {
	base := In("t").Tag(TagWfRun).Text("greet")
	want := base.Prefix()
	one, two := base.Int(1), base.Int(2)
	if base.Prefix() != want || one.Prefix() == two.Prefix() {
		t.Error("two extensions of one tag share their bytes")
	}
	rowA, rowB := base.Row(1, TagID{WfRun: "a"}), base.Row(2, TagID{WfRun: "b"})
	if !rowA.HasPrefix(want) || !rowB.HasPrefix(want) || rowA == rowB {
		t.Error("two rows of one tag share their bytes")
	}
}

func TestEndIsBehindEverythingWithThePrefix(t *testing.T) {
	for _, k := range []Key{"a", "a\xff", "a\xff\xff", "\x00"} {
		if k.End() <= k+"\xff\xff\xff" && !strings.HasSuffix(string(k), "\xff") || k.End() <= k {
			t.Errorf("the end of %q is %q", k, k.End())
		}
	}
}

func FuzzParsersNeverPanic(f *testing.F) {
	f.Add(string(In("t").RunNamed("w").NodeRun(0, 1)))
	f.Add(string(ScheduledTask{Tenant: "t", TaskDef: "d", WfRun: "w", Guid: "0-1"}.Key()))
	f.Add(string(Timer{DueNs: 1, Tenant: "t", Kind: TimerSleep, ID: "x"}.Key()))
	f.Fuzz(func(t *testing.T, s string) {
		k := Key(s)
		_, _ = ParseRun(k)
		if q, err := ParseScheduledTask(k); err == nil {
			if back, err := ParseScheduledTask(q.Key()); err != nil || back != q {
				t.Fatalf("%+v reads back as %+v, %v", q, back, err)
			}
		}
		if x, err := ParseTimer(k); err == nil && x.Key() != k {
			t.Fatalf("%q reads as %+v, which writes %q", k, x, x.Key())
		}
		_, _, _ = ParseTagRow("", k)
		_, _ = NextText("", k)
		_, _, _, _ = In("t").RunNamed("w").ParseUnclaimed(k)
		_, _, _, _, _, _ = In("t").RunNamed("w").ParseReserved(k)
		_, _ = ParseCorrelation(k)
	})
}

func TestShortWaysToTagsAreTags(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := In(anyText().Draw(t, "tenant"))
		def, wfRun, guid := anyText().Draw(t, "def"), anyText().Draw(t, "WfRun"), anyText().Draw(t, "guid")
		status, created := rapid.Int32().Draw(t, "status"), rapid.Int64().Draw(t, "created")
		want := in.Tag(TagTaskRun).Text(def).Int(status).Row(created, TagID{WfRun: wfRun, Guid: guid})
		if got := in.TaskRunTag(def, status, created, wfRun, guid); got != want {
			t.Fatalf("the tag of a TaskRun is %q, not %q", got, want)
		}
		spec := &lhpb.WfSpecId{Name: def, MajorVersion: rapid.Int32().Draw(t, "major"), Revision: rapid.Int32().Draw(t, "revision")}
		want = in.Tag(TagWfRun).Text(def).Int(status).Version(spec).Row(created, TagID{WfRun: wfRun})
		if got := in.WfRunTag(spec, status, created, wfRun); got != want {
			t.Fatalf("the tag of a WfRun is %q, not %q", got, want)
		}
	})
}

func TestRoundsReadBack(t *testing.T) {
	run := In("t").RunNamed("w")
	older, newer := InterruptSubject("go", 5, "b"), InterruptSubject("go", 6, "a")
	if run.Round(older) >= run.Round(newer) {
		t.Error("a newer interrupt comes before an older one")
	}
	for _, c := range []struct {
		subject          Subject
		isThread, queued bool
		number           int32
		event            string
	}{
		{ThreadSubject(7), true, false, 7, ""},
		{QueuedSubject(7), false, true, 7, ""},
		{VariableSubject(7, "x"), false, false, -1, ""},
		{InheritedSubject("x"), false, false, -1, ""},
		{EventSubject("go"), false, false, -1, "go"},
		{TriggerSubject("go"), false, false, -1, ""},
		{WfRunSubject("v"), false, false, -1, ""},
		{AllSubject, false, false, -1, ""},
		{older, false, false, -1, ""},
	} {
		got, err := run.ParseRound(run.Round(c.subject))
		event, _ := got.Event()
		if err != nil || got != c.subject || got.IsThread() != c.isThread || got.IsQueued() != c.queued || got.ThreadRun() != c.number || event != c.event {
			t.Errorf("%q reads as %q, ThreadRun %d, event %q: %v", c.subject, got, got.ThreadRun(), event, err)
		}
	}
	if _, err := run.ParseRound(run.Kind(KindRound)); err == nil {
		t.Error("a key without a subject is read")
	}
}
