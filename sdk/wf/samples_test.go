package wf_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"

	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/samples as the builder does it now")

type payment struct {
	Reference string  `json:"reference"`
	Amount    float64 `json:"amount"`
}

type line struct {
	SKU string `json:"sku"`
	Qty int64  `json:"qty"`
}

type owner struct {
	Name string  `lh:"name"`
	Home address `lh:"home"`
}

type address struct {
	City string `lh:"city"`
}

func (owner) LHStruct() string   { return "owner" }
func (address) LHStruct() string { return "address" }

func nothing1[A, R any](context.Context, A) (r R, err error)       { return r, nil }
func nothing2[A, B, R any](context.Context, A, B) (r R, err error) { return r, nil }

var (
	greet   = task.New1("greet", nothing1[string, string], task.Params("name"))
	ship    = task.New2("ship", nothing2[string, int64, string], task.Params("sku", "quantity"))
	reserve = task.New1("reserve-stock", nothing1[string, string], task.Params("sku"))
	release = task.New1("release-stock", nothing1[string, wf.None], task.Params("reservation"))
	charge  = task.New2("charge-card", nothing2[string, float64, string], task.Params("card", "amount"))
	lookup  = task.New1("find-owner", nothing1[string, owner], task.Params("plate"))
)

// samples are the workflows that the SDK's design promises to be writable so.
var samples = []*wf.Workflow{
	wf.New("shipping", func(t *wf.Thread) {
		sku := wf.Declare[string](t, "sku").Required()
		ship.Do(t, sku, wf.Lit(int64(1))).
			Timeout(20*time.Second).
			Retries(4, wf.Backoff{Base: time.Second, Max: time.Minute, Multiplier: 2})
	}),
	wf.New("invoice", func(t *wf.Thread) {
		number := wf.Declare[string](t, "number").Required().Searchable()
		state := wf.Declare[string](t, "state").Default("open")
		reminders := wf.Declare[int64](t, "reminders").Default(0)

		wf.OnInterrupt(t, "invoice-reminded", func(h *wf.Thread, by *wf.Var[string]) {
			reminders.Set(reminders.Add(1))
			greet.Do(h, by)
		})

		paid := wf.Event[payment](t, "payment-received", wf.Correlated(time.Hour, true)).
			CorrelatedBy(number).
			Timeout(14*24*time.Hour).
			OnError(wf.Timeout, func(h *wf.Thread) {
				state.Set("overdue")
				h.Fail("invoice-overdue", "nobody paid")
			})
		t.If(wf.Field[float64](paid, "amount").Ge(100.0), func(*wf.Thread) {
			state.Set("paid-large")
		}).Else(func(*wf.Thread) {
			state.Set("paid")
		})
	}),
	wf.New("order", func(t *wf.Thread) {
		sku := wf.Declare[string](t, "sku").Required()
		card := wf.Declare[string](t, "card").Required().Masked()
		amount := wf.Declare[float64](t, "amount").Required()
		reservation := wf.Declare[string](t, "reservation")

		reservation.Set(reserve.Do(t, sku).Retries(3))
		charge.Do(t, card, amount).
			Retries(2).
			OnException("card-declined", func(h *wf.Thread) {
				release.Do(h, reservation)
				h.Fail("order-refused", "the card was declined")
			}).
			OnError(wf.Timeout, func(h *wf.Thread) {
				release.Do(h, reservation)
				h.Fail("order-refused", "no answer from the bank")
			})
	}, wf.DefaultRetries(1)),
	wf.New("fan-out", func(t *wf.Thread) {
		lines := wf.Declare[[]line](t, "lines").Required()
		log := wf.Declare[[]string](t, "log")

		audit := t.Spawn("audit", func(c *wf.Thread) {
			note := wf.Declare[string](c, "note")
			greet.Do(c, note)
		}, wf.In{"note": "started"})

		each := wf.ForEach(t, lines, "ship-line", func(c *wf.Thread, line *wf.Var[line]) {
			label := ship.Do(c, wf.Field[string](line, "sku"), wf.Field[int64](line, "qty"))
			log.Set(log.Append(label))
		})
		t.WaitAll(each).OnChildException("out-of-stock", func(h *wf.Thread) {
			greet.Do(h, wf.Lit("purchasing"))
		})
		t.WaitAll(audit)
	}),
	wf.New("poll", func(t *wf.Thread) {
		job := wf.Declare[string](t, "job").Required()
		status := wf.Declare[string](t, "status").Default("pending")
		tries := wf.Declare[int64](t, "tries").Default(0)

		t.While(wf.And(status.Eq("pending"), tries.Lt(10)), func(t *wf.Thread) {
			status.Set(t.Execute("job-status", job))
			tries.Set(tries.Add(1))
			t.If(status.Eq("pending"), func(t *wf.Thread) { t.Sleep(30 * time.Second) })
		})
		t.If(status.Eq("done"), func(t *wf.Thread) {
			greet.Do(t, job)
		}).ElseIf(status.Eq("failed"), func(t *wf.Thread) {
			t.Fail("job-failed", "the job reported failure")
		}).Else(func(t *wf.Thread) {
			t.Fail("job-too-slow", "gave up after ten polls")
		})
	}),
	wf.New("ticket", func(t *wf.Thread) {
		plate := wf.Declare[string](t, "plate").Required()
		car := wf.Declare[owner](t, "owner")
		car.Set(lookup.Do(t, plate))
		greet.Do(t, wf.Field[string](car, "home", "city"))
		car.Set(wf.NewStruct[owner](wf.In{"name": plate, "home": wf.NewStruct[address](wf.In{"city": "London"})}))
	}),
	wf.New("logic", func(t *wf.Thread) {
		a := wf.Declare[bool](t, "a")
		b := wf.Declare[bool](t, "b")
		n := wf.Declare[int64](t, "n")
		list := wf.Declare[[]int64](t, "list")
		t.If(wf.Not(wf.Or(a, n.Lt(1), wf.Not(b))), run("none"))
		t.DoWhile(func(t *wf.Thread) {
			t.Execute("once-at-least")
			n.Set(n.Sub(1))
		}, wf.And(a, n.Gt(0)))
		list.Set(list.Append(n))
		n.Set(wf.Size(list))
		t.WaitUntil(list.Contains(n))
		t.SleepUntil(wf.As[time.Time](t.Execute("when")))
		t.Complete(n)
	}),
	wf.New("spawn-like-go", func(t *wf.Thread) {
		t.WaitAll(t.Spawn("kid", run("a")))
	}, wf.NamesLikeGo(), wf.Parent("elder", 0)),
}

func TestSamples(t *testing.T) {
	for _, w := range samples {
		t.Run(w.Name(), func(t *testing.T) {
			requests, err := w.PutRequests()
			if err != nil {
				t.Fatal(err)
			}
			var got bytes.Buffer
			for _, req := range requests {
				text, err := protojson.Marshal(req)
				if err != nil {
					t.Fatal(err)
				}
				if err := json.Indent(&got, text, "", "  "); err != nil {
					t.Fatal(err)
				}
				got.WriteByte('\n')
			}
			path := "testdata/samples/" + w.Name() + ".json"
			if *rewrite {
				if err := os.WriteFile(path, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(want, got.Bytes()) {
				t.Errorf("%s differs (%v); it is now:\n%s", path, err, got.String())
			}
		})
	}
}
