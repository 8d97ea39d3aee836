package task_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
)

func inputs(t *testing.T, values ...any) []*lhpb.VarNameAndVal {
	t.Helper()
	var in []*lhpb.VarNameAndVal
	for _, v := range values {
		pb, err := lh.Value(v)
		if err != nil {
			t.Fatal(err)
		}
		in = append(in, &lhpb.VarNameAndVal{Value: pb})
	}
	return in
}

func TestTaskDefOfASignature(t *testing.T) {
	charge := task.New2("charge-card", func(_ context.Context, _ string, _ float64) (map[string]any, error) { return nil, nil },
		task.Params("card", "amount"), task.Masked("card"), task.MaskedResult(), task.Describe("takes money"))
	got, err := charge.PutTaskDef()
	if err != nil {
		t.Fatal(err)
	}
	var want lhpb.PutTaskDefRequest
	if err := prototext.Unmarshal([]byte(`
		name: "charge-card" description: "takes money"
		input_vars { name: "card" type_def { primitive_type: STR masked: true } }
		input_vars { name: "amount" type_def { primitive_type: DOUBLE } }
		return_type { return_type { primitive_type: JSON_OBJ masked: true } }`), &want); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(&want) {
		t.Errorf("%v\nwant %v", got, &want)
	}
	plain := task.Func("plain", func(string, int64) {})
	got, err = plain.PutTaskDef()
	if err != nil || got.InputVars[0].Name != "0-string" || got.InputVars[1].Name != "1-int64" || got.ReturnType == nil || got.ReturnType.ReturnType != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func TestMistakenTasks(t *testing.T) {
	f := func(context.Context, string) (wf.None, error) { return wf.None{}, nil }
	for want, one := range map[string]task.Task{
		"letters":                     task.New1("not a name", f),
		"2 names for 1 inputs":        task.New1("t", f, task.Params("a", "b")),
		`no input "b"`:                task.New1("t", f, task.Params("a"), task.Masked("b")),
		"signed":                      task.Func("t", func(uint) {}),
		"result":                      task.Func("t", func() chan int { return nil }),
		"made of a function":          task.Func("t", nil),
		"fixed number":                task.Func("t", func(...string) {}),
		"comes first":                 task.Func("t", func(string, context.Context) {}),
		"a value, an error, or a val": task.Func("t", func() (int, int) { return 0, 0 }),
	} {
		if _, err := one.PutTaskDef(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
		if _, err := one.PutRequests(); err == nil {
			t.Errorf("%s was put", want)
		}
	}
}

func TestInvoke(t *testing.T) {
	boom := errors.New("boom")
	add := task.New3("add", func(_ context.Context, a int64, b float64, c *string) (float64, error) {
		if c != nil {
			return 0, boom
		}
		return float64(a) + b, nil
	}, task.Params("a", "b", "c"))
	out, err := add.Invoke(t.Context(), inputs(t, 1, 2.5, nil))
	if err != nil || out.GetDouble() != 3.5 {
		t.Errorf("%v, %v", out, err)
	}
	if _, err = add.Invoke(t.Context(), inputs(t, 1, 2.5, "x")); !errors.Is(err, boom) {
		t.Errorf("%v", err)
	}
	var in *task.InputError
	if _, err = add.Invoke(t.Context(), inputs(t, "one", 2.5, nil)); !errors.As(err, &in) || in.Input != "a" {
		t.Errorf("%v", err)
	}
	if _, err = add.Invoke(t.Context(), inputs(t, 1)); !errors.As(err, &in) {
		t.Errorf("%v", err)
	}
	var bad *task.OutputError
	odd := task.Func("odd", func() map[string]any { return map[string]any{"c": make(chan int)} })
	if _, err = odd.Invoke(t.Context(), nil); !errors.As(err, &bad) {
		t.Errorf("%v", err)
	}
	void := task.Func("void", func(ctx context.Context) error { return ctx.Err() })
	if out, err = void.Invoke(t.Context(), nil); err != nil || out == nil || out.Value != nil {
		t.Errorf("%v, %v", out, err)
	}
}

func TestExceptionsHaveGoodNames(t *testing.T) {
	var e *lh.TaskException
	if err := fmt.Errorf("more: %w", task.Exception("out-of-stock", "none of %d", 3)); !errors.As(err, &e) || e.Message != "none of 3" || e.Name != "out-of-stock" {
		t.Errorf("%v", err)
	}
	if err := task.Exception("not a name", ""); errors.As(err, &e) && e.Name == "not a name" {
		t.Error("a bad name became an exception")
	}
}

func TestDoMakesANode(t *testing.T) {
	zero := task.New0("zero", func(context.Context) (string, error) { return "", nil })
	five := task.New5("five", func(context.Context, string, string, string, string, string) (string, error) { return "", nil })
	any := task.Func("any", func(string, int) {})
	req, err := wf.New("w", func(t *wf.Thread) {
		s := wf.Declare[string](t, "s")
		s.Set(zero.Do(t))
		five.Do(t, s, s, s, s, wf.Lit("x"))
		any.Do(t, s, 3)
	}).Compile()
	if err != nil {
		t.Fatal(err)
	}
	nodes := req.ThreadSpecs["entrypoint"].Nodes
	if len(nodes["2-five-TASK"].GetTask().GetVariables()) != 5 || nodes["3-any-TASK"].GetTask().GetVariables()[1].GetLiteralValue().GetInt() != 3 {
		t.Errorf("%v", nodes)
	}
}
