package task_test

import (
	"context"
	"errors"
	"fmt"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
)

// A function of any shape is a task: old ones need not change.
func ExampleFunc() {
	add := task.Func("add", func(a, b int) int { return a + b }, task.Params("a", "b"), task.Describe("adds two numbers"))
	def, err := add.PutTaskDef()
	fmt.Println(def.InputVars[1].Name, def.ReturnType.ReturnType.GetPrimitiveType(), def.GetDescription(), err)
	// Output: b INT adds two numbers <nil>
}

// New0 to New5 are for functions of so many inputs.
func ExampleNew3() {
	now := task.New0("tell-time", func(context.Context) (string, error) { return "noon", nil })
	pay := task.New3("pay", func(_ context.Context, card string, amount float64, times int64) (bool, error) {
		return amount*float64(times) < 1000, nil
	}, task.Params("card", "amount", "times"), task.Masked("card"), task.MaskedResult())
	send := task.New4("send", func(_ context.Context, _, _, _ string, _ []byte) (string, error) { return "", nil },
		task.Params("from", "to", "subject", "body"))
	book := task.New5("book", func(_ context.Context, _, _, _ string, _ int64, _ bool) (string, error) { return "", nil },
		task.Params("name", "from", "to", "seats", "window"))
	for _, t := range []task.Task{now, pay, send, book} {
		def, err := t.PutTaskDef()
		fmt.Println(t.Name(), len(def.InputVars), def.ReturnType.ReturnType.Masked, err)
	}
	// Output:
	// tell-time 0 false <nil>
	// pay 3 true <nil>
	// send 4 false <nil>
	// book 5 false <nil>
}

// An exception may carry content: the handler finds it in its input.
func ExampleExceptionWith() {
	err := task.ExceptionWith("card-declined", 1000.0, "limit is %d", 1000)
	var exception *lh.TaskException
	fmt.Println(errors.As(err, &exception), exception.Content)
	// Output: true 1000
}

// Tasks tell what they cannot read from what they do.
func ExampleInputError() {
	greet := task.New1("greet", func(_ context.Context, name string) (string, error) { return "hello " + name, nil }, task.Params("name"))
	_, err := greet.Invoke(context.Background(), []*lhpb.VarNameAndVal{
		{VarName: "name", Value: &lhpb.VariableValue{Value: &lhpb.VariableValue_Int{Int: 7}}},
	})
	var bad *task.InputError
	fmt.Println(errors.As(err, &bad), bad.Input)
	// Output: true name
}
