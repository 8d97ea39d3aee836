package wf_test

import (
	"fmt"
	"time"

	"littlehorse/lhpb"
	"littlehorse/sdk/wf"
)

// The kinds of technical errors that OnError and OnChildError tell apart.
func ExampleFailureHandlers_OnError() {
	for _, kind := range []wf.ErrorType{
		wf.Timeout, wf.TaskFailure, wf.TaskError, wf.UserTaskCancelled, wf.ChildFailure, wf.VarError, wf.VarSubError,
		wf.VarMutationError, wf.InternalError,
	} {
		fmt.Println(kind)
	}
	show(wf.New("charge", func(t *wf.Thread) {
		t.Execute("charge-card").OnError(wf.TaskFailure, func(h *wf.Thread) { h.Execute("call-the-bank") })
	}))
	// Output:
	// TIMEOUT
	// TASK_FAILURE
	// TASK_ERROR
	// USER_TASK_CANCELLED
	// CHILD_FAILURE
	// VAR_ERROR
	// VAR_SUB_ERROR
	// VAR_MUTATION_ERROR
	// INTERNAL_ERROR
	// entrypoint: 0-entrypoint-ENTRYPOINT 1-charge-card-TASK 2-exit-EXIT
	// exn-handler-1-charge-card-TASK-TASK_FAILURE: 0-entrypoint-ENTRYPOINT 1-call-the-bank-TASK 2-exit-EXIT
}

// OnFailure handles errors and exceptions alike; OnAnyError and OnAnyException one sort of them.
func ExampleFailureHandlers_OnFailure() {
	show(wf.New("backup", func(t *wf.Thread) {
		t.Execute("copy").OnFailure(func(h *wf.Thread) { h.Execute("alert") })
		t.Execute("verify").
			OnAnyException(func(h *wf.Thread) { h.Execute("copy-again") }).
			OnAnyError(func(h *wf.Thread) { h.Execute("alert") })
	}))
	// Output:
	// entrypoint: 0-entrypoint-ENTRYPOINT 1-copy-TASK 2-verify-TASK 3-exit-EXIT
	// exn-handler-1-copy-TASK-any-failure: 0-entrypoint-ENTRYPOINT 1-alert-TASK 2-exit-EXIT
	// exn-handler-2-verify-TASK: 0-entrypoint-ENTRYPOINT 1-copy-again-TASK 2-exit-EXIT
	// exn-handler-2-verify-TASK-FAILURE_TYPE_ERROR: 0-entrypoint-ENTRYPOINT 1-alert-TASK 2-exit-EXIT
}

func ExampleIfStatement_ElseIf() {
	show(wf.New("shipping", func(t *wf.Thread) {
		weight := wf.Declare[float64](t, "weight").Required()
		t.If(weight.Gt(30.0), func(t *wf.Thread) {
			t.Execute("call-freight")
		}).ElseIf(weight.Gt(2.0), func(t *wf.Thread) {
			t.Execute("print-label")
		}).Else(func(t *wf.Thread) {
			t.Execute("buy-stamp")
		})
	}))
	// Output: entrypoint: 0-entrypoint-ENTRYPOINT 1-nop-NOP 2-call-freight-TASK 3-nop-NOP 4-print-label-TASK 5-buy-stamp-TASK 6-exit-EXIT
}

// Arithmetic is done by the server, when the run passes the point.
func ExampleValue_Add() {
	show(wf.New("bill", func(t *wf.Thread) {
		price := wf.Declare[float64](t, "price").Required()
		count := wf.Declare[int64](t, "count").Required()
		total := wf.Declare[float64](t, "total")
		total.Set(price.Mul(count).Add(4.5).Sub(1.0)) // shipping, and a voucher
		t.Execute("charge-card", total, total.Div(count))
		t.Execute("report", count.Pow(2))
	}))
	// Output: entrypoint: 0-entrypoint-ENTRYPOINT 1-charge-card-TASK 2-report-TASK 3-exit-EXIT
}

// Lists and maps grow and shrink by new values.
func ExampleValue_Append() {
	show(wf.New("basket", func(t *wf.Thread) {
		goods := wf.Declare[[]string](t, "goods")
		prices := wf.Declare[map[string]any](t, "prices")
		goods.Set(goods.Append("lamp"))
		goods.Set(goods.Remove("chair"))
		goods.Set(goods.RemoveAt(0))
		prices.Set(prices.RemoveKey("chair"))
		prices.SetPath("$.lamp", 12.5)
		t.Execute("count", wf.Size(goods))
	}))
	// Output: entrypoint: 0-entrypoint-ENTRYPOINT 1-count-TASK 2-exit-EXIT
}

// Conditions compare values and combine each other.
func ExampleValue_Eq() {
	show(wf.New("door", func(t *wf.Thread) {
		role := wf.Declare[string](t, "role").Required()
		age := wf.Declare[int64](t, "age").Required()
		banned := wf.Declare[[]string](t, "banned")
		adult := wf.And(age.Ge(18), age.Le(120))
		known := wf.Or(role.Eq("member"), role.In([]string{"guest", "staff"}), role.Ne("stranger"))
		t.If(wf.And(adult, known, banned.NotContains(role), wf.Not(age.Lt(0))), func(t *wf.Thread) { t.Execute("open") })
		t.If(wf.Or(banned.Contains(role), role.NotIn([]string{"member"}), age.Gt(120)), func(t *wf.Thread) { t.Execute("ring") })
	}))
	// Output: entrypoint: 0-entrypoint-ENTRYPOINT 1-nop-NOP 2-open-TASK 3-nop-NOP 4-nop-NOP 5-ring-TASK 6-nop-NOP 7-exit-EXIT
}

// Parts of values are taken by field, index or path, and As tells the compiler what is there.
func ExampleField() {
	show(wf.New("order", func(t *wf.Thread) {
		order := wf.Declare[map[string]any](t, "order").Required()
		lines := wf.Declare[[]any](t, "lines").Required()
		city := wf.Field[string](order, "customer", "city")
		first := wf.Index[string](lines, 0)
		sum := wf.JSONPath[float64](order, "$.sum")
		rate := wf.As[float64](t.Execute("rate-of", city))
		t.Execute("ship", first, sum.Mul(rate), wf.Lit(int64(1)))
	}))
	// Output: entrypoint: 0-entrypoint-ENTRYPOINT 1-rate-of-TASK 2-ship-TASK 3-exit-EXIT
}

// The operations that older WfSpecs do to variables. Set with an expression does the same.
func ExampleMutate() {
	show(wf.New("counts", func(t *wf.Thread) {
		n := wf.Declare[int64](t, "n").Default(1)
		list := wf.Declare[[]any](t, "list")
		byName := wf.Declare[map[string]any](t, "by-name")
		for _, op := range []wf.Operation{wf.OpAssign, wf.OpAdd, wf.OpSubtract, wf.OpMultiply, wf.OpDivide, wf.OpPow} {
			wf.Mutate(t, n, op, 2)
		}
		wf.Mutate(t, list, wf.OpExtend, "a")
		wf.Mutate(t, list, wf.OpRemoveIfPresent, "b")
		wf.Mutate(t, list, wf.OpRemoveIndex, 0)
		wf.Mutate(t, byName, wf.OpRemoveKey, "c")
		t.Execute("report", n)
	}))
	// Output: entrypoint: 0-entrypoint-ENTRYPOINT 1-report-TASK 2-exit-EXIT
}

// What a variable is to the outside: found by its value, seen by children, hidden from readers.
func ExampleVar() {
	show(wf.New("customer", func(t *wf.Thread) {
		wf.Declare[string](t, "number").Required().Searchable().Public()
		wf.Declare[map[string]any](t, "address").SearchableOn("$.city").SearchableOn("$.age", lhpb.VariableType_INT)
		wf.Declare[string](t, "card").Masked()
		wf.Declare[int64](t, "tries").Default(3)
	}))
	show(wf.New("visit", func(t *wf.Thread) {
		number := wf.Declare[string](t, "number").Inherited()
		t.Execute("greet", number)
	}, wf.Parent("customer", 0)))
	// Output:
	// entrypoint: 0-entrypoint-ENTRYPOINT 1-exit-EXIT
	// entrypoint: 0-entrypoint-ENTRYPOINT 1-greet-TASK 2-exit-EXIT
}

// Choices for a whole workflow.
func ExampleNew() {
	w := wf.New("import", func(t *wf.Thread) {
		t.Retention(time.Hour) // of this thread alone
		t.Execute("read-file")
		t.Execute("write-rows").Retries(9).Timeout(10 * time.Minute)
	},
		wf.Retention(30*24*time.Hour), wf.DefaultThreadRetention(24*time.Hour), wf.DefaultTimeout(time.Minute),
		wf.DefaultRetries(3, wf.Backoff{Base: time.Second, Max: time.Minute, Multiplier: 2}),
		wf.AllowedUpdates(lhpb.AllowedUpdateType_MINOR_REVISION_UPDATES),
	)
	spec, err := w.Compile()
	fmt.Println(w.Name(), spec.ThreadSpecs["entrypoint"].Nodes["1-read-file-TASK"].GetTask().GetRetries(), err)
	// Output: import 3 <nil>
}

// What is registered with a workflow: the events that it knows by type, and itself.
func ExampleWorkflow_PutRequests() {
	requests, err := wf.New("invoice", func(t *wf.Thread) {
		wf.Event[float64](t, "payment")
		wf.Throw(t, "paid", wf.Lit("thank you"))
	}).PutRequests()
	for _, r := range requests {
		fmt.Println(r.ProtoReflect().Descriptor().Name())
	}
	fmt.Println(err)
	// Output:
	// PutExternalEventDefRequest
	// PutWorkflowEventDefRequest
	// PutWfSpecRequest
	// <nil>
}

// For WfSpecs that were registered from the official Go SDK.
func ExampleNamesLikeGo() {
	show(wf.New("old", func(t *wf.Thread) {
		t.WaitAll(t.Spawn("child", func(c *wf.Thread) { c.Execute("work") }))
	}, wf.NamesLikeGo()))
	// Output:
	// child: 0-entrypoint-ENTRYPOINT 1-work-TASK 2-exit-EXIT
	// entrypoint: 0-entrypoint-ENTRYPOINT 1-child-SPAWN_THREAD 2-threads-WAIT_FOR_THREADS 3-exit-EXIT
}

func ExampleThread_Sleep() {
	show(wf.New("reminder", func(t *wf.Thread) {
		pause := wf.Declare[int64](t, "pause").Required()
		due := wf.Declare[time.Time](t, "due").Required()
		t.Sleep(24 * time.Hour)
		t.SleepFor(pause) // seconds
		t.SleepUntil(due)
		t.Execute("remind")
	}))
	// Output: entrypoint: 0-entrypoint-ENTRYPOINT 1-sleep-SLEEP 2-sleep-SLEEP 3-sleep-SLEEP 4-remind-TASK 5-exit-EXIT
}

// A thread may end early, well or not.
func ExampleThread_Complete() {
	show(wf.New("lookup", func(t *wf.Thread) {
		found := wf.Declare[string](t, "found")
		found.Set(t.Execute("look-here"))
		t.If(found.Ne(""), func(t *wf.Thread) { t.Complete(found) })
		t.Fail("not-found", "it is nowhere")
	}))
	// Output: entrypoint: 0-entrypoint-ENTRYPOINT 1-look-here-TASK 2-nop-NOP 3-complete-EXIT 4-nop-NOP 5-not-found-EXIT
}

// Of a race the first counts, and the others are halted: WaitFirst takes whoever ends first, WaitAny whoever completes.
func ExampleThread_WaitAny() {
	show(wf.New("quote", func(t *wf.Thread) {
		ask := func(whom string) *wf.SpawnedThread {
			return t.Spawn(whom, func(c *wf.Thread) { c.Execute("ask-" + c.Name()) })
		}
		t.WaitAny(ask("berlin"), ask("paris")).
			OnAnyChildException(func(h *wf.Thread) { h.Execute("note") }).
			OnChildError(wf.Timeout, func(h *wf.Thread) { h.Execute("call") })
		t.WaitFirst(ask("rome"), ask("oslo")).OnAnyChildError(func(h *wf.Thread) { h.Execute("call") })
		t.WaitAll(ask("prague")).OnChildFailure(func(h *wf.Thread) { h.Execute("give-up") })
	}))
	// Output:
	// berlin: 0-entrypoint-ENTRYPOINT 1-ask-berlin-TASK 2-exit-EXIT
	// entrypoint: 0-entrypoint-ENTRYPOINT 1-berlin-START_THREAD 2-paris-START_THREAD 3-threads-WAIT_FOR_THREADS 4-rome-START_THREAD 5-oslo-START_THREAD 6-threads-WAIT_FOR_THREADS 7-prague-START_THREAD 8-threads-WAIT_FOR_THREADS 9-exit-EXIT
	// error-handler-3-threads-WAIT_FOR_THREADS-TIMEOUT: 0-entrypoint-ENTRYPOINT 1-call-TASK 2-exit-EXIT
	// error-handler-6-threads-WAIT_FOR_THREADS: 0-entrypoint-ENTRYPOINT 1-call-TASK 2-exit-EXIT
	// exn-handler-3-threads-WAIT_FOR_THREADS: 0-entrypoint-ENTRYPOINT 1-note-TASK 2-exit-EXIT
	// failure-handler-8-threads-WAIT_FOR_THREADS-ANY_FAILURE: 0-entrypoint-ENTRYPOINT 1-give-up-TASK 2-exit-EXIT
	// oslo: 0-entrypoint-ENTRYPOINT 1-ask-oslo-TASK 2-exit-EXIT
	// paris: 0-entrypoint-ENTRYPOINT 1-ask-paris-TASK 2-exit-EXIT
	// prague: 0-entrypoint-ENTRYPOINT 1-ask-prague-TASK 2-exit-EXIT
	// rome: 0-entrypoint-ENTRYPOINT 1-ask-rome-TASK 2-exit-EXIT
}

func ExampleThread_RunChild() {
	show(wf.New("house", func(t *wf.Thread) {
		city := wf.Declare[string](t, "city").Required()
		permit := t.RunChild("permit", wf.In{"city": city}).MajorVersion(2).ID(wf.Format("permit-of-{0}", city))
		wf.WaitChild[wf.None](t, permit).OnException("refused", func(h *wf.Thread) { h.Fail("no-house", "no permit") })
	}))
	// Output:
	// entrypoint: 0-entrypoint-ENTRYPOINT 1-run-permit-RUN_CHILD_WF 2-wait-WAIT_FOR_CHILD_WF 3-exit-EXIT
	// exn-handler-2-wait-WAIT_FOR_CHILD_WF-refused: 0-entrypoint-ENTRYPOINT 1-no-house-EXIT
}

// A time limit that the run knows, a key that nobody reads, and a definition that somebody else registers.
func ExampleEventNode_TimeoutSeconds() {
	show(wf.New("claim", func(t *wf.Thread) {
		number := wf.Declare[string](t, "number").Required().Masked()
		patience := wf.Declare[int64](t, "patience").Default(3600)
		proof := wf.Event[string](t, "proof", wf.External()).CorrelatedBy(number).MaskCorrelationKey().TimeoutSeconds(patience)
		t.Execute("check", proof)
	}))
	// Output: entrypoint: 0-entrypoint-ENTRYPOINT 1-proof-EXTERNAL_EVENT 2-check-TASK 3-exit-EXIT
}

// By name, for events whose definitions somebody else registers.
func ExampleThread_ThrowEvent() {
	show(wf.New("relay", func(t *wf.Thread) {
		t.OnInterrupt("nudge", func(h *wf.Thread) { h.Execute("note") })
		heard := t.WaitForEvent("heard")
		t.ThrowEvent("said", heard).OnAnyError(func(h *wf.Thread) { h.Execute("note") })
	}))
	// Output:
	// entrypoint: 0-entrypoint-ENTRYPOINT 1-heard-EXTERNAL_EVENT 2-throw-said-THROW_EVENT 3-exit-EXIT
	// exn-handler-2-throw-said-THROW_EVENT-FAILURE_TYPE_ERROR: 0-entrypoint-ENTRYPOINT 1-note-TASK 2-exit-EXIT
	// interrupt-nudge: 0-entrypoint-ENTRYPOINT 1-note-TASK 2-exit-EXIT
}

// A handler finds what it is called with in Input.
func ExampleInput() {
	show(wf.New("order", func(t *wf.Thread) {
		t.Execute("charge-card").OnException("card-declined", func(h *wf.Thread) {
			limit := wf.Input[float64](h)
			h.Execute("propose", limit)
		})
	}))
	// Output:
	// entrypoint: 0-entrypoint-ENTRYPOINT 1-charge-card-TASK 2-exit-EXIT
	// exn-handler-1-charge-card-TASK-card-declined: 0-entrypoint-ENTRYPOINT 1-propose-TASK 2-exit-EXIT
}

// A task of another language, of whose output the type is known.
func ExampleExecuteAs() {
	show(wf.New("rate", func(t *wf.Thread) {
		rate := wf.ExecuteAs[float64](t, "rate-of", "EUR")
		t.If(rate.Gt(1.1), func(t *wf.Thread) { t.Execute("sell") })
	}))
	// Output: entrypoint: 0-entrypoint-ENTRYPOINT 1-rate-of-TASK 2-nop-NOP 3-sell-TASK 4-nop-NOP 5-exit-EXIT
}

// Structs are built of the values that the run has by then; BuildStruct is for StructDefs that have no Go type.
func ExampleNewStruct() {
	show(wf.New("move", func(t *wf.Thread) {
		city := wf.Declare[string](t, "city").Required()
		t.Execute("send-card", wf.NewStruct[address](wf.In{"street": "Main St 1", "city": city}))
		parcel := wf.DeclareStruct(t, "parcel", "parcel", -1)
		parcel.Set(wf.BuildStruct("parcel", -1, wf.In{"weight": 3, "to": wf.In{"city": city}}))
	}))
	// Output: entrypoint: 0-entrypoint-ENTRYPOINT 1-send-card-TASK 2-exit-EXIT
}

// Notes, reminders, deadlines and cancellations of a user task.
func ExampleUserTaskNode() {
	const day = 24 * time.Hour
	show(wf.New("expense", func(t *wf.Thread) {
		who := wf.Declare[string](t, "who").Required()
		t.AssignUserTask("approve", wf.UserIn(who, "managers")).
			Notes(wf.Format("of {0}", who)).
			RemindAfterAssignment(day, "send-mail", who).
			ReassignAfter(2*day, wf.User("director")).
			ReleaseAfter(3 * day).
			CancelAfterAssignment(9 * day)
	}))
	// Output: entrypoint: 0-entrypoint-ENTRYPOINT 1-approve-USER_TASK 2-exit-EXIT
}

// The same with delays that the run knows, in seconds.
func ExampleUserTaskNode_RemindAfterSeconds() {
	show(wf.New("expense", func(t *wf.Thread) {
		hour := wf.Declare[int64](t, "hour").Default(3600)
		t.AssignUserTask("approve", wf.UserIn("ana", "managers")).
			RemindAfterSeconds(hour, "send-mail").
			RemindAfterAssignmentSeconds(hour, "send-mail").
			ReassignAfterSeconds(hour.Mul(2), wf.User("director")).
			ReleaseAfterSeconds(hour.Mul(3)).
			CancelAfterSeconds(hour.Mul(24)).
			CancelAfterAssignmentSeconds(hour.Mul(12))
	}))
	// Output: entrypoint: 0-entrypoint-ENTRYPOINT 1-approve-USER_TASK 2-exit-EXIT
}
