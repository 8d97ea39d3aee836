// Package task defines tasks once for both sides: the worker that runs them and the workflows that call them.
//
//	var Greet = task.New1("greet", func(ctx context.Context, name string) (string, error) {
//		return "hello " + name, nil
//	}, task.Params("name"))
//
// In a workflow Greet.Do(t, name) adds a node that runs the task; an argument of another type does not compile. A worker
// runs it after worker.Add(Greet), and Client.Register(ctx, Greet) registers its TaskDef.
//
// A function fails in two ways: Exception makes a business exception, which is not retried and which workflows handle by
// name; any other error is technical and is retried as the workflow says.
package task
