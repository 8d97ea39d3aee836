package wf_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/testing/protocmp"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/wf"
)

type person struct{}

func (person) LHStruct() string { return "person" }

// run is a body of one task.
func run(task string) func(*wf.Thread) {
	return func(t *wf.Thread) { t.Execute(task) }
}

// officialPrograms are the programs whose requests, built by the official clients, lie in testdata/official, by language.
var officialPrograms = map[string]func(*wf.Thread){
	"basic": func(t *wf.Thread) {
		name := wf.Declare[string](t, "name").Required().Searchable()
		greeting := wf.Declare[string](t, "greeting")
		greeting.Set(t.Execute("greet", name))
	},
	"literals": func(t *wf.Thread) {
		t.Execute("five", "a", 1, 2.5, true).
			Timeout(7*time.Second).
			Retries(3, wf.Backoff{Base: time.Second, Max: time.Minute, Multiplier: 2})
	},
	"variables": func(t *wf.Thread) {
		wf.Declare[int64](t, "i").Default(3).Public()
		wf.Declare[float64](t, "d").Masked()
		wf.Declare[bool](t, "b").Searchable()
		wf.Declare[[]byte](t, "by")
		wf.Declare[map[string]any](t, "o").SearchableOn("$.a", lhpb.VariableType_STR)
		wf.Declare[[]any](t, "ar")
		wf.Declare[time.Time](t, "ts")
		wf.Declare[lh.RunID](t, "w")
		wf.Declare[person](t, "s")
		wf.DeclareStruct(t, "s1", "person", 2)
	},
	"if-only": func(t *wf.Thread) {
		x := wf.Declare[int64](t, "x")
		t.If(x.Lt(10), run("a"))
		t.Execute("z")
	},
	"if-else": func(t *wf.Thread) {
		x := wf.Declare[int64](t, "x")
		t.If(x.Lt(10), run("a")).Else(run("b"))
		t.Execute("z")
	},
	"if-elseif-else": func(t *wf.Thread) {
		x := wf.Declare[int64](t, "x")
		t.If(x.Lt(10), run("a")).ElseIf(x.Gt(20), run("b")).Else(run("c"))
	},
	"if-elseif": func(t *wf.Thread) {
		x := wf.Declare[int64](t, "x")
		t.If(x.Eq(10), run("a")).ElseIf(x.Ne(20), run("b"))
		t.Execute("z")
	},
	"if-mutations": func(t *wf.Thread) {
		x := wf.Declare[int64](t, "x")
		t.If(x.In([]int{1}), func(t *wf.Thread) {
			x.Set(1)
		}).Else(func(t *wf.Thread) {
			x.Set(2)
			t.Execute("b")
			x.Set(3)
		})
		x.Set(4)
	},
	"if-nested-empty": func(t *wf.Thread) {
		x := wf.Declare[int64](t, "x")
		t.If(x.Le(10), func(t *wf.Thread) {
			t.If(x.Ge(5), run("deep"))
		})
	},
	"while-loop": func(t *wf.Thread) {
		x := wf.Declare[int64](t, "x").Default(0)
		t.While(x.Lt(3), func(t *wf.Thread) {
			t.Execute("a", x)
			x.Set(x.Add(1))
		})
		t.Execute("z")
	},
	"while-in-if": func(t *wf.Thread) {
		x := wf.Declare[int64](t, "x")
		t.If(x.Gt(0), func(t *wf.Thread) {
			t.While(x.Lt(3), func(t *wf.Thread) {
				t.Execute("a")
				x.Set(x.Add(1))
			})
		})
	},
	"if-in-while": func(t *wf.Thread) {
		x := wf.Declare[int64](t, "x")
		t.While(x.Lt(3), func(t *wf.Thread) {
			t.If(x.Eq(1), run("a")).Else(run("b"))
			x.Set(x.Add(1))
		})
	},
	"mutations": func(t *wf.Thread) {
		x := wf.Declare[int64](t, "x")
		o := wf.Declare[map[string]any](t, "o")
		a := wf.Declare[[]any](t, "a")
		s := wf.Declare[string](t, "s")
		wf.Declare[[]byte](t, "by")
		x.Set(5)
		out := t.Execute("a")
		x.Set(x.Add(out))
		x.Set(x.Sub(1).Mul(2.5).Div(x))
		x.Set(x.Pow(2))
		o.SetPath("$.foo", "bar")
		o.Set(o.RemoveKey("k"))
		a.Set(a.Append([]int{1}))
		a.Set(a.Remove(1))
		a.Set(a.RemoveAt(0))
		wf.Mutate(t, x, wf.OpAdd, 4)
		s.Set(wf.Format("hi {0} {1}", s, x))
		s.Set(wf.JSONPath[string](out, "$.x"))
		s.Set(wf.JSONPath[string](o, "$.y"))
		s.Set(wf.Field[string](o, "a", "b"))
		s.Set(wf.Index[string](a, 2))
	},
	"conditions": func(t *wf.Thread) {
		a := wf.Declare[int64](t, "a")
		b := wf.Declare[int64](t, "b")
		wf.Declare[bool](t, "c")
		t.If(a.Lt(1), func(*wf.Thread) {})
		t.If(a.Eq(b), run("q"))
		o := t.Execute("o")
		t.If(o.NotIn([]int{1}), run("q"))
		t.If(a.Contains(5), run("q"))
		t.If(a.NotContains(5), run("q"))
		t.If(a.NotIn([]int{5}), run("q"))
	},
	"casts": func(t *wf.Thread) {
		s := wf.Declare[string](t, "s")
		d := wf.Declare[float64](t, "d")
		u := t.Execute("u")
		t.Execute("t", wf.Cast[int64](s), wf.Cast[int64](d), wf.Cast[string](u), wf.Cast[float64](s.Add("x")),
			wf.Cast[lh.RunID](s), wf.Cast[bool](s), wf.Cast[[]byte](s))
	},
	"events": func(t *wf.Thread) {
		s := wf.Declare[string](t, "s")
		e := wf.Event[string](t, "evt").Timeout(time.Minute).CorrelatedBy(s).MaskCorrelationKey()
		s.Set(e)
		t.WaitForEvent("evt2")
		e.OnError(wf.Timeout, run("oops"))
	},
	"threads": func(t *wf.Thread) {
		x := wf.Declare[int64](t, "x")
		kid := t.Spawn("kid", func(c *wf.Thread) {
			n := wf.Declare[int64](c, "n")
			c.Execute("a", n)
		}, wf.In{"n": x})
		kid2 := t.Spawn("kid2", run("b"))
		t.WaitAll(kid, kid2).
			OnChildException("my-exn", run("c")).
			OnChildError(wf.Timeout, run("d")).
			OnChildFailure(run("e"))
	},
	"child-handlers": func(t *wf.Thread) {
		kid := t.Spawn("kid", run("b"))
		t.WaitFirst(kid).OnAnyChildException(run("c")).OnAnyChildError(run("d"))
	},
	"wait-any": func(t *wf.Thread) {
		t.WaitAny(t.Spawn("kid2", run("b")))
	},
	"for-each": func(t *wf.Thread) {
		l := wf.Declare[[]map[string]any](t, "l")
		each := wf.ForEach(t, l, "each", func(c *wf.Thread, item *wf.Var[map[string]any]) {
			wf.Declare[int64](c, "k")
			c.Execute("a", item)
		}, wf.In{"k": 1})
		t.WaitAll(each)
	},
	"handlers": func(t *wf.Thread) {
		t.Execute("a").
			OnException("my-exn", run("h1")).
			OnAnyException(run("h2")).
			OnError(wf.Timeout, run("h3")).
			OnAnyError(run("h4")).
			OnFailure(func(h *wf.Thread) { h.Execute("h5", wf.Input[string](h)) })
	},
	"fail-in-handler": func(t *wf.Thread) {
		t.Execute("a").OnException("card-declined", func(h *wf.Thread) {
			h.Execute("undo")
			h.Fail("order-refused", "the card was declined")
		})
	},
	"interrupts": func(t *wf.Thread) {
		wf.OnInterrupt(t, "intr", func(h *wf.Thread, in *wf.Var[int64]) { h.Execute("a", in) })
		t.Execute("b")
	},
	"interrupt-mutates": func(t *wf.Thread) {
		x := wf.Declare[int64](t, "x")
		t.OnInterrupt("intr", func(*wf.Thread) { x.Set(1) })
		t.Execute("b")
	},
	"sleeps": func(t *wf.Thread) {
		x := wf.Declare[int64](t, "x")
		wf.Declare[time.Time](t, "ts")
		t.Sleep(30 * time.Second)
		t.SleepFor(x)
	},
	"fail-complete": func(t *wf.Thread) {
		x := wf.Declare[int64](t, "x")
		t.If(x.Lt(0), func(t *wf.Thread) { t.Fail("too-small", "less than zero", x) })
		t.If(x.Gt(100), func(t *wf.Thread) { t.Fail("too-big", "more") })
		t.Complete(x)
	},
	"throw": func(t *wf.Thread) {
		wf.Throw(t, "happened", wf.Declare[int64](t, "x"))
	},
	"wait-condition": func(t *wf.Thread) {
		x := wf.Declare[int64](t, "x")
		t.WaitUntil(x.Lt(3))
		t.Execute("a")
	},
	"child-wf": func(t *wf.Thread) {
		x := wf.Declare[int64](t, "x")
		child := t.RunChild("kid", wf.In{"n": x})
		t.Execute("a", wf.WaitChild[string](t, child))
	},
	"dynamic-task": func(t *wf.Thread) {
		x := wf.Declare[string](t, "x")
		t.Execute(x, 1)
		t.Execute(wf.Format("task-{0}", x))
	},
	"mutate-last": func(t *wf.Thread) {
		x := wf.Declare[int64](t, "x")
		t.Execute("a")
		x.Set(1)
	},
	"user-tasks": func(t *wf.Thread) {
		who := wf.Declare[string](t, "who")
		answer := wf.Declare[map[string]any](t, "answer")
		form := t.AssignUserTask("form", wf.UserIn(who, "jedi")).
			Notes(wf.Format("for {0}", who)).
			OnCancel("gone").
			RemindAfter(60*time.Second, "remind", who, 3).
			ReleaseAfter(63 * time.Second).
			CancelAfter(64 * time.Second).
			CancelAfterAssignment(65 * time.Second)
		answer.Set(form)
		t.AssignUserTask("form", wf.Group("jedi"))
		t.AssignUserTask("form", wf.User("ana"))
	},
	"retention": func(t *wf.Thread) {
		t.Retention(5 * time.Second)
		t.Execute("a")
	},
	"natives": func(t *wf.Thread) {
		wf.Declare[lh.Array[string]](t, "names")
		wf.Declare[lh.Array[int64]](t, "numbers").Required()
		wf.Declare[lh.Map[string, int64]](t, "ages")
		wf.Declare[string](t, "plan").Default("free").Inherited()
	},
	"structs": func(t *wf.Thread) {
		name := wf.Declare[string](t, "name")
		p := wf.Declare[person](t, "person")
		p.Set(wf.NewStruct[person](wf.In{"name": name, "age": 36}))
		t.Execute("greet", wf.Field[string](p, "name"))
	},
	"inline-structs": func(t *wf.Thread) {
		city := wf.Declare[string](t, "city")
		p := wf.DeclareStruct(t, "person", "person", 1)
		p.Set(wf.BuildStruct("person", 1, wf.In{"home": wf.In{"city": city, "zip": "1010"}}))
		t.Execute("a", p)
	},
	"deadlines": func(t *wf.Thread) {
		wait := wf.Declare[int64](t, "wait")
		t.AssignUserTask("form", wf.UserIn("ana", "jedi")).
			RemindAfterSeconds(wait, "remind").
			RemindAfterAssignmentSeconds(wait, "remind").
			ReassignAfterSeconds(wait, wf.UserIn("yoda", "sith")).
			ReleaseAfterSeconds(wait).
			CancelAfterSeconds(wait.Add(5)).
			CancelAfterAssignmentSeconds(wait)
	},
	"if-bool": func(t *wf.Thread) {
		vip := wf.Declare[bool](t, "vip")
		t.If(vip, run("a")).Else(run("b"))
	},
	"complete-early": func(t *wf.Thread) {
		x := wf.Declare[int64](t, "x")
		t.If(x.Lt(0), func(t *wf.Thread) { t.Complete() })
		t.Execute("a")
	},
	"logic": func(t *wf.Thread) {
		a := wf.Declare[int64](t, "a")
		b := wf.Declare[bool](t, "b")
		t.If(wf.And(a.Lt(1), b), run("q"))
		t.If(wf.Or(a.Gt(1), a.Eq(0)), run("r"))
	},
	"sizes": func(t *wf.Thread) {
		list := wf.Declare[[]any](t, "list")
		n := wf.Declare[int64](t, "n")
		n.Set(wf.Size(list))
		t.Execute("a", wf.Size(list).Add(1))
	},
	"sleep-until": func(t *wf.Thread) {
		t.SleepUntil(wf.Declare[time.Time](t, "ts"))
	},
	"child-by-name": func(t *wf.Thread) {
		which := wf.Declare[string](t, "which")
		wf.WaitChild[any](t, t.RunChild(which))
	},
	"escalation": func(t *wf.Thread) {
		t.AssignUserTask("form", wf.Group("jedi")).
			RemindAfterAssignment(60*time.Second, "remind", "soon").
			ReassignAfter(120*time.Second, wf.User("yoda"))
	},
	"escalation-to-group": func(t *wf.Thread) {
		t.AssignUserTask("form", wf.User("ana")).ReassignAfter(180*time.Second, wf.Group("sith"))
	},
	"defaults": func(t *wf.Thread) {
		t.Execute("a")
		t.Execute("b").Retries(1).Timeout(5 * time.Second)
		t.Spawn("kid", run("c"))
	},
	"child-of": func(t *wf.Thread) {
		t.Execute("a", wf.Declare[string](t, "customer").Inherited())
	},
}

var officialOptions = map[string][]wf.Option{
	"child-of": {wf.Parent("account", 0)},
	"defaults": {
		wf.DefaultRetries(4, wf.Backoff{Base: 500 * time.Millisecond, Max: 8 * time.Second, Multiplier: 3}),
		wf.DefaultThreadRetention(30 * time.Second),
	},
	"retention": {
		wf.Retention(time.Minute), wf.AllowedUpdates(lhpb.AllowedUpdateType_NO_UPDATES),
		wf.DefaultRetries(2), wf.DefaultTimeout(9 * time.Second),
	},
}

// namesOfJava are the threads that the Java client names otherwise than the Python client and we do.
var namesOfJava = strings.NewReplacer(
	"exn-handler-1-a-TASK-null", "exn-handler-1-a-TASK",
	"2-threads-WAIT_FOR_THREADS-FAILURE_TYPE_EXCEPTION", "2-threads-WAIT_FOR_THREADS",
	"2-threads-WAIT_FOR_THREADS-FAILURE_TYPE_ERROR", "2-threads-WAIT_FOR_THREADS",
)

func TestRequestsEqualThoseOfTheOfficialClients(t *testing.T) {
	files, err := filepath.Glob("testdata/official/*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	compared, of := map[string]bool{}, map[string]int{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		compared[name] = true
		of[filepath.Base(filepath.Dir(file))]++
		t.Run(filepath.Base(filepath.Dir(file))+"/"+name, func(t *testing.T) { compareWithOfficial(t, name, file) })
	}
	for _, client := range []string{"java", "python"} {
		if of[client] < 20 {
			t.Errorf("%d programs of the client for %s are recorded, not 20", of[client], client)
		}
	}
	for name := range officialPrograms {
		if !compared[name] {
			t.Errorf("no official client was asked for %s", name)
		}
	}
}

// withoutNobody takes away that a user task goes to the user NULL, as Java has it where it goes to a group alone. Servers take it as
// no user, and Python names none.
func withoutNobody(spec *lhpb.PutWfSpecRequest) {
	for _, thread := range spec.ThreadSpecs {
		for _, node := range thread.Nodes {
			for _, action := range node.GetUserTask().GetActions() {
				if to := action.GetReassign(); to.GetUserId().GetLiteralValue().GetValue() == nil && to.GetUserId().GetLiteralValue() != nil {
					to.UserId = nil
				}
			}
		}
	}
}

func compareWithOfficial(t *testing.T, name, file string) {
	t.Helper()
	program := officialPrograms[name]
	if program == nil {
		t.Fatal("there is no such program here")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := &lhpb.PutWfSpecRequest{}
	if err := protojson.Unmarshal([]byte(namesOfJava.Replace(string(text))), want); err != nil {
		t.Fatal(err)
	}
	withoutNobody(want)
	got, err := wf.New(name, program, officialOptions[name]...).Compile()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		t.Errorf("official client (-), ours (+):\n%s", diff)
	}
}
