package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"littlehorse/internal/auth"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/lhpb"
)

// listen opens a live stream of the default tenant.
func (f *face) listen(t *testing.T, position string, topics ...string) *Live {
	t.Helper()
	l, err := f.OpenLive(t.Context(), &Listener{Authenticator: auth.None{}}, topics, position)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// heard is what a listener is told now.
func heard(t *testing.T, l *Live) string {
	t.Helper()
	news, err := l.Next(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range news.Changes {
		if c.Reset {
			c.What = []string{"reset"}
		}
		out = append(out, c.Topic+" "+strings.Join(c.What, ","))
	}
	return strings.Join(out, "; ")
}

// commit tells of puts of the keys.
func (f *face) commit(of ...keys.Key) {
	changes := make([]machine.Change, 0, len(of))
	for _, k := range of {
		changes = append(changes, machine.Change{Key: k})
	}
	f.Committed(f.cluster.Streams()[0], changes)
}

// A listener is told of what his topics are about, and of nothing else.
func TestLiveTopicsAreAboutTheirRows(t *testing.T) {
	mine := keys.In(DefaultTenant)
	run := mine.RunNamed("a")
	spec := &lhpb.WfSpecId{Name: "order"}
	f := newFace(t)
	l := f.listen(t, "", "run:a", "runs", "spec:order", "task:greet", "usertasks", "events", "schedules", "jobs", "definitions")
	defer l.Close()
	for _, c := range []struct {
		key  keys.Key
		says string
	}{
		{run.WfRun(), "run:a run"},
		{run.ThreadRun(1), "run:a threads; runs threads"},
		{run.Inactive(1), "run:a threads; runs threads"},
		{run.NodeRun(0, 1), "run:a nodes"},
		{run.Variable(0, "x"), "run:a variables"},
		{run.TaskRun("0-1"), "run:a tasks"},
		{run.Checkpoint("0-1", 1), "run:a tasks"},
		{run.ExternalEvent("paid", "1"), "run:a events"},
		{run.WorkflowEvent("paid", 1), "run:a events"},
		{run.UserTaskRun("0-1"), "run:a userTasks; usertasks userTasks"},
		{run.NodeOutput(0, "n"), ""},
		{mine.RunNamed("a_b_c").NodeRun(0, 1), "run:a children"},
		{mine.RunNamed("ab").WfRun(), ""},
		{keys.In("bank").RunNamed("a").WfRun(), ""},
		{mine.WfRunTag(spec, 1, 5, "a"), "runs list; spec:order list"},
		{mine.TaskRunTag("greet", 1, 5, "a", "0-1"), "task:greet list"},
		{mine.TaskRunTag("other", 1, 5, "a", "0-1"), ""},
		{keys.ScheduledTask{Tenant: DefaultTenant, TaskDef: "greet", WfRun: "z", Guid: "0-1"}.Key(), "task:greet queue"},
		{mine.TaskWorkerGroup("greet"), "task:greet workers"},
		{mine.Tag(keys.TagUserTaskOwner).Int(keys.OwnerUser).Text("ann").Row(5, keys.TagID{}), "usertasks list"},
		{mine.Tag(keys.TagExternalEvent).Text("paid").Int(1).Row(5, keys.TagID{}), "events list"},
		{mine.Schedule("s"), "schedules list"},
		{mine.BulkShare("j"), "jobs list"},
		{keys.Timers(), ""},
	} {
		l.given = time.Time{} // nobody waits for the next news
		f.commit(c.key)
		if got := heard(t, l); got != c.says {
			t.Errorf("%q: %q instead of %q", c.key, got, c.says)
		}
	}
	l.given = time.Time{}
	f.Committed(f.cluster.Metadata(), nil)
	if got := heard(t, l); got != "definitions list; jobs list" {
		t.Error(got)
	}
}

// Whoever comes back to where he was is told what he missed, once; or that nobody knows.
func TestLiveStreamsGoOnFromAPosition(t *testing.T) {
	f := newFace(t)
	run := keys.In(DefaultTenant).RunNamed("a")
	l := &Listener{Authenticator: auth.None{}}
	position, err := f.AnnounceLive(t.Context(), l, []string{"run:a"})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 * maxLives { // a slow listener is told once
		f.commit(run.NodeRun(0, 1), run.Variable(0, "x"))
	}
	first := f.listen(t, position, "run:a")
	if first.Position() != position {
		t.Errorf("it begins at %s, not at %s", first.Position(), position)
	}
	if got := heard(t, first); got != "run:a nodes,variables" {
		t.Error(got)
	}
	position = first.Position()
	first.Close()
	f.commit(run.TaskRun("0-1"))
	again := f.listen(t, position, "run:a", "runs")
	if got := heard(t, again); got != "run:a tasks; runs reset" {
		t.Error(got)
	}
	again.Close()
	f.now = f.now.Add(2 * topicKept)
	f.commit(run.TaskRun("0-1"))
	if n := f.lives.known.Load(); n != 0 || len(f.lives.topics) != 0 {
		t.Errorf("%d topics are known still", n)
	}
	for _, position := range []string{again.Position(), "0123456789abcdef.1", "nonsense", f.lives.name + ".zz"} {
		late := f.listen(t, position, "run:a")
		if got := heard(t, late); got != "run:a reset" {
			t.Errorf("%s: %q", position, got)
		}
		late.Close()
	}
}

// Listeners are admitted as callers are, again and again, and are no more than so many.
func TestLiveStreamsAreBoundedAndJudged(t *testing.T) {
	f, who := newFace(t), &fickle{}
	l := &Listener{Authenticator: who}
	many := make([]string, MaxLiveTopics+1)
	for i := range many {
		many[i] = fmt.Sprintf("run:%d", i)
	}
	for _, topics := range [][]string{nil, {"run:"}, {"walks"}, {"run"}, {"runs:a"}, many, {"run:" + strings.Repeat("a", maxTopicBytes)}} {
		for _, err := range []error{second(f.OpenLive(t.Context(), l, topics, "")), second(f.AnnounceLive(t.Context(), l, topics))} {
			if e := lh.AsError(err); e == nil || e.Code != lh.InvalidArgument {
				t.Errorf("%.3v: %v", topics, err)
			}
		}
	}
	live, err := f.OpenLive(t.Context(), l, many[1:], "")
	if err != nil {
		t.Fatal(err)
	}
	open := []*Live{live}
	for range maxLives - 1 {
		open = append(open, f.listen(t, "", "runs"))
	}
	if err := second(f.OpenLive(t.Context(), l, []string{"runs"}, "")); lh.AsError(err) == nil || lh.AsError(err).Code != lh.ResourceExhausted {
		t.Error(err)
	}
	f.now = f.now.Add(judgeEvery)
	who.refuse = true
	if _, err := live.Next(t.Context(), 0); lh.AsError(err) == nil || lh.AsError(err).Code != lh.Unauthenticated {
		t.Error(err)
	}
	for _, o := range open {
		o.Close()
	}
	if n := f.LiveStreams(); n != 0 || slices.ContainsFunc(open, func(o *Live) bool { return len(o.topics) == 0 }) {
		t.Errorf("%d streams are left", n)
	}
}

func second[T any](_ T, err error) error { return err }
