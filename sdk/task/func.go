package task

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"littlehorse/sdk/wf"
)

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
)

// FuncTask is a task made of a function of any shape.
type FuncTask struct{ *Definition }

// Func defines a task by a function with any number of inputs, optionally behind a context.Context, that returns
// nothing, a value, an error, or a value and an error. A function that cannot be a task is reported by Register and by
// the worker.
func Func(name string, f any, options ...Option) *FuncTask {
	shape, err := shapeOf(reflect.TypeOf(f))
	if err != nil {
		d := define(name, nil, nil, nil, options)
		d.mistake = err
		return &FuncTask{d}
	}
	fn := reflect.ValueOf(f)
	call := func(ctx context.Context, in *inputs) (any, error) { return shape.call(ctx, fn, in) }
	return &FuncTask{define(name, call, shape.result, shape.inputs, options)}
}

// Do runs the task at this point of a workflow.
func (t *FuncTask) Do(thread *wf.Thread, args ...any) *wf.TaskNode[any] {
	return do[any](t.Definition, thread, args...)
}

// shape is how a function is called.
type shape struct {
	takesContext bool
	inputs       []reflect.Type
	result       reflect.Type // nil: none
	returnsError bool
}

func shapeOf(t reflect.Type) (shape, error) {
	if t == nil || t.Kind() != reflect.Func {
		return shape{}, errors.New("a task is made of a function")
	}
	if t.IsVariadic() {
		return shape{}, fmt.Errorf("%s: a task has a fixed number of inputs", t)
	}
	var s shape
	for i := range t.NumIn() {
		switch {
		case t.In(i) != contextType:
			s.inputs = append(s.inputs, t.In(i))
		case i > 0:
			return shape{}, fmt.Errorf("%s: context.Context comes first", t)
		default:
			s.takesContext = true
		}
	}
	outputs := t.NumOut()
	if outputs > 0 && t.Out(outputs-1) == errorType {
		s.returnsError = true
		outputs--
	}
	if outputs > 1 {
		return shape{}, fmt.Errorf("%s: a task returns nothing, a value, an error, or a value and an error", t)
	}
	if outputs == 1 {
		s.result = t.Out(0)
	}
	return s, nil
}

func (s shape) call(ctx context.Context, fn reflect.Value, in *inputs) (any, error) {
	var args []reflect.Value
	if s.takesContext {
		args = append(args, reflect.ValueOf(ctx))
	}
	for i, t := range s.inputs {
		v := reflect.New(t)
		in.scan(i, v.Interface())
		args = append(args, v.Elem())
	}
	if in.err != nil {
		return nil, in.err
	}
	return s.results(fn.Call(args))
}

func (s shape) results(out []reflect.Value) (any, error) {
	var err error
	if s.returnsError {
		err, _ = out[len(out)-1].Interface().(error)
	}
	if s.result == nil {
		return nil, err
	}
	return out[0].Interface(), err
}
