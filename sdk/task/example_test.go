package task_test

import (
	"context"
	"fmt"

	"littlehorse/lhpb"
	"littlehorse/sdk/task"
	"littlehorse/sdk/wf"
)

func Example() {
	charge := task.New2("charge-card", func(_ context.Context, card string, amount float64) (string, error) {
		if amount > 1000 {
			return "", task.Exception("card-declined", "limit is 1000, asked for %.2f", amount)
		}
		return "paid with " + card, nil
	}, task.Params("card", "amount"), task.Masked("card"))

	def, _ := charge.PutTaskDef()
	for _, in := range def.InputVars {
		fmt.Println(in.Name, in.TypeDef.GetPrimitiveType(), in.TypeDef.Masked)
	}
	output, _ := charge.Invoke(context.Background(), []*lhpb.VarNameAndVal{
		{VarName: "card", Value: &lhpb.VariableValue{Value: &lhpb.VariableValue_Str{Str: "4111"}}},
		{VarName: "amount", Value: &lhpb.VariableValue{Value: &lhpb.VariableValue_Double{Double: 12.5}}},
	})
	fmt.Println(output.GetStr())
	// Output:
	// card STR true
	// amount DOUBLE false
	// paid with 4111
}

// A task is a typed call in workflows: wrong arguments do not compile.
func ExampleTask1_Do() {
	greet := task.New1("greet", func(_ context.Context, name string) (string, error) { return "hello " + name, nil }, task.Params("name"))
	hello := wf.New("hello", func(t *wf.Thread) {
		name := wf.Declare[string](t, "name").Required()
		greeting := wf.Declare[string](t, "greeting")
		greeting.Set(greet.Do(t, name))
	})
	spec, _ := hello.Compile()
	fmt.Println(spec.ThreadSpecs["entrypoint"].Nodes["1-greet-TASK"].GetTask().GetTaskDefId().GetName())
	// Output: greet
}
