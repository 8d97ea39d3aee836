package task

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/wf"
)

// Task is a task that a worker can run.
type Task interface {
	lh.Definition
	// Name is the name of the TaskDef.
	Name() string
	// PutTaskDef is the TaskDef that the function's signature makes.
	PutTaskDef() (*lhpb.PutTaskDefRequest, error)
	// Invoke runs the function with inputs in the order of the TaskDef. Inputs that do not fit are an *InputError, a
	// result that has no LittleHorse form is an *OutputError; all else is what the function returned.
	Invoke(ctx context.Context, inputs []*lhpb.VarNameAndVal) (*lhpb.VariableValue, error)
}

// InputError means that the function was not called, because an input is of the wrong kind.
type InputError struct {
	// Input is its name, Err what is wrong with its value.
	Input string
	Err   error
}

// Error names the input and what is wrong with it.
func (e *InputError) Error() string { return fmt.Sprintf("input %s: %v", e.Input, e.Err) }

// Unwrap is Err.
func (e *InputError) Unwrap() error { return e.Err }

// OutputError means that what the function returned cannot be made a LittleHorse value; Err tells why.
type OutputError struct{ Err error }

// Error tells why.
func (e *OutputError) Error() string { return "output: " + e.Err.Error() }

// Unwrap is Err.
func (e *OutputError) Unwrap() error { return e.Err }

// Exception is the error of a business exception. Names consist of letters, digits and inner hyphens.
func Exception(name, format string, args ...any) error { return lh.Exception(name, format, args...) }

// ExceptionWith is Exception with a payload for the handler.
func ExceptionWith(name string, content any, format string, args ...any) error {
	return lh.ExceptionWith(name, content, format, args...)
}

// Option describes a TaskDef beyond the function's signature.
type Option func(*Definition)

// Params names the inputs, in order. Without it they are called 0-string, 1-int64 and so on, for Go keeps no names.
func Params(names ...string) Option {
	return func(d *Definition) { d.params = names }
}

// Masked hides the named inputs from everyone who reads TaskRuns through the API.
func Masked(params ...string) Option {
	return func(d *Definition) { d.masked = append(d.masked, params...) }
}

// MaskedResult hides the result from everyone who reads TaskRuns through the API.
func MaskedResult() Option {
	return func(d *Definition) { d.maskedResult = true }
}

// Describe documents the TaskDef.
func Describe(text string) Option {
	return func(d *Definition) { d.description = &text }
}

// Definition is what all forms of tasks have in common.
type Definition struct {
	name         string
	params       []string
	masked       []string
	maskedResult bool
	description  *string
	inputs       []reflect.Type
	result       reflect.Type // nil: nothing
	call         func(ctx context.Context, in *inputs) (any, error)
	mistake      error
}

func define(name string, call func(context.Context, *inputs) (any, error), result reflect.Type, in []reflect.Type, options []Option) *Definition {
	d := &Definition{name: name, call: call, inputs: in}
	if result != reflect.TypeFor[wf.None]() {
		d.result = result
	}
	for _, option := range options {
		option(d)
	}
	return d
}

// Name is the name of the TaskDef.
func (d *Definition) Name() string { return d.name }

// PutRequests makes the task a lh.Definition.
func (d *Definition) PutRequests() ([]proto.Message, error) {
	req, err := d.PutTaskDef()
	if err != nil {
		return nil, err
	}
	return []proto.Message{req}, nil
}

// PutTaskDef is the TaskDef that the function's signature makes.
func (d *Definition) PutTaskDef() (*lhpb.PutTaskDefRequest, error) {
	if err := d.check(); err != nil {
		return nil, fmt.Errorf("task %s: %w", d.name, err)
	}
	req := &lhpb.PutTaskDefRequest{Name: d.name, ReturnType: &lhpb.ReturnType{}, Description: d.description}
	for i, t := range d.inputs {
		typ, err := lh.TypeOf(t)
		if err != nil {
			return nil, fmt.Errorf("task %s, input %s: %w", d.name, d.param(i), err)
		}
		typ.Masked = d.isMasked(d.param(i))
		req.InputVars = append(req.InputVars, &lhpb.VariableDef{Name: d.param(i), TypeDef: typ})
	}
	if d.result == nil {
		return req, nil
	}
	typ, err := lh.TypeOf(d.result)
	if err != nil {
		return nil, fmt.Errorf("task %s, result: %w", d.name, err)
	}
	typ.Masked = d.maskedResult
	req.ReturnType.ReturnType = typ
	return req, nil
}

func (d *Definition) check() error {
	switch {
	case d.mistake != nil:
		return d.mistake
	case !lh.ValidName(d.name):
		return errors.New("a name consists of letters, digits and inner hyphens")
	case d.params != nil && len(d.params) != len(d.inputs):
		return fmt.Errorf("Params has %d names for %d inputs", len(d.params), len(d.inputs))
	}
	for _, name := range d.masked {
		if !d.hasParam(name) {
			return fmt.Errorf("Masked: there is no input %q", name)
		}
	}
	return nil
}

func (d *Definition) param(i int) string {
	if i < len(d.params) {
		return d.params[i]
	}
	return fmt.Sprintf("%d-%s", i, d.inputs[i])
}

func (d *Definition) hasParam(name string) bool {
	for i := range d.inputs {
		if d.param(i) == name {
			return true
		}
	}
	return false
}

func (d *Definition) isMasked(param string) bool {
	for _, name := range d.masked {
		if name == param {
			return true
		}
	}
	return false
}

// Invoke runs the function; see Task.
func (d *Definition) Invoke(ctx context.Context, values []*lhpb.VarNameAndVal) (*lhpb.VariableValue, error) {
	if len(values) != len(d.inputs) {
		return nil, &InputError{Input: d.name, Err: fmt.Errorf("the task was given %d inputs, the function takes %d", len(values), len(d.inputs))}
	}
	in := &inputs{definition: d, values: values}
	result, err := d.call(ctx, in)
	switch {
	case in.err != nil:
		return nil, in.err
	case err != nil:
		return nil, err
	case d.result == nil:
		return &lhpb.VariableValue{}, nil
	}
	value, err := lh.Value(result)
	if err != nil {
		return nil, &OutputError{Err: err}
	}
	return value, nil
}

// inputs hands out the inputs of one call; err is the first that did not fit.
type inputs struct {
	definition *Definition
	values     []*lhpb.VarNameAndVal
	err        error
}

func input[T any](in *inputs, i int) T {
	var v T
	in.scan(i, &v)
	return v
}

func (in *inputs) scan(i int, into any) {
	if in.err != nil {
		return
	}
	if err := lh.Scan(in.values[i].GetValue(), into); err != nil {
		in.err = &InputError{Input: in.definition.param(i), Err: err}
	}
}

// do adds the node that runs the task.
func do[R any](d *Definition, t *wf.Thread, args ...any) *wf.TaskNode[R] {
	return wf.ExecuteAs[R](t, d.name, args...)
}
