package lhtest_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	lh "littlehorse/sdk/client"
	"littlehorse/sdk/lhtest"
	"littlehorse/sdk/task"
	"littlehorse/sdk/usertask"
	"littlehorse/sdk/wf"
	"littlehorse/sdk/worker"
)

var (
	reserve = task.New1("reserve-stock", func(_ context.Context, sku string) (string, error) {
		return "reservation of " + sku, nil
	}, task.Params("sku"))
	release = task.New1("release-stock", func(context.Context, string) (wf.None, error) {
		return wf.None{}, nil
	}, task.Params("reservation"))
	charge = task.New2("charge-card", func(_ context.Context, card string, amount float64) (string, error) {
		if amount > 1000 {
			return "", lh.Exception("card-declined", "limit is 1000, asked for %.2f", amount)
		}
		return "paid with " + card, nil
	}, task.Params("card", "amount"))
	greet = task.New1("greet", func(ctx context.Context, name string) (string, error) {
		worker.Log(ctx).Info("greeting", "name", name)
		return "hello " + name, nil
	}, task.Params("name"))
)

// order holds the goods for two weeks, charges with backoff, and lets the customer send them back for two more.
var order = wf.New("order", func(t *wf.Thread) {
	sku := wf.Declare[string](t, "sku").Required()
	card := wf.Declare[string](t, "card").Required().Masked()
	amount := wf.Declare[float64](t, "amount").Required()
	reservation := wf.Declare[string](t, "reservation")
	state := wf.Declare[string](t, "state").Default("new")

	reservation.Set(reserve.Do(t, sku))
	t.Sleep(14 * 24 * time.Hour)
	charge.Do(t, card, amount).
		Timeout(time.Minute).
		Retries(3, wf.Backoff{Base: time.Hour, Max: 8 * time.Hour, Multiplier: 2}).
		OnException("card-declined", func(h *wf.Thread) {
			release.Do(h, reservation)
			h.Fail("order-refused", "the card was declined")
		}).
		OnError(wf.Timeout, func(h *wf.Thread) {
			release.Do(h, reservation)
			h.Fail("order-refused", "no answer from the bank")
		})
	state.Set("paid")
	wf.Event[string](t, "sent-back").Timeout(16*24*time.Hour).OnError(wf.Timeout, func(*wf.Thread) { state.Set("kept") })
	t.If(state.Ne("kept"), func(t *wf.Thread) {
		release.Do(t, reservation)
		state.Set("returned")
	})
})

func ordered(amount float64) lh.Input { return lh.Input{"sku": "a", "card": "4111", "amount": amount} }

func startShop(t testing.TB, o lhtest.Options) *lhtest.Server {
	return lhtest.StartWith(t, o, order, reserve, release, charge)
}

func TestAMonthPassesByItself(t *testing.T) {
	t.Parallel()
	s := startShop(t, lhtest.Options{AutoAdvance: true})
	begun := s.Now()
	run := s.Run("order", ordered(10))
	run.Completed(t)
	if got := lhtest.Var[string](run, "state"); got != "kept" {
		t.Errorf("the goods are %s", got)
	}
	if took := s.Now().Sub(begun); took != 30*24*time.Hour {
		t.Errorf("it took %s", took)
	}
}

func TestTimePassesByAdvanceAlone(t *testing.T) {
	t.Parallel()
	s := startShop(t, lhtest.Options{})
	run := s.Run("order", ordered(10))
	s.Advance(14*24*time.Hour - time.Second)
	run.At(t, "sleep")
	s.Advance(time.Second)
	run.At(t, "sent-back")
	run.Post("sent-back", "too small")
	run.Completed(t)
	if got := lhtest.Var[string](run, "state"); got != "returned" {
		t.Errorf("the goods are %s", got)
	}
	if got := run.Attempts("release-stock"); !slices.Equal(got, []string{"TASK_SUCCESS"}) {
		t.Errorf("released: %v", got)
	}
}

func TestABusinessException(t *testing.T) {
	t.Parallel()
	s := startShop(t, lhtest.Options{AutoAdvance: true})
	run := s.Run("order", ordered(5000))
	run.Excepted(t, "order-refused")
	run.Visited(t, "release-stock")
}

// Each attempt fails in its own way, and the pauses between them are those of the policy.
func TestFaultsOfAttempts(t *testing.T) {
	t.Parallel()
	s := startShop(t, lhtest.Options{AutoAdvance: true})
	s.OnAttempt("charge-card", 1).Fail("the bank is closed")
	s.OnAttempt("charge-card", 2).Hang()
	s.OnAttempt("charge-card", 3).Exception("card-declined", "not today")
	begun := s.Now()
	run := s.Run("order", ordered(10))
	run.Excepted(t, "order-refused")
	want := []string{"TASK_FAILED", "TASK_TIMEOUT", "TASK_EXCEPTION"}
	if got := run.Attempts("charge-card"); !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
	took := s.Now().Sub(begun)
	if want := 14*24*time.Hour + time.Hour + time.Minute + 2*time.Hour; took != want {
		t.Errorf("it took %s, not %s", took, want)
	}

	s.OnAttempt("charge-card", 1).Return("free of charge")
	run = s.Run("order", ordered(10))
	run.Completed(t)
}

func TestAFake(t *testing.T) {
	t.Parallel()
	s := startShop(t, lhtest.Options{AutoAdvance: true})
	s.Fake(task.New2("charge-card", func(context.Context, string, float64) (string, error) {
		return "", lh.Exception("card-declined", "never")
	}, task.Params("card", "amount")))
	s.Run("order", ordered(10)).Excepted(t, "order-refused")
}

func TestStateSurvivesARestart(t *testing.T) {
	t.Parallel()
	s := startShop(t, lhtest.Options{})
	run := s.Run("order", ordered(10))
	s.Advance(7 * 24 * time.Hour)
	before := s.Now()
	s.Restart()
	if !s.Now().Equal(before) {
		t.Errorf("it was %s and is %s", before, s.Now())
	}
	run.At(t, "sleep")
	s.Advance(7 * 24 * time.Hour)
	run.At(t, "sent-back")
}

type approval struct {
	Approved bool   `lh:"approved,required" label:"Approve?"`
	Comment  string `lh:"comment"`
}

var approveTrip = usertask.Define[approval]("approve-trip")

var trip = wf.New("trip", func(t *wf.Thread) {
	who := wf.Declare[string](t, "who").Required()
	approved := wf.Declare[bool](t, "approved")
	form := approveTrip.Assign(t, wf.UserIn("bob", "managers")).
		Notes(wf.Format("Trip of {0}", who)).
		RemindAfter(time.Hour, "greet", who).
		ReassignAfter(24*time.Hour, wf.User("ceo")).
		CancelAfter(72 * time.Hour).
		OnCancel("nobody-decided")
	form.OnException("nobody-decided", func(*wf.Thread) { approved.Set(false) })
	t.If(approved.Eq(nil), func(*wf.Thread) { approved.Set(wf.Field[bool](form, "approved")) })
})

func TestDeadlinesOfUserTasks(t *testing.T) {
	t.Parallel()
	s := lhtest.Start(t, trip, approveTrip, greet)
	run := s.Run("trip", lh.Input{"who": "ana"})
	run.At(t, "approve-trip")
	run.UserTask("approve-trip").AssignedTo(t, "bob", "managers")
	s.Advance(25 * time.Hour)
	run.UserTask("approve-trip").AssignedTo(t, "ceo", "")
	if got := run.Attempts("greet"); !slices.Equal(got, []string{"TASK_SUCCESS"}) {
		t.Errorf("reminders: %v", got)
	}
	run.UserTask("approve-trip").Complete("ceo", approval{Approved: true, Comment: "go"})
	run.Completed(t)
	if !lhtest.Var[bool](run, "approved") {
		t.Error("not approved")
	}

	run = s.Run("trip", lh.Input{"who": "eve"})
	s.Advance(72 * time.Hour)
	run.Completed(t)
	if lhtest.Var[bool](run, "approved") {
		t.Error("approved by nobody")
	}
}

// What no test has seen is told by name.
func TestCoverage(t *testing.T) {
	t.Parallel()
	coverage := lhtest.NewCoverage()
	s := startShop(t, lhtest.Options{AutoAdvance: true, Coverage: coverage})
	s.Run("order", ordered(10)).Completed(t)
	var report bytes.Buffer
	if err := s.Coverage().Report(&report); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"WfSpec order 0.0: nodes ", "handler exn-handler-3-charge-card-TASK-card-declined of entrypoint/3-charge-card-TASK",
		"node entrypoint/6-release-stock-TASK", "edge entrypoint/6-release-stock-TASK -> 7-nop-NOP",
	} {
		if !strings.Contains(report.String(), line) {
			t.Errorf("the report does not say %q:\n%s", line, report.String())
		}
	}

	s.Run("order", ordered(5000)).Excepted(t, "order-refused")
	s.OnAttempt("charge-card", lhtest.EveryAttempt).Hang()
	s.Run("order", ordered(10)).Excepted(t, "order-refused")
	s.OnAttempt("charge-card", lhtest.EveryAttempt).Run()
	run := s.Run("order", ordered(10))
	run.Post("sent-back", "too small")
	run.Completed(t)
	s.Coverage().Complete(t, []string{"order"})
}

// failing takes what a test says of itself.
type failing struct {
	testing.TB
	said []string
}

func (f *failing) Helper() {}

func (f *failing) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	panic(f)
}

func (f *failing) Errorf(format string, args ...any) {
	f.said = append(f.said, strings.TrimSpace(strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ")))
}

// says runs a test that fails, and gives what it says.
func says(t *testing.T, test func(t testing.TB)) string {
	t.Helper()
	f := &failing{TB: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(f) {
				panic(p)
			}
		}()
		test(f)
	}()
	if len(f.said) == 0 {
		t.Fatal("the test does not fail")
	}
	return strings.Join(f.said, "\n")
}

// What cannot come true by itself fails at once, and says why.
func TestWhatCannotComeTrueFailsAtOnce(t *testing.T) {
	t.Parallel()
	s := startShop(t, lhtest.Options{})
	run := s.Run("order", ordered(10))
	for name, one := range map[string]struct {
		test func(t testing.TB)
		want string
	}{
		"not there":     {func(t testing.TB) { run.At(t, "charge-card") }, `stands at ["2-sleep-SLEEP"], not at charge-card`},
		"time":          {func(t testing.TB) { run.Completed(t) }, "is RUNNING, not COMPLETED; it is 2024-01-01T00:00:00Z, and nothing happens before 2024-01-15"},
		"the whole run": {func(t testing.TB) { run.Completed(t) }, "attempt 1 TASK_SUCCESS"},
		"never visited": {func(t testing.TB) { run.Visited(t, "release-stock") }, "has not come to release-stock"},
	} {
		if got := says(t, one.test); !strings.Contains(got, one.want) {
			t.Errorf("%s: %q does not say %q", name, got, one.want)
		}
	}
}

// A task that nobody does is told as that.
func TestATaskWithoutWorker(t *testing.T) {
	t.Parallel()
	s := lhtest.StartWith(t, lhtest.Options{AutoAdvance: true})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	def, err := greet.PutTaskDef()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Client().RPC().PutTaskDef(ctx, def); err != nil {
		t.Fatal(err)
	}
	s.Register(wf.New("hello", func(t *wf.Thread) { t.Execute("greet", "ana") }))
	run := s.Run("hello", nil)
	if got := says(t, func(t testing.TB) { run.Completed(t) }); !strings.Contains(got, "a task waits for a worker") {
		t.Error(got)
	}
}

// aTest is a testing.TB whose cleanups run when it is over.
type aTest struct {
	testing.TB
	after []func()
}

func (t *aTest) Cleanup(f func()) { t.after = append(t.after, f) }

func (t *aTest) over() {
	for _, f := range slices.Backward(t.after) {
		f()
	}
}

// BenchmarkStart is a server with a worker of three tasks, until it is ready.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		one := &aTest{TB: b}
		startShop(one, lhtest.Options{})
		b.StopTimer()
		one.over()
		b.StartTimer()
	}
}

// BenchmarkAMonth is a harness test of a workflow of 30 days, from the start of the server to its end.
func BenchmarkAMonth(b *testing.B) {
	for b.Loop() {
		one := &aTest{TB: b}
		s := startShop(one, lhtest.Options{AutoAdvance: true})
		s.Run("order", ordered(10)).Completed(b)
		one.over()
	}
}
