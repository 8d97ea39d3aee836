package wf_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"littlehorse/sdk/wf"
)

// show prints the nodes of each thread, in their order.
func show(w *wf.Workflow) {
	spec, err := w.Compile()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, thread := range slices.Sorted(maps.Keys(spec.ThreadSpecs)) {
		nodes := slices.Sorted(maps.Keys(spec.ThreadSpecs[thread].Nodes))
		fmt.Printf("%s: %s\n", thread, strings.Join(nodes, " "))
	}
}

func Example() {
	hello := wf.New("hello", func(t *wf.Thread) {
		name := wf.Declare[string](t, "name").Required().Searchable()
		greeting := wf.Declare[string](t, "greeting")
		greeting.Set(t.Execute("greet", name).Retries(3))
	})
	show(hello)
	// Output: entrypoint: 0-entrypoint-ENTRYPOINT 1-greet-TASK 2-exit-EXIT
}

func ExampleThread_If() {
	show(wf.New("shipping", func(t *wf.Thread) {
		weight := wf.Declare[float64](t, "weight").Required()
		t.If(weight.Gt(30.0), func(t *wf.Thread) {
			t.Execute("call-freight")
		}).Else(func(t *wf.Thread) {
			t.Execute("print-label")
		})
	}))
	// Output: entrypoint: 0-entrypoint-ENTRYPOINT 1-nop-NOP 2-call-freight-TASK 3-nop-NOP 4-print-label-TASK 5-exit-EXIT
}

func ExampleThread_While() {
	show(wf.New("poll", func(t *wf.Thread) {
		status := wf.Declare[string](t, "status").Default("pending")
		t.While(status.Eq("pending"), func(t *wf.Thread) {
			status.Set(t.Execute("job-status"))
			t.Sleep(30 * time.Second)
		})
	}))
	// Output: entrypoint: 0-entrypoint-ENTRYPOINT 1-nop-NOP 2-job-status-TASK 3-sleep-SLEEP 4-nop-NOP 5-exit-EXIT
}

func ExampleEvent() {
	show(wf.New("invoice", func(t *wf.Thread) {
		number := wf.Declare[string](t, "number").Required()
		paid := wf.Declare[float64](t, "paid")
		payment := wf.Event[float64](t, "payment", wf.Correlated(time.Hour, true)).
			CorrelatedBy(number).
			Timeout(14*24*time.Hour).
			OnError(wf.Timeout, func(h *wf.Thread) { h.Fail("overdue", "nobody paid") })
		paid.Set(payment)
	}))
	// Output:
	// entrypoint: 0-entrypoint-ENTRYPOINT 1-payment-EXTERNAL_EVENT 2-exit-EXIT
	// exn-handler-1-payment-EXTERNAL_EVENT-TIMEOUT: 0-entrypoint-ENTRYPOINT 1-overdue-EXIT
}

func ExampleForEach() {
	show(wf.New("fan-out", func(t *wf.Thread) {
		lines := wf.Declare[[]string](t, "lines").Required()
		each := wf.ForEach(t, lines, "ship", func(c *wf.Thread, line *wf.Var[string]) {
			c.Execute("ship", line)
		})
		t.WaitAll(each)
	}))
	// Output:
	// entrypoint: 0-entrypoint-ENTRYPOINT 1-ship-START_MULTIPLE_THREADS 2-threads-WAIT_FOR_THREADS 3-exit-EXIT
	// ship: 0-entrypoint-ENTRYPOINT 1-ship-TASK 2-exit-EXIT
}

// All mistakes of a workflow come at once, each with the line of the call that made it.
func ExampleWorkflow_Compile() {
	_, err := wf.New("wrong", func(t *wf.Thread) {
		count := wf.Declare[int64](t, "count")
		count.Set("many")
		t.Fail("no name", "why")
	}).Compile()
	var first *wf.CompileError
	if errors.As(err, &first) {
		fmt.Println(first.Line > 0, strings.Count(err.Error(), "example_test.go"))
	}
	// Output: true 2
}
