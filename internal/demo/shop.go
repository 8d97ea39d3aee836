package demo

import (
	"context"
	"fmt"
	"sync"
	"time"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
	"littlehorse/sdk/worker"
)

// kept is how long a WfRun is kept after its end: what is begun for ever must not be kept for ever.
const kept = 6 * time.Hour

// Broken is a run that has failed for a reason that is gone: it can be rescued. Released waits for an event.
const (
	Broken   = "order-1042"
	Released = "order-1030"
)

// address is where a parcel goes.
type address struct {
	Street  string  `lh:"street"`
	City    string  `lh:"city"`
	Country *string `lh:"country"`
}

func (address) LHStruct() string { return "address" }

// inland is an address before parcels went abroad.
type inland struct {
	Street string `lh:"street"`
	City   string `lh:"city"`
}

func (inland) LHStruct() string { return "address" }

// shop sells things: a saga that takes back what it did when the card is declined.
type shop struct {
	reserve, track   *task.Task1[string, string]
	release, pick    *task.Task1[string, wf.None]
	charge           *task.Task2[string, float64, string]
	ship             *task.Task2[string, address, string]
	notify, giftWrap *task.Task2[string, string, wf.None]

	carrier outage
}

// outage lets the first attempts for some runs fail.
type outage struct {
	mu    sync.Mutex
	left  map[lh.RunID]int
	first int
}

// strikes reports whether an attempt is to fail.
func (o *outage) strikes(id lh.RunID) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.left == nil || len(o.left) > 1000 {
		o.left = map[lh.RunID]int{}
	}
	left, known := o.left[id]
	if !known {
		left = o.first
	}
	o.left[id] = max(0, left-1)
	return left > 0
}

// stormy is a city that no parcel reaches at first.
const stormy = "Tórshavn"

func newShop() *shop {
	s := &shop{carrier: outage{first: 3}}
	s.reserve = task.New1("reserve-stock", func(_ context.Context, customer string) (string, error) {
		return fmt.Sprintf("shelf %d", 1+len(customer)%9), nil
	}, task.Params("customer"), task.Describe("Puts the items of an order aside."))
	s.release = task.New1("release-stock", nothing[string], task.Params("reservation"), task.Describe("Gives back what was put aside."))
	s.pick = task.New1("pick-item", nothing[string], task.Params("item"))
	s.charge = task.New2("charge-card", func(ctx context.Context, _ string, total float64) (string, error) {
		worker.Log(ctx).Info("asking the bank", "total", total)
		if total > 2000 {
			return "", task.ExceptionWith("card-declined", total, "the limit of the card is 2000, asked for %.2f", total)
		}
		return fmt.Sprintf("receipt for %.2f", total), nil
	}, task.Params("card", "total"), task.Masked("card"))
	s.ship = task.New2("ship-parcel", func(ctx context.Context, order string, to address) (string, error) {
		if to.City == stormy && s.carrier.strikes(worker.From(ctx).WfRunID) {
			return "", fmt.Errorf("the carrier does not answer: connection refused by 10.0.4.17:8443\n  at Carrier.book (carrier.go:117)\n  at ship (shop.go:42)")
		}
		return "parcel of " + order, nil
	}, task.Params("order", "to"))
	s.track = task.New1("track-parcel", func(_ context.Context, parcel string) (string, error) { return parcel + " is under way", nil }, task.Params("parcel"))
	s.giftWrap = task.New2("wrap-gift", nothing2[string, string], task.Params("order", "paper"))
	s.notify = task.New2("notify-customer", nothing2[string, string], task.Params("customer", "text"), task.Describe("Writes to a customer."))
	return s
}

func nothing[A any](context.Context, A) (wf.None, error)        { return wf.None{}, nil }
func nothing2[A, B any](context.Context, A, B) (wf.None, error) { return wf.None{}, nil }

func (s *shop) tasks() []task.Task {
	return []task.Task{s.reserve, s.release, s.pick, s.charge, s.ship, s.track, s.giftWrap, s.notify}
}

func (s *shop) before() []lh.Definition {
	return append(asDefinitions(s.tasks()), lh.StructDef[inland](evolving), lh.StructDef[address](evolving), s.order(false))
}

func (s *shop) definitions() []lh.Definition {
	return append(asDefinitions(s.tasks()), lh.StructDef[address](evolving), s.order(true))
}

const evolving = lhpb.StructDefCompatibilityType_FULLY_COMPATIBLE_SCHEMA_UPDATES

func asDefinitions(tasks []task.Task) (out []lh.Definition) {
	for _, t := range tasks {
		out = append(out, t)
	}
	return out
}

// order is the workflow, as it is now or as it was before gifts could be wrapped.
func (s *shop) order(gifts bool) *wf.Workflow {
	return wf.New("order", func(t *wf.Thread) {
		customer := wf.Declare[string](t, "customer").Required().Searchable()
		items := wf.Declare[[]string](t, "items").Required()
		total := wf.Declare[float64](t, "total").Required().Searchable()
		card := wf.Declare[string](t, "card").Masked()
		to := wf.Declare[address](t, "address")
		reservation := wf.Declare[string](t, "reservation")
		parcel := wf.Declare[string](t, "parcel")
		looks := wf.Declare[int64](t, "looks").Default(0)

		reservation.Set(s.reserve.Do(t, customer).Retries(2))
		charged := s.charge.Do(t, card, total)
		charged.Retries(2).OnException("card-declined", func(h *wf.Thread) {
			s.release.Do(h, reservation)
			h.Fail("order-refused", "the card was declined")
		})
		t.If(total.Gt(500.0), func(t *wf.Thread) {
			wf.Event[string](t, "order-released").Timeout(2 * time.Hour)
		})
		t.WaitAll(wf.ForEach(t, items, "pick", func(c *wf.Thread, item *wf.Var[string]) {
			s.pick.Do(c, item)
		}))
		if gifts {
			gift := wf.Declare[string](t, "gift").Default("")
			t.If(gift.Ne(""), func(t *wf.Thread) { s.giftWrap.Do(t, reservation, gift) })
		}
		parcel.Set(s.ship.Do(t, customer, to).Retries(2))
		t.While(looks.Lt(3), func(t *wf.Thread) {
			s.track.Do(t, parcel)
			looks.Set(looks.Add(1))
		})
		s.notify.Do(t, customer, parcel)
	}, wf.Retention(kept))
}

var (
	goods   = []string{"lamp", "desk", "chair", "kettle", "bicycle", "tent", "globe", "clock"}
	streets = []string{"Rua do Sol 4", "Storgatan 12", "Marina Road 7", "Hlavní 33", "Bağdat Caddesi 90"}
	cities  = []string{"Lisboa", "Malmö", "Lagos", "Praha", "İstanbul"}
	land    = "EU"
)

// buy is what somebody orders.
func (d *day) buy(total float64, city string) lh.Input {
	var items []string
	for range 1 + d.random.IntN(3) {
		items = append(items, one(d, goods))
	}
	return lh.Input{
		"customer": one(d, people), "items": items, "total": total, "card": "4111 1111 1111 1111",
		"address": address{Street: one(d, streets), City: city, Country: &land},
	}
}

func (s *shop) open(ctx context.Context, d *day) error {
	first := d.buy(80, cities[0])
	if err := d.begin(ctx, "order", "order-1000", first, lh.WithVersion(0, 0)); err != nil {
		return err
	}
	for n := range 20 {
		if err := d.begin(ctx, "order", fmt.Sprintf("order-%d", 1001+n), d.buy(float64(20+n*9), one(d, cities))); err != nil {
			return err
		}
	}
	for n := range 3 {
		if err := d.begin(ctx, "order", fmt.Sprintf("order-%d", 1030+n), d.buy(float64(600+n*75), one(d, cities))); err != nil {
			return err
		}
	}
	if err := d.begin(ctx, "order", "order-1040", d.buy(2400, cities[1])); err != nil {
		return err
	}
	if err := d.begin(ctx, "order", Broken, d.buy(120, stormy)); err != nil {
		return err
	}
	for _, id := range []lh.RunID{"order-1040", Broken} {
		if err := d.fails(ctx, id); err != nil {
			return err
		}
	}
	return d.reaches(ctx, Released, func(n *lhpb.NodeRun) bool { return n.GetExternalEvent() != nil })
}

func (s *shop) next(ctx context.Context, d *day) error {
	total, city := 15+float64(d.random.IntN(600)), one(d, cities)
	switch d.random.IntN(20) {
	case 0:
		total = 2400
	case 1:
		city = stormy
	}
	return d.begin(ctx, "order", d.name("order"), d.buy(total, city))
}
