package wf_test

import (
	"fmt"
	"time"

	"littlehorse/sdk/wf"
)

// A business exception is handled by its name, a technical error by its kind.
func ExampleFailureHandlers_OnException() {
	show(wf.New("charge", func(t *wf.Thread) {
		card := wf.Declare[string](t, "card").Required().Masked()
		t.Execute("charge-card", card).
			Retries(3, wf.Backoff{Base: time.Second, Max: time.Minute, Multiplier: 2}).
			OnException("card-declined", func(h *wf.Thread) { h.Fail("order-refused", "the card was declined") }).
			OnError(wf.Timeout, func(h *wf.Thread) { h.Execute("call-the-bank") })
	}))
	// Output:
	// entrypoint: 0-entrypoint-ENTRYPOINT 1-charge-card-TASK 2-exit-EXIT
	// exn-handler-1-charge-card-TASK-TIMEOUT: 0-entrypoint-ENTRYPOINT 1-call-the-bank-TASK 2-exit-EXIT
	// exn-handler-1-charge-card-TASK-card-declined: 0-entrypoint-ENTRYPOINT 1-order-refused-EXIT
}

func ExampleThread_Spawn() {
	show(wf.New("parcel", func(t *wf.Thread) {
		address := wf.Declare[string](t, "address").Required()
		label := t.Spawn("label", func(c *wf.Thread) {
			to := wf.Declare[string](c, "to").Required()
			c.Execute("print-label", to)
		}, wf.In{"to": address})
		pack := t.Spawn("pack", func(c *wf.Thread) { c.Execute("pack-box") })
		t.WaitAll(label, pack)
	}))
	// Output:
	// entrypoint: 0-entrypoint-ENTRYPOINT 1-label-START_THREAD 2-pack-START_THREAD 3-threads-WAIT_FOR_THREADS 4-exit-EXIT
	// label: 0-entrypoint-ENTRYPOINT 1-print-label-TASK 2-exit-EXIT
	// pack: 0-entrypoint-ENTRYPOINT 1-pack-box-TASK 2-exit-EXIT
}

// What fails in a child is handled where its parent waits for it.
func ExampleWaitThreadsNode_OnChildException() {
	show(wf.New("lines", func(t *wf.Thread) {
		lines := wf.Declare[[]string](t, "lines").Required()
		each := wf.ForEach(t, lines, "ship", func(c *wf.Thread, line *wf.Var[string]) { c.Execute("ship", line) })
		t.WaitAll(each).OnChildException("out-of-stock", func(h *wf.Thread) { h.Execute("order-more") })
	}))
	// Output:
	// entrypoint: 0-entrypoint-ENTRYPOINT 1-ship-START_MULTIPLE_THREADS 2-threads-WAIT_FOR_THREADS 3-exit-EXIT
	// exn-handler-2-threads-WAIT_FOR_THREADS-out-of-stock: 0-entrypoint-ENTRYPOINT 1-order-more-TASK 2-exit-EXIT
	// ship: 0-entrypoint-ENTRYPOINT 1-ship-TASK 2-exit-EXIT
}

// An interrupt halts its thread, runs the handler, and lets the thread go on.
func ExampleOnInterrupt() {
	show(wf.New("heating", func(t *wf.Thread) {
		target := wf.Declare[float64](t, "target").Default(20)
		wf.OnInterrupt(t, "new-target", func(_ *wf.Thread, degrees *wf.Var[float64]) { target.Set(degrees) })
		t.Execute("heat-to", target)
	}))
	// Output:
	// entrypoint: 0-entrypoint-ENTRYPOINT 1-heat-to-TASK 2-exit-EXIT
	// interrupt-new-target: 0-entrypoint-ENTRYPOINT 1-exit-EXIT
}

func ExampleThrow() {
	show(wf.New("order", func(t *wf.Thread) {
		id := wf.Declare[string](t, "id").Required()
		wf.Throw(t, "order-shipped", id) // whoever awaits it is told
	}))
	// Output: entrypoint: 0-entrypoint-ENTRYPOINT 1-throw-order-shipped-THROW_EVENT 2-exit-EXIT
}

func ExampleWaitChild() {
	show(wf.New("house", func(t *wf.Thread) {
		city := wf.Declare[string](t, "city").Required()
		permit := t.RunChild("permit", wf.In{"city": city})
		t.Execute("dig")
		t.Execute("build", wf.WaitChild[string](t, permit))
	}))
	// Output: entrypoint: 0-entrypoint-ENTRYPOINT 1-run-permit-RUN_CHILD_WF 2-dig-TASK 3-wait-WAIT_FOR_CHILD_WF 4-build-TASK 5-exit-EXIT
}

func ExampleThread_AssignUserTask() {
	show(wf.New("expense", func(t *wf.Thread) {
		approved := wf.Declare[bool](t, "approved")
		form := t.AssignUserTask("approve", wf.Group("managers")).
			RemindAfter(24*time.Hour, "send-mail", "a form waits for you").
			ReassignAfter(72*time.Hour, wf.User("director")).
			CancelAfter(30 * 24 * time.Hour).
			OnCancel("nobody-decided")
		form.OnException("nobody-decided", func(h *wf.Thread) { h.Fail("withdrawn", "it took too long") })
		approved.Set(wf.Field[bool](form, "approved"))
	}))
	// Output:
	// entrypoint: 0-entrypoint-ENTRYPOINT 1-approve-USER_TASK 2-exit-EXIT
	// exn-handler-1-approve-USER_TASK-nobody-decided: 0-entrypoint-ENTRYPOINT 1-withdrawn-EXIT
}

func ExampleThread_WaitUntil() {
	show(wf.New("vote", func(t *wf.Thread) {
		votes := wf.Declare[int64](t, "votes").Default(0)
		wf.OnInterrupt(t, "vote", func(*wf.Thread, *wf.Var[string]) { votes.Set(votes.Add(1)) })
		t.WaitUntil(votes.Ge(3))
	}))
	// Output:
	// entrypoint: 0-entrypoint-ENTRYPOINT 1-wait-for-condition-WAIT_FOR_CONDITION 2-exit-EXIT
	// interrupt-vote: 0-entrypoint-ENTRYPOINT 1-exit-EXIT
}

func ExampleThread_DoWhile() {
	show(wf.New("download", func(t *wf.Thread) {
		rest := wf.Declare[int64](t, "rest")
		t.DoWhile(func(t *wf.Thread) { rest.Set(t.Execute("next-part")) }, rest.Gt(0))
	}))
	// Output: entrypoint: 0-entrypoint-ENTRYPOINT 1-nop-NOP 2-next-part-TASK 3-nop-NOP 4-exit-EXIT
}

// Expressions are computed by the server, when the run passes the point.
func ExampleValue() {
	show(wf.New("price", func(t *wf.Thread) {
		price := wf.Declare[float64](t, "price").Required()
		customer := wf.Declare[map[string]any](t, "customer").Required()
		note := wf.Declare[string](t, "note")
		total := price.Mul(0.9).Add(4.5)
		note.Set(wf.Format("{0} pays {1}", wf.Field[string](customer, "name"), total))
		t.If(wf.And(total.Gt(100.0), wf.JSONPath[bool](customer, "$.new").Eq(true)), func(t *wf.Thread) {
			t.Execute("check-card", wf.Cast[int64](total))
		})
	}))
	// Output: entrypoint: 0-entrypoint-ENTRYPOINT 1-nop-NOP 2-check-card-TASK 3-nop-NOP 4-exit-EXIT
}

// A workflow tells which definitions of others it needs.
func ExampleWorkflow_Uses() {
	uses, err := wf.New("order", func(t *wf.Thread) {
		t.Execute("charge-card").OnAnyError(func(h *wf.Thread) { h.Execute("call-the-bank") })
		t.WaitForEvent("sent-back")
	}).Uses()
	fmt.Println(uses.TaskDefs, uses.ExternalEventDefs, err)
	// Output: [call-the-bank charge-card] [sent-back] <nil>
}
