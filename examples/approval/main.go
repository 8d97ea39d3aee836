// Command approval lets people decide about expenses. Who takes long is reminded, who takes longer loses the task to
// somebody else, and an expense that nobody wants any more is withdrawn.
package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"littlehorse/examples/internal/stage"
	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/usertask"
	"littlehorse/sdk/wf"
	"littlehorse/sdk/worker"
)

// verdict is what an approver fills in.
type verdict struct {
	Approved bool   `lh:"approved,required" label:"Approved"`
	Reason   string `lh:"reason" label:"Reason"`
}

var form = usertask.Define[verdict]("approval-form")

// approval is the workflow, with days of any length.
func approval(name string, day time.Duration) *wf.Workflow {
	return wf.New(name, func(t *wf.Thread) {
		employee := wf.Declare[string](t, "employee").Required().Searchable()
		purpose := wf.Declare[string](t, "purpose").Required()
		approver := wf.Declare[string](t, "approver").Required()
		decision := wf.Declare[map[string]any](t, "decision")

		decided := form.Assign(t, wf.UserIn(approver, "managers")).
			Notes(wf.Format("{0} asks for {1}", employee, purpose)).
			RemindAfter(day, remind.Name(), purpose).
			ReassignAfter(3*day, wf.User("director")).
			CancelAfter(90 * day).
			OnCancel("withdrawn")
		decided.OnException("withdrawn", func(h *wf.Thread) {
			tell.Do(h, employee, wf.Lit("nobody has decided"))
			h.Fail("withdrawn", "nobody has decided")
		})
		decision.Set(decided)
		t.If(wf.JSONPath[bool](decision, "$.approved").Eq(true), func(t *wf.Thread) {
			tell.Do(t, employee, wf.Lit("approved"))
		}).Else(func(t *wf.Thread) {
			tell.Do(t, employee, wf.JSONPath[string](decision, "$.reason"))
		})
	})
}

var (
	expense = approval("approval", 24*time.Hour)
	hurried = approval("approval-hurried", time.Second)
)

var (
	remind = task.New1("approval-remind", func(ctx context.Context, purpose string) (wf.None, error) {
		mail.send(worker.From(ctx).UserID, "please decide about "+purpose)
		return wf.None{}, nil
	}, task.Params("purpose"))
	tell = task.New2("approval-tell", func(_ context.Context, employee, text string) (wf.None, error) {
		mail.send(employee, text)
		return wf.None{}, nil
	}, task.Params("employee", "text"))
)

// mail is what people got.
var mail letters

type letters struct {
	mu   sync.Mutex
	sent []string
}

func (l *letters) send(to, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, fmt.Sprintf("    to %s: %s", to, text))
}

// some tells whether there are letters.
func (l *letters) some() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sent) > 0
}

// empty gives the letters, and forgets them.
func (l *letters) empty() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	sent := l.sent
	l.sent = nil
	return sent
}

var play = stage.Play{
	Tasks:       []task.Task{remind, tell},
	Definitions: []lh.Definition{form, expense, hurried},
	Story: func(ctx context.Context, s *stage.Stage) error {
		for _, scene := range []func(context.Context, *stage.Stage) (lh.RunID, error){approved, escalated, withdrawn} {
			id, err := scene(ctx, s)
			if err != nil {
				return err
			}
			end, err := s.End(ctx, id)
			if err != nil {
				return err
			}
			s.Say("WfRun %s\n    %s", id, end)
			for _, letter := range mail.empty() {
				s.Say("%s", letter)
			}
		}
		return nil
	},
}

// approved: the manager says yes.
func approved(ctx context.Context, s *stage.Stage) (lh.RunID, error) {
	id, err := ask(ctx, s, expense, "Ana", "a train ticket")
	if err != nil {
		return "", err
	}
	return id, decide(ctx, s, id, "manager", true, "")
}

// escalated: the manager is reminded, then the director, who has the task now, says no.
func escalated(ctx context.Context, s *stage.Stage) (lh.RunID, error) {
	id, err := ask(ctx, s, hurried, "Bo", "a helicopter")
	if err != nil {
		return "", err
	}
	if err := has(ctx, s, id, "director"); err != nil {
		return "", err
	}
	// The reminder is a task of its own: nothing waits for it but this.
	if err := s.Until(ctx, func() (bool, error) { return mail.some(), nil }); err != nil {
		return "", err
	}
	return id, decide(ctx, s, id, "director", false, "take the train")
}

// withdrawn: the task is called off before anybody has decided.
func withdrawn(ctx context.Context, s *stage.Stage) (lh.RunID, error) {
	id, err := ask(ctx, s, expense, "Cleo", "a new desk")
	if err != nil {
		return "", err
	}
	_, err = s.RPC().CancelUserTaskRun(ctx, &lhpb.CancelUserTaskRunRequest{UserTaskRunId: formOf(id)})
	return id, err
}

// ask starts the workflow and waits until there is a user task.
func ask(ctx context.Context, s *stage.Stage, w *wf.Workflow, employee, purpose string) (lh.RunID, error) {
	id, err := s.Run(ctx, w.Name(), lh.Input{"employee": employee, "purpose": purpose, "approver": "manager"})
	if err != nil {
		return "", err
	}
	s.Say("%s asks for %s", employee, purpose)
	return id, s.Until(ctx, func() (bool, error) {
		given, err := s.RPC().GetUserTaskRun(ctx, formOf(id))
		return given.GetUserId() != "", err
	})
}

// has waits until the user task has been given to a user.
func has(ctx context.Context, s *stage.Stage, id lh.RunID, user string) error {
	return s.Until(ctx, func() (bool, error) {
		given, err := s.RPC().GetUserTaskRun(ctx, formOf(id))
		return given.GetUserId() == user, err
	})
}

// decide fills in the form.
func decide(ctx context.Context, s *stage.Stage, id lh.RunID, user string, approved bool, reason string) error {
	results := map[string]*lhpb.VariableValue{
		"approved": {Value: &lhpb.VariableValue_Bool{Bool: approved}},
		"reason":   {Value: &lhpb.VariableValue_Str{Str: reason}},
	}
	_, err := s.RPC().CompleteUserTaskRun(ctx, &lhpb.CompleteUserTaskRunRequest{UserTaskRunId: formOf(id), UserId: user, Results: results})
	return err
}

// formOf is the user task of a WfRun: it stands at the first node of thread 0.
func formOf(id lh.RunID) *lhpb.UserTaskRunId {
	return &lhpb.UserTaskRunId{WfRunId: id.Proto(), UserTaskGuid: "0-1"}
}

func main() { play.Main() }
