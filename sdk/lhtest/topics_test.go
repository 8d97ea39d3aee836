package lhtest_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/lhtest"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
)

// What the tour of sdk/worker does not come to, each from the program to what the server has made of it.

type engine struct {
	Cylinders int64 `lh:"cylinders"`
}

type car struct {
	Plate  string  `lh:"plate"`
	Engine engine  `lh:"engine"`
	Note   *string `lh:"note"`
}

func (engine) LHStruct() string { return "engine" }
func (car) LHStruct() string    { return "car" }

func TestStructs(t *testing.T) {
	t.Parallel()
	find := task.New1("find-car", func(_ context.Context, plate string) (car, error) {
		return car{Plate: plate, Engine: engine{Cylinders: 4}}, nil
	}, task.Params("plate"))
	tax := task.New1("tax-car", func(_ context.Context, c car) (int64, error) {
		if c.Note != nil {
			return 0, task.Exception("noted", "%s", *c.Note)
		}
		return 100 * c.Engine.Cylinders, nil
	}, task.Params("car"))
	w := wf.New("cars", func(t *wf.Thread) {
		plate := wf.Declare[string](t, "plate").Required()
		found := wf.Declare[car](t, "found")
		sum := wf.Declare[int64](t, "sum")
		found.Set(find.Do(t, plate))
		sum.Set(tax.Do(t, found))
		bigger := wf.Field[int64](found, "engine", "cylinders").Add(4)
		made := wf.NewStruct[car](wf.In{"plate": wf.Format("{0}-2", plate), "engine": wf.In{"cylinders": bigger}})
		found.Set(made)
		sum.Set(sum.Add(tax.Do(t, found)))
	})
	s := lhtest.Start(t, lh.StructDef[car](lhpb.StructDefCompatibilityType_FULLY_COMPATIBLE_SCHEMA_UPDATES), find, tax, w)
	run := s.Run("cars", lh.Input{"plate": "B-LH 1"})
	run.Completed(t)
	if got, sum := lhtest.Var[car](run, "found"), lhtest.Var[int64](run, "sum"); got.Plate != "B-LH 1-2" || got.Engine.Cylinders != 8 || got.Note != nil || sum != 1200 {
		t.Errorf("%+v, taxed with %d", got, sum)
	}
}

func TestArraysAndMaps(t *testing.T) {
	t.Parallel()
	total := task.New2("total", func(_ context.Context, list lh.Array[int64], prices lh.Map[string, float64]) (float64, error) {
		sum := 0.0
		for _, n := range list {
			sum += float64(n)
		}
		for _, price := range prices {
			sum += price
		}
		return sum, nil
	}, task.Params("list", "prices"))
	w := wf.New("collections", func(t *wf.Thread) {
		list := wf.Declare[lh.Array[int64]](t, "list").Default(lh.Array[int64]{1, 2})
		prices := wf.Declare[lh.Map[string, float64]](t, "prices").Required()
		first := wf.Declare[int64](t, "first")
		lamp := wf.Declare[float64](t, "lamp")
		sum := wf.Declare[float64](t, "sum")
		size := wf.Declare[int64](t, "size")
		list.Set(list.Append(3))
		first.Set(wf.Index[int64](list, 0))
		lamp.Set(wf.Field[float64](prices, "lamp"))
		prices.Set(prices.RemoveKey("chair"))
		size.Set(wf.Size(list))
		t.If(size.Eq(3), func(t *wf.Thread) { sum.Set(total.Do(t, list, prices)) })
	})
	s := lhtest.Start(t, total, w)
	run := s.Run("collections", lh.Input{"prices": lh.Map[string, float64]{"lamp": 12.5, "chair": 80}})
	run.Completed(t)
	if got := lhtest.Var[lh.Array[int64]](run, "list"); !slices.Equal(got, lh.Array[int64]{1, 2, 3}) {
		t.Errorf("list: %v", got)
	}
	if got := lhtest.Var[lh.Map[string, float64]](run, "prices"); !maps.Equal(got, lh.Map[string, float64]{"lamp": 12.5}) {
		t.Errorf("prices: %v", got)
	}
	if first, lamp, sum, size := lhtest.Var[int64](run, "first"), lhtest.Var[float64](run, "lamp"), lhtest.Var[float64](run, "sum"), lhtest.Var[int64](run, "size"); first != 1 || lamp != 12.5 || sum != 18.5 || size != 3 {
		t.Errorf("first %d, lamp %v, sum %v, size %d", first, lamp, sum, size)
	}
}

// A run below another one reads and sets the variables that it inherits.
func TestHierarchy(t *testing.T) {
	t.Parallel()
	customer := wf.New("customer", func(t *wf.Thread) {
		wf.Declare[string](t, "name").Required().Public()
		wf.Declare[int64](t, "visits").Default(0).Public()
		wf.Event[wf.None](t, "leaves")
	})
	visit := wf.New("visit", func(t *wf.Thread) {
		name := wf.Declare[string](t, "name").Inherited()
		visits := wf.Declare[int64](t, "visits").Inherited()
		visits.Set(visits.Add(1))
		t.Complete(greet.Do(t, name))
	}, wf.Parent("customer", 0))
	s := lhtest.Start(t, greet, customer, visit)
	parent := s.Run("customer", lh.Input{"name": "Ana"})
	for range 2 {
		child := s.Run("visit", nil, lh.WithParent(parent.ID))
		child.Completed(t)
		if got := lhtest.Output[string](child); got != "hello Ana" || child.ID.Parent() != parent.ID {
			t.Errorf("%s says %q", child.ID, got)
		}
	}
	if n := lhtest.Var[int64](parent, "visits"); n != 2 {
		t.Errorf("%d visits", n)
	}
	parent.Post("leaves", nil)
	parent.Completed(t)
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	w := wf.New("sums", func(t *wf.Thread) {
		n := wf.Declare[int64](t, "n").Default(7)
		f := wf.Declare[float64](t, "f").Default(2.5)
		list := wf.Declare[[]any](t, "list").Default([]any{"a", "b", "a"})
		doc := wf.Declare[map[string]any](t, "doc").Default(map[string]any{"x": map[string]any{"y": 3}, "z": 1})
		raw := wf.Declare[[]byte](t, "raw").Default([]byte("hi"))
		when := wf.Declare[time.Time](t, "when").Default(time.Unix(1_700_000_000, 0).UTC())
		text := wf.Declare[string](t, "text")
		ok := wf.Declare[bool](t, "ok")
		n.Set(n.Sub(1).Mul(3).Div(4).Pow(2)) // 16
		f.Set(f.Mul(n).Add(0.5))
		list.Set(list.Remove("a"))
		list.Set(list.Append("c"))
		doc.SetPath("$.x.y", n)
		doc.Set(doc.RemoveKey("z"))
		raw.Set(raw.Append([]byte("!")))
		text.Set(wf.Format("{0} {1}", wf.Cast[string](n), wf.JSONPath[int64](doc, "$.x.y")))
		in := wf.Or(text.In([]string{"16 16"}), wf.Not(n.Ne(16)))
		ok.Set(wf.And(in, list.NotContains("a"), f.Gt(40.0), when.Lt(time.Unix(1_800_000_000, 0))))
	})
	s := lhtest.Start(t, w)
	run := s.Run("sums", nil)
	run.Completed(t)
	if n, f := lhtest.Var[int64](run, "n"), lhtest.Var[float64](run, "f"); n != 16 || f != 40.5 {
		t.Errorf("n %d, f %v", n, f)
	}
	if got := lhtest.Var[[]string](run, "list"); !slices.Equal(got, []string{"b", "c"}) {
		t.Errorf("list %q", got)
	}
	if got := lhtest.Var[map[string]any](run, "doc"); len(got) != 1 {
		t.Errorf("doc %v", got)
	}
	if raw, text, ok := lhtest.Var[[]byte](run, "raw"), lhtest.Var[string](run, "text"), lhtest.Var[bool](run, "ok"); string(raw) != "hi!" || text != "16 16" || !ok {
		t.Errorf("raw %q, text %q, ok %v", raw, text, ok)
	}
}
