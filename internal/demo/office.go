package demo

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
)

// Asked is an expense that nobody has taken yet, Taken one that Ana has.
const (
	Asked = "expense-lunch"
	Taken = "expense-train"
)

// office has people who decide: expenses are approved by the group of finance, and by the managers when it takes long.
type office struct {
	remind *task.Task1[string, wf.None]
	pay    *task.Task2[string, float64, string]
	tell   *task.Task2[string, string, wf.None]
}

func newOffice() *office {
	return &office{
		remind: task.New1("remind-approver", nothing[string], task.Params("employee")),
		pay: task.New2("pay-expense", func(_ context.Context, employee string, amount float64) (string, error) {
			return fmt.Sprintf("%.2f paid to %s", amount, employee), nil
		}, task.Params("employee", "amount")),
		tell: task.New2("tell-employee", nothing2[string, string], task.Params("employee", "text")),
	}
}

// form is a UserTaskDef.
type form struct{ put *lhpb.PutUserTaskDefRequest }

func (f form) PutRequests() ([]proto.Message, error) { return []proto.Message{f.put}, nil }

func field(name, label, help string, kind lhpb.VariableType, required bool) *lhpb.UserTaskField {
	return &lhpb.UserTaskField{Name: name, DisplayName: label, Description: &help, Type: kind, Required: required}
}

// approval is the form by which an expense is approved.
func approval(more ...*lhpb.UserTaskField) form {
	about := "Decide whether the company pays."
	fields := append([]*lhpb.UserTaskField{
		field("approved", "Approved", "Does the company pay?", lhpb.VariableType_BOOL, true),
		field("reason", "Reason", "What the employee is told.", lhpb.VariableType_STR, false),
	}, more...)
	return form{&lhpb.PutUserTaskDefRequest{Name: "expense-approval", Description: &about, Fields: fields}}
}

func (o *office) tasks() []task.Task { return []task.Task{o.remind, o.pay, o.tell} }

func (o *office) before() []lh.Definition { return []lh.Definition{approval()} }

func (o *office) definitions() []lh.Definition {
	return append(asDefinitions(o.tasks()), approval(
		field("amount", "Amount", "How much of it, in euros.", lhpb.VariableType_DOUBLE, true),
		field("costCenter", "Cost centre", "Six digits.", lhpb.VariableType_INT, false),
		field("payOn", "Pay on", "At once if it is empty.", lhpb.VariableType_TIMESTAMP, false),
		field("receipt", "Receipt", "The file, if there is one.", lhpb.VariableType_BYTES, false),
		field("trip", "Trip", "The run of the trip it belongs to.", lhpb.VariableType_WF_RUN_ID, false),
	), o.expense())
}

func (o *office) expense() *wf.Workflow {
	return wf.New("expense", func(t *wf.Thread) {
		employee := wf.Declare[string](t, "employee").Required().Searchable()
		amount := wf.Declare[float64](t, "amount").Required()
		purpose := wf.Declare[string](t, "purpose").Required()
		verdict := wf.Declare[map[string]any](t, "verdict").SearchableOn("$.approved", lhpb.VariableType_BOOL)

		asked := t.AssignUserTask("expense-approval", wf.Group("finance")).
			Notes(wf.Format("{0} asks for {1} euros: {2}", employee, amount, purpose)).
			RemindAfter(30*time.Minute, "remind-approver", employee).
			ReassignAfter(2*time.Hour, wf.Group("managers")).
			CancelAfter(24 * time.Hour).
			OnCancel("expense-withdrawn")
		asked.OnException("expense-withdrawn", func(h *wf.Thread) {
			o.tell.Do(h, employee, wf.Lit("nobody has decided"))
			h.Fail("expense-refused", "nobody has decided")
		})
		verdict.Set(asked)
		t.If(wf.JSONPath[bool](verdict, "$.approved").Eq(true), func(t *wf.Thread) {
			o.pay.Do(t, employee, amount).Retries(2)
		}).Else(func(t *wf.Thread) {
			o.tell.Do(t, employee, wf.Lit("it is not paid"))
		})
	}, wf.Retention(kept))
}

func (o *office) open(ctx context.Context, d *day) error {
	for n, what := range []string{"lunch", "train", "hotel", "books", "taxi"} {
		id := lh.RunID("expense-" + what)
		in := lh.Input{"employee": people[n], "amount": float64(18 + n*27), "purpose": what}
		if err := d.begin(ctx, "expense", string(id), in); err != nil {
			return err
		}
		if err := d.reaches(ctx, id, func(n *lhpb.NodeRun) bool { return n.GetUserTask() != nil }); err != nil {
			return err
		}
	}
	if err := d.assign(ctx, Taken, "ana"); err != nil {
		return err
	}
	if _, err := d.RPC().PutUserTaskRunComment(ctx, &lhpb.PutUserTaskRunCommentRequest{
		UserTaskRunId: formOf(Taken), UserId: "ana", Comment: "The receipt is missing.",
	}); err != nil {
		return err
	}
	if err := d.decide(ctx, "expense-hotel", "bo", true); err != nil {
		return err
	}
	return d.decide(ctx, "expense-books", "bo", false)
}

// formOf is the UserTaskRun of an expense: its approval is the first node.
func formOf(id lh.RunID) *lhpb.UserTaskRunId {
	return &lhpb.UserTaskRunId{WfRunId: id.Proto(), UserTaskGuid: "0-1"}
}

func (d *day) assign(ctx context.Context, id lh.RunID, user string) error {
	group := "finance"
	_, err := d.RPC().AssignUserTaskRun(ctx, &lhpb.AssignUserTaskRunRequest{UserTaskRunId: formOf(id), UserId: &user, UserGroup: &group})
	return err
}

func (d *day) decide(ctx context.Context, id lh.RunID, user string, approved bool) error {
	_, err := d.RPC().CompleteUserTaskRun(ctx, &lhpb.CompleteUserTaskRunRequest{
		UserTaskRunId: formOf(id), UserId: user,
		Results: map[string]*lhpb.VariableValue{
			"approved": {Value: &lhpb.VariableValue_Bool{Bool: approved}},
			"amount":   {Value: &lhpb.VariableValue_Double{Double: 72}},
		},
	})
	return err
}

func (o *office) next(ctx context.Context, d *day) error {
	id := lh.RunID(d.name("expense"))
	in := lh.Input{"employee": one(d, people), "amount": float64(5 + d.random.IntN(300)), "purpose": one(d, []string{"lunch", "train", "hotel", "books"})}
	if err := d.begin(ctx, "expense", string(id), in); err != nil {
		return err
	}
	if d.random.IntN(8) == 0 {
		return nil // for people to decide
	}
	if err := d.reaches(ctx, id, func(n *lhpb.NodeRun) bool { return n.GetUserTask() != nil }); err != nil {
		return err
	}
	return d.decide(ctx, id, one(d, []string{"ana", "bo"}), d.random.IntN(4) > 0)
}
