package demo

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
)

// payment is what a bank says of one.
type payment struct {
	Reference string  `json:"reference"`
	Amount    float64 `json:"amount"`
}

// billing waits for payments, which find their invoices by number.
type billing struct {
	send *task.Task2[string, float64, wf.None]
	dun  *task.Task1[string, wf.None]
}

func newBilling() *billing {
	return &billing{
		send: task.New2("send-invoice", nothing2[string, float64], task.Params("number", "amount")),
		dun:  task.New1("send-reminder", nothing[string], task.Params("number")),
	}
}

func (b *billing) tasks() []task.Task { return []task.Task{b.send, b.dun} }

func (b *billing) before() []lh.Definition { return nil }

func (b *billing) definitions() []lh.Definition {
	return append(asDefinitions(b.tasks()), wf.New("invoice", func(t *wf.Thread) {
		number := wf.Declare[string](t, "number").Required().Searchable()
		amount := wf.Declare[float64](t, "amount").Required()
		due := wf.Declare[int64](t, "dueSeconds").Default(3600)
		state := wf.Declare[string](t, "state").Default("open").Searchable()

		b.send.Do(t, number, amount).Retries(2)
		paid := wf.Event[payment](t, "payment-received", wf.Correlated(time.Hour, true)).CorrelatedBy(number)
		paid.TimeoutSeconds(due).OnError(wf.Timeout, func(h *wf.Thread) {
			b.dun.Do(h, number)
			state.Set("overdue")
			h.Fail("invoice-overdue", "nobody has paid")
		})
		t.If(wf.Cast[float64](wf.JSONPath[float64](paid, "$.amount")).Ge(amount), func(*wf.Thread) {
			state.Set("paid")
		}).Else(func(*wf.Thread) {
			state.Set("paid in part")
		})
	}, wf.Retention(kept)))
}

// bill sends an invoice, and pays it unless that is zero.
func (d *day) bill(ctx context.Context, number string, amount, paid float64) error {
	in := lh.Input{"number": number, "amount": amount}
	if err := d.begin(ctx, "invoice", "invoice-"+number, in); err != nil || paid == 0 {
		return err
	}
	return d.paid(ctx, number, paid)
}

func (d *day) paid(ctx context.Context, number string, amount float64) error {
	content, err := lh.Value(payment{Reference: "transfer " + number, Amount: amount})
	if err != nil {
		return err
	}
	_, err = d.RPC().PutCorrelatedEvent(ctx, &lhpb.PutCorrelatedEventRequest{
		Key: number, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "payment-received"}, Content: content,
	})
	return unless(codes.AlreadyExists, err)
}

func (b *billing) open(ctx context.Context, d *day) error {
	for n := range 6 {
		paid := []float64{0, 120, 0, 140, 75, 160}[n]
		if err := d.bill(ctx, fmt.Sprintf("2026-%03d", n+1), float64(110+n*10), paid); err != nil {
			return err
		}
	}
	in := lh.Input{"number": "2025-999", "amount": 99.0, "dueSeconds": 1}
	if err := d.begin(ctx, "invoice", "invoice-2025-999", in); err != nil {
		return err
	}
	if err := d.paid(ctx, "2027-001", 10); err != nil { // nobody waits for it
		return err
	}
	return d.fails(ctx, "invoice-2025-999")
}

func (b *billing) next(ctx context.Context, d *day) error {
	amount := float64(20 + d.random.IntN(400))
	return d.bill(ctx, d.name("n"), amount, []float64{amount, amount, amount, amount / 2, 0}[d.random.IntN(5)])
}
