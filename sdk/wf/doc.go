// Package wf turns a Go function into a WfSpec.
//
//	var Hello = wf.New("hello", func(t *wf.Thread) {
//		name := wf.Declare[string](t, "name").Required().Searchable()
//		greeting := wf.Declare[string](t, "greeting")
//		greeting.Set(t.Execute("greet", name))
//	})
//
// The function runs once for each Compile and describes the workflow; nothing is executed by it. Compile reports all
// mistakes at once, each with the line of the user's code that made it.
//
// Values have two levels. Var[T], TaskNode[T] and the other Arg[T] carry the Go type that stands for their LittleHorse
// type, so that wrong arguments of typed tasks do not compile; wherever a parameter is of type any, an Arg, a Go value or
// nil may be given.
package wf
