package catalog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

func unmarshal(t testing.TB, text string, m proto.Message) {
	t.Helper()
	if err := protojson.Unmarshal([]byte(text), m); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

// reloaded is a View made from the rows of the stream.
func (s *stream) reloaded() *View {
	s.t.Helper()
	v := NewView()
	if err := v.Load(s.offset, scanOf(s.state)); err != nil {
		s.t.Fatal(err)
	}
	return v
}

func scanOf(m *machine.Mem) func(func(keys.Key, []byte) bool) error {
	return func(visit func(keys.Key, []byte) bool) error {
		for _, k := range m.Keys() {
			if !visit(k, m.Bytes(k)) {
				break
			}
		}
		return nil
	}
}

// history of one TaskDef and one WfSpec, put, changed, deleted and put again; returns the version of each step.
func writeHistory(s *stream) map[string]uint64 {
	at := map[string]uint64{"nothing": s.offset}
	step := func(name string) { at[name] = s.offset }
	put[*lhpb.TaskDef](s, s.taskDef(`{"name":"t"}`))
	put[*lhpb.WfSpec](s, s.wfSpec(nopSpec("w", "1")))
	step("first")
	put[*lhpb.WfSpec](s, s.wfSpec(nopSpec("w", "2")))
	step("second revision")
	s.done(record(s.t, "delete_wf_spec", `{"id":{"name":"w","revision":1}}`))
	s.done(record(s.t, "delete_task_def", `{"id":{"name":"t"}}`))
	step("deleted")
	put[*lhpb.WfSpec](s, s.wfSpec(nopSpec("w", "3")))
	put[*lhpb.TaskDef](s, s.taskDef(`{"name":"t","description":"again"}`))
	step("again")
	return at
}

// holds: DefinitionsAreInOneOrder
// survives: 7 versions; 7 kept
func TestViewAsOfEachVersion(t *testing.T) {
	s := newStream(t)
	at := writeHistory(s)
	for what, v := range map[string]*View{"followed": s.view, "loaded": s.reloaded()} {
		if v.Version() != s.offset {
			t.Errorf("%s: version %d, want %d", what, v.Version(), s.offset)
		}
		state := func(step string) string {
			d := v.At(at[step], "acme").Defs()
			task := "-"
			if def := d.TaskDef("t"); def != nil {
				task = "t " + def.GetDescription()
			}
			latest, sleeps := "-", "-"
			if w := d.LatestWfSpec("w", spec.NewestVersion); w != nil {
				latest = fmt.Sprintf("%d.%d", w.Id.MajorVersion, w.Id.Revision)
			}
			if w := d.WfSpec(wfSpecID("w", 0, 1)); w != nil {
				sleeps = fmt.Sprint(w.ThreadSpecs["main"].Nodes["s"].GetSleep().GetRawSeconds().GetLiteralValue().GetInt())
			}
			return task + " | " + latest + " | " + sleeps
		}
		for step, want := range map[string]string{
			"nothing":         "- | - | -",
			"first":           "t  | 0.0 | -",
			"second revision": "t  | 0.1 | 2",
			"deleted":         "- | 0.0 | -",
			"again":           "t again | 0.2 | -",
		} {
			if got := state(step); got != want {
				t.Errorf("%s, %s: %s, want %s", what, step, got, want)
			}
		}
	}
}

func TestGraphsAreCompiledOncePerRow(t *testing.T) {
	s := newStream(t)
	at := writeHistory(s)
	gone, id := wfSpecID("w", 0, 1), wfSpecID("w", 0, 2)
	before, now := s.view.At(at["second revision"], "acme"), s.view.At(at["again"], "acme")
	if before.WfSpec(gone) != s.view.At(at["second revision"], "acme").WfSpec(gone) || now.WfSpec(id) != now.LatestWfSpec("w", 0) {
		t.Error("a graph was compiled twice")
	}
	if before.WfSpec(gone) == nil || now.WfSpec(gone) != nil || now.WfSpec(id).Spec != now.Defs().WfSpec(id) {
		t.Error("what was deleted is not what it was before, or there again")
	}
	if now.WfSpec(wfSpecID("w", 7, 0)) != nil || now.LatestWfSpec("nope", spec.NewestVersion) != nil || now.LatestWfSpec("w", 1) != nil {
		t.Error("a graph of what does not exist")
	}
	if g := now.LatestWfSpec("w", spec.NewestVersion); g.Entrypoint().Entrypoint != "e" {
		t.Errorf("compiled to %+v", g)
	}
}

func TestNumberedDefinitions(t *testing.T) {
	s := newStream(t)
	put[*lhpb.StructDef](s, s.structDef(`{"name":"s"}`))
	put[*lhpb.StructDef](s, s.structDef(`{"name":"s","description":"d"}`))
	put[*lhpb.UserTaskDef](s, s.userTask(`{"name":"u"}`))
	put[*lhpb.UserTaskDef](s, s.userTask(`{"name":"u","description":"d"}`))
	d := s.view.Latest("acme")
	if d.StructDef("s", spec.NewestVersion).Id.Version != 1 || d.StructDef("s", 0).Description != nil || d.StructDef("s", 2) != nil {
		t.Error("StructDefs by version")
	}
	if d.UserTaskDef("u", spec.NewestVersion).Version != 1 || d.UserTaskDef("u", 0).Description != nil || d.UserTaskDef("nope", spec.NewestVersion) != nil {
		t.Error("UserTaskDefs by version")
	}
	if d.StructDef("s", -2) != nil || d.LatestWfSpec("s", -2) != nil {
		t.Error("only -1 means the newest")
	}
}

func TestWhatIsAlwaysThere(t *testing.T) {
	v := NewView()
	if v.Tenant("default").GetId().GetId() != DefaultTenant || v.Tenant("other") != nil || v.Tenant("") != nil {
		t.Error("an empty catalog has the default tenant and no other")
	}
	if !IsAdmin(v.Principal(Anonymous)) || v.Principal("other") != nil {
		t.Error("an empty catalog has the anonymous admin and nobody else")
	}
	if got := walk(v, "", keys.KindTenant, keys.Definition{}); got != "default" {
		t.Errorf("tenants: %s", got)
	}
}

func walk(v *View, tenant string, kind keys.ObjectKind, from keys.Definition) string {
	out := ""
	v.Walk(tenant, kind, from, func(d keys.Definition) bool {
		if out != "" {
			out += " "
		}
		out += d.Name
		if kind == keys.KindWfSpec {
			out += fmt.Sprintf(":%d.%d", d.Major, d.Revision)
		}
		return true
	})
	return out
}

func TestWalkIsInOrderOfNameThenVersion(t *testing.T) {
	s := newStream(t)
	for _, name := range []string{"b", "a", "ab", "c"} {
		put[*lhpb.WfSpec](s, s.wfSpec(nopSpec(name, "1")))
	}
	for i := 2; i < 13; i++ {
		put[*lhpb.WfSpec](s, s.wfSpec(nopSpec("b", fmt.Sprint(i))))
	}
	s.done(record(t, "delete_wf_spec", `{"id":{"name":"b","revision":5}}`))
	s.done(record(t, "delete_wf_spec", `{"id":{"name":"c"}}`))
	for _, v := range []*View{s.view, s.reloaded()} {
		rest := "b:0.6 b:0.7 b:0.8 b:0.9 b:0.10 b:0.11"
		if got, want := walk(v, "acme", keys.KindWfSpec, keys.Definition{}), "a:0.0 ab:0.0 b:0.0 b:0.1 b:0.2 b:0.3 b:0.4 "+rest; got != want {
			t.Errorf("all: %s\nwant %s", got, want)
		}
		if got := walk(v, "acme", keys.KindWfSpec, keys.Definition{Name: "b", Revision: 5}); got != rest {
			t.Errorf("from the deleted: %s", got)
		}
		if got := walk(v, "acme", keys.KindWfSpec, keys.Definition{Name: "bb"}); got != "" {
			t.Errorf("behind all: %s", got)
		}
		if got := walk(v, "other", keys.KindWfSpec, keys.Definition{}) + walk(v, "acme", keys.KindTaskDef, keys.Definition{}); got != "" {
			t.Errorf("of another tenant or kind: %s", got)
		}
	}
	count := 0
	s.view.Walk("acme", keys.KindWfSpec, keys.Definition{}, func(keys.Definition) bool { count++; return count < 3 })
	if count != 3 {
		t.Errorf("visited %d after it was told to stop at 3", count)
	}
}

func TestWalkTakesUpInChunks(t *testing.T) {
	for _, n := range []int{walkChunk - 1, walkChunk, walkChunk + 1, 3 * walkChunk} {
		s := newStream(t)
		for i := range n {
			put[*lhpb.Tenant](s, s.tenantPut(fmt.Sprintf(`{"id":"t%04d"}`, i)))
		}
		var names []string
		s.view.Walk("", keys.KindTenant, keys.Definition{}, func(d keys.Definition) bool {
			names = append(names, d.Name)
			return s.view.Tenant(d.Name) != nil // asking while walking does not block
		})
		if len(names) != n+1 || names[0] != DefaultTenant || names[n] != fmt.Sprintf("t%04d", n-1) {
			t.Errorf("%d tenants: %d visited, first %s", n, len(names), names[0])
		}
	}
	// The tenant that needs no row is found wherever its name falls.
	for n := walkChunk - 2; n < walkChunk+2; n++ {
		s := newStream(t)
		for i := range n {
			put[*lhpb.Tenant](s, s.tenantPut(fmt.Sprintf(`{"id":"a%04d"}`, i)))
		}
		put[*lhpb.Tenant](s, s.tenantPut(`{"id":"z"}`))
		var names []string
		s.view.Walk("", keys.KindTenant, keys.Definition{}, func(d keys.Definition) bool { names = append(names, d.Name); return true })
		if len(names) != n+2 || names[n] != DefaultTenant || names[n+1] != "z" {
			t.Errorf("%d tenants: %d visited, then %v", n, len(names), names[max(0, len(names)-3):])
		}
	}
}

func TestWaitFor(t *testing.T) {
	s := newStream(t)
	if err := s.view.WaitFor(context.Background(), 0); err != nil {
		t.Error(err)
	}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.view.WaitFor(canceled, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	reached := make(chan error)
	go func() { reached <- s.view.WaitFor(ctx, 2) }()
	s.view.Committed(1, nil)
	s.view.Committed(2, nil)
	if err := <-reached; err != nil {
		t.Error(err)
	}
}

func TestReadersAndTheFollowerMeet(t *testing.T) {
	s := newStream(t)
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				at := s.view.At(s.view.Version(), "acme")
				if g := at.LatestWfSpec("w", spec.NewestVersion); g != nil && at.WfSpec(g.Spec.Id) != g {
					t.Error("a snapshot changed its mind")
					return
				}
				walk(s.view, "acme", keys.KindWfSpec, keys.Definition{})
			}
		})
	}
	for i := range 200 {
		put[*lhpb.WfSpec](s, s.wfSpec(nopSpec("w", fmt.Sprint(i))))
	}
	close(stop)
	readers.Wait()
}

func TestLoadReportsWhatItCannotRead(t *testing.T) {
	k := keys.Definition{Tenant: "acme", Kind: keys.KindWfSpec, Name: "w", Written: 1}.Key()
	if err := NewView().Load(1, func(visit func(keys.Key, []byte) bool) error { visit(k, []byte{0xff}); return nil }); err == nil {
		t.Error("a broken row was loaded")
	}
	broken := errors.New("disk")
	if err := NewView().Load(1, func(func(keys.Key, []byte) bool) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkLookups(b *testing.B) {
	s := newStream(b)
	for i := range 200 {
		put[*lhpb.TaskDef](s, s.taskDef(fmt.Sprintf(`{"name":"t%d"}`, i)))
		put[*lhpb.WfSpec](s, s.wfSpec(nopSpec("w", fmt.Sprint(i))))
	}
	id := wfSpecID("w", 0, 150)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			at := s.view.At(s.offset, "acme")
			if at.WfSpec(id) == nil || at.TaskDef("t77") == nil || at.LatestWfSpec("w", spec.NewestVersion) == nil {
				b.Error("not found")
			}
		}
	})
}
