package lhtest_test

import (
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	lh "littlehorse/sdk/client"
	"littlehorse/sdk/lhtest"
	"littlehorse/sdk/wf"
	"littlehorse/test/lhserver"
)

// runServer runs the product in a process of its own. It returns its port.
func runServer(t *testing.T) string {
	t.Helper()
	s := lhserver.New(t, t.TempDir())
	s.Start(t)
	_, port, err := net.SplitHostPort(s.API)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// thanks is a child whose task may be tried twice.
var thanks = wf.New("thanks", func(t *wf.Thread) {
	who := wf.Declare[string](t, "who").Required()
	t.Complete(greet.Do(t, who).Retries(1))
})

// guests have a form to fill in and are thanked.
var guests = wf.New("guests", func(t *wf.Thread) {
	who := wf.Declare[string](t, "who").Required()
	approveTrip.Assign(t, wf.User("bob"))
	wf.WaitChild[string](t, t.RunChild("thanks", wf.In{"who": who}))
})

// A test is the same in memory and on a running server, which is another process.
func TestTheSameTestOnARunningServer(t *testing.T) {
	port := runServer(t)
	for name, host := range map[string]string{"its own": "", "a running one": "127.0.0.1"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("LHC_API_HOST", host)
			t.Setenv("LHC_API_PORT", port)
			s := lhtest.Real(t, greet, approveTrip, thanks, guests)
			s.OnAttempt("greet", 1).Fail("nobody hears")
			run := s.Run("guests", lh.Input{"who": "ana"})
			run.At(t, "approve-trip")
			form := run.UserTask("approve-trip")
			form.AssignedTo(t, "bob", "")
			form.Complete("bob", approval{Approved: true})
			child := run.Child("run-thanks")
			run.Completed(t)
			run.Visited(t, "wait")
			if got, want := child.Attempts("greet"), []string{"TASK_FAILED", "TASK_SUCCESS"}; !slices.Equal(got, want) {
				t.Errorf("attempts: %v, not %v", got, want)
			}
			if got := lhtest.Output[string](child); got != "hello ana" {
				t.Errorf("it says %q", got)
			}
			s.Coverage().Complete(t, []string{"guests", "thanks"})
		})
	}
}

// What only a server of the test's own can do is a mistake on a running one.
func TestWhatARunningServerIsNotAskedFor(t *testing.T) {
	t.Setenv("LHC_API_HOST", "127.0.0.1")
	t.Setenv("LHC_API_PORT", runServer(t))
	for name, test := range map[string]func(t testing.TB){
		"has its clock moved":    func(t testing.TB) { lhtest.Real(t).Advance(time.Second) },
		"is restarted":           func(t testing.TB) { lhtest.Real(t).Restart() },
		"has a clock that skips": func(t testing.TB) { lhtest.StartWith(t, lhtest.Options{Real: true, AutoAdvance: true}) },
	} {
		if got := says(t, test); !strings.Contains(got, "only a server of the test's own "+name) {
			t.Errorf("%s: it says %q", name, got)
		}
	}
}
