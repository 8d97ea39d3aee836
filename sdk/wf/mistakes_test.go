package wf_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"littlehorse/sdk/wf"
)

// lineNow is where it is called.
func lineNow() int {
	_, _, n, _ := runtime.Caller(1)
	return n
}

func TestMistakesAreReportedWithTheirLine(t *testing.T) {
	var at int // the line of the mistake
	tests := map[string]struct {
		body func(*wf.Thread)
		want string
	}{
		"behind the end": {func(t *wf.Thread) {
			t.Complete()
			at = lineNow() + 1
			t.Execute("a")
		}, "never reached"},
		"behind branches that all end": {func(t *wf.Thread) {
			x := wf.Declare[int64](t, "x")
			t.If(x.Lt(1), func(t *wf.Thread) { t.Fail("low", "") }).Else(func(t *wf.Thread) { t.Complete() })
			at = lineNow() + 1
			x.Set(1)
		}, "never reached"},
		"value of another type": {func(t *wf.Thread) {
			x := wf.Declare[int64](t, "x")
			at = lineNow() + 1
			x.Set("text")
		}, "variable x wants INT, not STR"},
		"variable of a sibling": {func(t *wf.Thread) {
			var inner *wf.Var[int64]
			t.Spawn("one", func(c *wf.Thread) { inner = wf.Declare[int64](c, "inner") })
			t.Spawn("two", func(c *wf.Thread) {
				at = lineNow() + 1
				c.Execute("a", inner)
			})
		}, `"inner" belongs to thread "one", which thread "two" cannot see`},
		"output of another thread": {func(t *wf.Thread) {
			out := t.Execute("a")
			t.Spawn("kid", func(c *wf.Thread) {
				at = lineNow() + 1
				c.Execute("b", out)
			})
		}, "belongs to thread"},
		"a user task for nobody": {func(t *wf.Thread) {
			at = lineNow() + 1
			t.AssignUserTask("form", wf.Assignee{})
		}, "nobody would get it"},
		"a user task for a number": {func(t *wf.Thread) {
			x := wf.Declare[map[string]any](t, "x")
			at = lineNow() + 1
			t.AssignUserTask("form", wf.User(x))
		}, "AssignUserTask wants STR"},
		"released to no group": {func(t *wf.Thread) {
			at = lineNow() + 1
			t.AssignUserTask("form", wf.User("ana")).ReleaseAfter(time.Hour)
		}, "the user task has no group"},
		"cancelled at once": {func(t *wf.Thread) {
			at = lineNow() + 1
			t.AssignUserTask("form", wf.User("ana")).CancelAfter(0)
		}, "a positive delay"},
		"same variable twice": {func(t *wf.Thread) {
			wf.Declare[int64](t, "x")
			at = lineNow() + 1
			wf.Declare[string](t, "x")
		}, "already declared"},
		"same thread twice": {func(t *wf.Thread) {
			t.Spawn("kid", run("a"))
			at = lineNow() + 1
			t.Spawn("kid", run("a"))
		}, `two threads are named "kid"`},
		"the parent's thread in a child": {func(t *wf.Thread) {
			t.Spawn("kid", func(*wf.Thread) {
				at = lineNow() + 1
				t.Execute("a")
			})
		}, "has already been described"},
		"required input of a child": {func(t *wf.Thread) {
			at = lineNow() + 1
			t.Spawn("kid", func(c *wf.Thread) { wf.Declare[int64](c, "n").Required() })
		}, `needs its required variable "n"`},
		"unknown input of a child": {func(t *wf.Thread) {
			at = lineNow() + 1
			t.Spawn("kid", run("a"), wf.In{"n": 1})
		}, `has no variable "n"`},
		"input of a child of another type": {func(t *wf.Thread) {
			at = lineNow() + 1
			t.Spawn("kid", func(c *wf.Thread) { wf.Declare[int64](c, "n") }, wf.In{"n": "x"})
		}, `"n" of thread "kid" is INT, not STR`},
		"type that LittleHorse has not": {func(t *wf.Thread) {
			at = lineNow() + 1
			wf.Declare[uint32](t, "x")
		}, "signed"},
		"else behind else": {func(t *wf.Thread) {
			s := t.If(wf.Declare[bool](t, "b"), run("a"))
			s.Else(run("b"))
			at = lineNow() + 1
			s.Else(run("c"))
		}, "Else behind Else"},
		"else away from its if": {func(t *wf.Thread) {
			s := t.If(wf.Declare[bool](t, "b"), run("a"))
			t.Execute("b")
			at = lineNow() + 1
			s.Else(run("c"))
		}, "must follow its If"},
		"loop without body": {func(t *wf.Thread) {
			b := wf.Declare[bool](t, "b")
			at = lineNow() + 1
			t.While(b, func(*wf.Thread) {})
		}, "spin"},
		"reserved failure name": {func(t *wf.Thread) {
			at = lineNow() + 1
			t.Fail("TIMEOUT", "")
		}, "technical error names"},
		"two ways to complete": {func(t *wf.Thread) {
			x := wf.Declare[int64](t, "x")
			at = lineNow() + 1
			t.If(x.Lt(1), func(t *wf.Thread) { t.Complete(x) })
		}, "completes with a value on one path"},
		"event of two types": {func(t *wf.Thread) {
			wf.Event[string](t, "e")
			at = lineNow() + 1
			wf.Event[int64](t, "e")
		}, "two different types"},
		"backoff that shrinks": {func(t *wf.Thread) {
			at = lineNow() + 1
			t.Execute("a").Retries(1, wf.Backoff{Base: time.Second, Max: time.Minute, Multiplier: 0.5})
		}, "Multiplier"},
		"format without argument": {func(t *wf.Thread) {
			at = lineNow() + 1
			t.Execute("a", wf.Format("{0} {1}", 1))
		}, "no argument for {1}"},
		"cast of a cast": {func(t *wf.Thread) {
			x := wf.Declare[string](t, "x")
			at = lineNow() + 1
			t.Execute("a", wf.Cast[string](wf.Cast[int64](x)))
		}, "cast of a cast"},
		"default that is no value": {func(t *wf.Thread) {
			at = lineNow() + 1
			wf.Declare[map[string]any](t, "x").Default(map[string]any{"f": func() {}})
		}, "as JSON"},
		"ForEach together with others": {func(t *wf.Thread) {
			l := wf.Declare[[]string](t, "l")
			each := wf.ForEach(t, l, "each", func(*wf.Thread, *wf.Var[string]) {})
			kid := t.Spawn("kid", run("a"))
			at = lineNow() + 1
			t.WaitAll(kid, each)
		}, "waited for alone"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := wf.New("mistaken", test.body).Compile()
			var mistake *wf.CompileError
			if !errors.As(err, &mistake) {
				t.Fatalf("no CompileError: %v", err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v\nlacks %q", err, test.want)
			}
			if got := fmt.Sprintf("%s:%d", filepath.Base(mistake.File), mistake.Line); got != fmt.Sprintf("mistakes_test.go:%d", at) {
				t.Errorf("reported at %s, made at line %d: %v", got, at, err)
			}
		})
	}
}

func TestAllMistakesAreReportedInOrder(t *testing.T) {
	w := wf.New("mistaken", func(t *wf.Thread) {
		x := wf.Declare[int64](t, "x")
		x.Set("one")
		t.Execute("not a name")
		t.Sleep(-time.Second)
	})
	_, first := w.Compile()
	if first == nil {
		t.Fatal("compiled")
	}
	for _, want := range []string{"x wants INT", `"not a name"`, "positive"} {
		if !strings.Contains(first.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, first)
		}
	}
	if _, second := w.Compile(); second.Error() != first.Error() {
		t.Errorf("another order:\n%v\n%v", first, second)
	}
}

// What is wrong with a workflow's name or options is told with the line that says it, too.
func TestMistakesOfOptionsAreReportedWithTheirLine(t *testing.T) {
	one := wf.Backoff{Base: time.Second, Max: time.Second, Multiplier: 0.5}
	for want, w := range map[string]*wf.Workflow{
		"not a name":             wf.New("not a name", run("a")),
		"DefaultRetries":         wf.New("w", run("a"), wf.DefaultRetries(-1)),
		"Backoff.Multiplier":     wf.New("w", run("a"), wf.DefaultRetries(1, one)),
		"DefaultTimeout":         wf.New("w", run("a"), wf.DefaultTimeout(-time.Second)),
		"DefaultTimeout must":    wf.New("w", run("a"), wf.DefaultTimeout(100*365*24*time.Hour)),
		"Retention must":         wf.New("w", run("a"), wf.Retention(-time.Second)),
		"DefaultThreadRetention": wf.New("w", run("a"), wf.DefaultThreadRetention(-time.Second)),
		"Retention":              wf.New("w", func(t *wf.Thread) { t.Retention(-time.Second) }),
	} {
		_, err := w.Compile()
		var mistake *wf.CompileError
		if !errors.As(err, &mistake) || !strings.Contains(mistake.Message, want) || !strings.HasSuffix(mistake.File, "mistakes_test.go") || mistake.Line == 0 {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestWorkflowNameIsChecked(t *testing.T) {
	if _, err := wf.New("not a name", run("a")).Compile(); err == nil {
		t.Error("compiled")
	}
}
