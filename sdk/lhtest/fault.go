package lhtest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/worker"
)

// EveryAttempt is the number that stands for all attempts.
const EveryAttempt = 0

// Attempt is what becomes of one attempt of a task, in every TaskRun, instead of what its function would make of it.
type Attempt struct {
	faults *faults
	of     attemptOf
}

type attemptOf struct {
	task   string
	number int // from 1, or EveryAttempt
}

// fault is called in place of the function.
type fault func(ctx context.Context, t *lhpb.ScheduledTask) (*lhpb.VariableValue, error)

// faults are what a test has in mind for the tasks.
type faults struct {
	mu       sync.Mutex
	planned  map[attemptOf]fault
	fakes    map[string]task.Task
	released chan struct{} // closed when nothing is to hang any more
}

func newFaults() *faults {
	return &faults{planned: map[attemptOf]fault{}, fakes: map[string]task.Task{}, released: make(chan struct{})}
}

// OnAttempt says what becomes of the n-th attempt of each TaskRun of a task, counted from 1; EveryAttempt is all of them.
// The last word counts.
func (s *Server) OnAttempt(task string, n int) *Attempt {
	return &Attempt{faults: s.faults, of: attemptOf{task, n}}
}

// Fail lets the attempt fail with a technical error: the task is tried again if it has retries left.
func (a *Attempt) Fail(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	a.plan(func(context.Context, *lhpb.ScheduledTask) (*lhpb.VariableValue, error) { return nil, err })
}

// Exception lets the attempt end in a business exception of that name.
func (a *Attempt) Exception(name, format string, args ...any) {
	err := lh.Exception(name, format, args...)
	a.plan(func(context.Context, *lhpb.ScheduledTask) (*lhpb.VariableValue, error) { return nil, err })
}

// Return lets the attempt succeed with the given output.
func (a *Attempt) Return(output any) {
	a.plan(func(context.Context, *lhpb.ScheduledTask) (*lhpb.VariableValue, error) {
		value, err := lh.Value(output)
		if err != nil {
			return nil, &task.OutputError{Err: err}
		}
		return value, nil
	})
}

// Hang lets the attempt never be reported, as if its worker had died: it ends by its timeout, once the clock gets there.
func (a *Attempt) Hang() { a.plan(nil) }

// Run lets the function of the task run again, after other words.
func (a *Attempt) Run() {
	a.faults.mu.Lock()
	defer a.faults.mu.Unlock()
	delete(a.faults.planned, a.of)
}

func (a *Attempt) plan(f fault) {
	a.faults.mu.Lock()
	defer a.faults.mu.Unlock()
	a.faults.planned[a.of] = f
}

func (f *faults) fake(t task.Task) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fakes[t.Name()] = t
}

// of is what is planned for an attempt; planned with a nil fault hangs.
func (f *faults) of(t *lhpb.ScheduledTask) (does fault, planned bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := t.GetTaskDefId().GetName()
	for _, number := range []int{int(t.AttemptNumber) + 1, EveryAttempt} {
		if does, planned = f.planned[attemptOf{name, number}]; planned {
			return does, true
		}
	}
	if other := f.fakes[name]; other != nil {
		return func(ctx context.Context, t *lhpb.ScheduledTask) (*lhpb.VariableValue, error) {
			return other.Invoke(ctx, t.Variables)
		}, true
	}
	return nil, false
}

// release ends what hangs.
func (f *faults) release() { close(f.released) }

func (f *faults) reopen() { f.released = make(chan struct{}) }

// errLost is what nobody hears: the report of an attempt that hung until the test was over.
var errLost = errors.New("the attempt hung until the end of the test")

// intercept stands before the functions of all tasks.
func (s *Server) intercept(next worker.Handler) worker.Handler {
	return func(ctx context.Context, t *lhpb.ScheduledTask) (*lhpb.VariableValue, error) {
		does, planned := s.faults.of(t)
		switch {
		case !planned:
			return next(ctx, t)
		case does != nil:
			return does(ctx, t)
		}
		if id := t.GetTaskRunId(); !s.real() {
			s.server.Clock().Lost(tenant, string(lh.RunIDOf(id.GetWfRunId())), id.GetTaskGuid(), t.AttemptNumber)
		}
		select {
		case <-s.faults.released:
		case <-ctx.Done():
		}
		return nil, errLost
	}
}
