package task

import (
	"context"
	"reflect"

	"littlehorse/sdk/wf"
)

// Task0 is a task with no input.
type Task0[R any] struct{ *Definition }

// New0 defines a task with no input; R is wf.None for tasks without result.
func New0[R any](name string, f func(context.Context) (R, error), options ...Option) *Task0[R] {
	call := func(ctx context.Context, _ *inputs) (any, error) { return f(ctx) }
	return &Task0[R]{define(name, call, reflect.TypeFor[R](), nil, options)}
}

// Do runs the task at this point of a workflow.
func (t *Task0[R]) Do(thread *wf.Thread) *wf.TaskNode[R] {
	return do[R](t.Definition, thread)
}

// Task1 is a task with one input.
type Task1[A, R any] struct{ *Definition }

// New1 defines a task with one input; R is wf.None for tasks without result.
func New1[A, R any](name string, f func(context.Context, A) (R, error), options ...Option) *Task1[A, R] {
	call := func(ctx context.Context, in *inputs) (any, error) {
		a := input[A](in, 0)
		if in.err != nil {
			return nil, in.err
		}
		return f(ctx, a)
	}
	in := []reflect.Type{reflect.TypeFor[A]()}
	return &Task1[A, R]{define(name, call, reflect.TypeFor[R](), in, options)}
}

// Do runs the task at this point of a workflow.
func (t *Task1[A, R]) Do(thread *wf.Thread, a wf.Arg[A]) *wf.TaskNode[R] {
	return do[R](t.Definition, thread, a)
}

// Task2 is a task with two inputs.
type Task2[A, B, R any] struct{ *Definition }

// New2 defines a task with two inputs; R is wf.None for tasks without result.
func New2[A, B, R any](name string, f func(context.Context, A, B) (R, error), options ...Option) *Task2[A, B, R] {
	call := func(ctx context.Context, in *inputs) (any, error) {
		a, b := input[A](in, 0), input[B](in, 1)
		if in.err != nil {
			return nil, in.err
		}
		return f(ctx, a, b)
	}
	in := []reflect.Type{reflect.TypeFor[A](), reflect.TypeFor[B]()}
	return &Task2[A, B, R]{define(name, call, reflect.TypeFor[R](), in, options)}
}

// Do runs the task at this point of a workflow.
func (t *Task2[A, B, R]) Do(thread *wf.Thread, a wf.Arg[A], b wf.Arg[B]) *wf.TaskNode[R] {
	return do[R](t.Definition, thread, a, b)
}

// Task3 is a task with three inputs.
type Task3[A, B, C, R any] struct{ *Definition }

// New3 defines a task with three inputs; R is wf.None for tasks without result.
func New3[A, B, C, R any](name string, f func(context.Context, A, B, C) (R, error), options ...Option) *Task3[A, B, C, R] {
	call := func(ctx context.Context, in *inputs) (any, error) {
		a, b, c := input[A](in, 0), input[B](in, 1), input[C](in, 2)
		if in.err != nil {
			return nil, in.err
		}
		return f(ctx, a, b, c)
	}
	in := []reflect.Type{reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C]()}
	return &Task3[A, B, C, R]{define(name, call, reflect.TypeFor[R](), in, options)}
}

// Do runs the task at this point of a workflow.
func (t *Task3[A, B, C, R]) Do(thread *wf.Thread, a wf.Arg[A], b wf.Arg[B], c wf.Arg[C]) *wf.TaskNode[R] {
	return do[R](t.Definition, thread, a, b, c)
}

// Task4 is a task with four inputs.
type Task4[A, B, C, D, R any] struct{ *Definition }

// New4 defines a task with four inputs; R is wf.None for tasks without result.
func New4[A, B, C, D, R any](name string, f func(context.Context, A, B, C, D) (R, error), options ...Option) *Task4[A, B, C, D, R] {
	call := func(ctx context.Context, in *inputs) (any, error) {
		a, b, c, d := input[A](in, 0), input[B](in, 1), input[C](in, 2), input[D](in, 3)
		if in.err != nil {
			return nil, in.err
		}
		return f(ctx, a, b, c, d)
	}
	in := []reflect.Type{reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C](), reflect.TypeFor[D]()}
	return &Task4[A, B, C, D, R]{define(name, call, reflect.TypeFor[R](), in, options)}
}

// Do runs the task at this point of a workflow.
func (t *Task4[A, B, C, D, R]) Do(thread *wf.Thread, a wf.Arg[A], b wf.Arg[B], c wf.Arg[C], d wf.Arg[D]) *wf.TaskNode[R] {
	return do[R](t.Definition, thread, a, b, c, d)
}

// Task5 is a task with five inputs.
type Task5[A, B, C, D, E, R any] struct{ *Definition }

// New5 defines a task with five inputs; R is wf.None for tasks without result.
func New5[A, B, C, D, E, R any](name string, f func(context.Context, A, B, C, D, E) (R, error), options ...Option) *Task5[A, B, C, D, E, R] {
	call := func(ctx context.Context, in *inputs) (any, error) {
		a, b, c, d, e := input[A](in, 0), input[B](in, 1), input[C](in, 2), input[D](in, 3), input[E](in, 4)
		if in.err != nil {
			return nil, in.err
		}
		return f(ctx, a, b, c, d, e)
	}
	in := []reflect.Type{reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C](), reflect.TypeFor[D](), reflect.TypeFor[E]()}
	return &Task5[A, B, C, D, E, R]{define(name, call, reflect.TypeFor[R](), in, options)}
}

// Do runs the task at this point of a workflow.
func (t *Task5[A, B, C, D, E, R]) Do(thread *wf.Thread, a wf.Arg[A], b wf.Arg[B], c wf.Arg[C], d wf.Arg[D], e wf.Arg[E]) *wf.TaskNode[R] {
	return do[R](t.Definition, thread, a, b, c, d, e)
}
