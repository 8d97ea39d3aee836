// Package usertask makes the forms of user tasks out of Go structs.
//
//	type Approval struct {
//		Approved bool   `lh:"approved,required" label:"Approve?" help:"Is the trip justified?"`
//		Comment  string `lh:"comment" label:"Comment"`
//	}
//
//	var ApproveTrip = usertask.Define[Approval]("approve-trip")
//
// The tags name a field, its label and what else a person should know; a field without a name in its tag is called as in
// package client. Fields are texts, whole numbers, numbers and truth values.
package usertask

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/wf"
)

// Form is a user task whose results are a T.
type Form[T any] struct {
	name        string
	description *string
}

// Option describes a form beyond its fields.
type Option func(*options)

type options struct{ description *string }

// Describe documents the UserTaskDef.
func Describe(text string) Option { return func(o *options) { o.description = &text } }

// Define makes a form of the fields of T, which is a struct.
func Define[T any](name string, choices ...Option) *Form[T] {
	var o options
	for _, choose := range choices {
		choose(&o)
	}
	return &Form[T]{name: name, description: o.description}
}

// Name is the name of the UserTaskDef.
func (f *Form[T]) Name() string { return f.name }

// Assign asks somebody to fill in the form at this point of a workflow.
func (f *Form[T]) Assign(t *wf.Thread, to wf.Assignee) *wf.UserTaskNode {
	return t.AssignUserTask(f.name, to)
}

// Complete hands in the form as that user.
func (f *Form[T]) Complete(ctx context.Context, c *lh.Client, id *lhpb.UserTaskRunId, user string, results T) error {
	return c.CompleteUserTask(ctx, id, user, results)
}

// PutRequests makes the form a lh.Definition.
func (f *Form[T]) PutRequests() ([]proto.Message, error) {
	req, err := f.PutUserTaskDef()
	if err != nil {
		return nil, err
	}
	return []proto.Message{req}, nil
}

// PutUserTaskDef is the UserTaskDef that the fields make.
func (f *Form[T]) PutUserTaskDef() (*lhpb.PutUserTaskDefRequest, error) {
	typ := reflect.TypeFor[T]()
	if !lh.ValidName(f.name) {
		return nil, fmt.Errorf("user task %q: a name consists of letters, digits and inner hyphens", f.name)
	}
	if typ.Kind() != reflect.Struct {
		return nil, fmt.Errorf("user task %s: %s is no struct", f.name, typ)
	}
	req := &lhpb.PutUserTaskDefRequest{Name: f.name, Description: f.description}
	for _, field := range lh.FieldsOf(typ) {
		one, err := formField(field)
		if err != nil {
			return nil, fmt.Errorf("user task %s, field %s: %w", f.name, field.Name, err)
		}
		req.Fields = append(req.Fields, one)
	}
	if len(req.Fields) == 0 {
		return nil, fmt.Errorf("user task %s: %s has no fields", f.name, typ)
	}
	return req, nil
}

func formField(f lh.Field) (*lhpb.UserTaskField, error) {
	typ, err := lh.TypeOf(f.Type)
	if err != nil {
		return nil, err
	}
	out := &lhpb.UserTaskField{
		Name: f.Name, Type: typ.GetPrimitiveType(), DisplayName: f.Tag.Get("label"), Required: f.Has("required"),
	}
	switch out.Type {
	case lhpb.VariableType_STR, lhpb.VariableType_BOOL, lhpb.VariableType_INT, lhpb.VariableType_DOUBLE:
	default:
		return nil, errors.New("a form asks for texts, whole numbers, numbers and truth values only")
	}
	if typ.GetDefinedType() == nil {
		return nil, errors.New("it has no type")
	}
	if out.DisplayName == "" {
		out.DisplayName = f.Name
	}
	if help := strings.TrimSpace(f.Tag.Get("help")); help != "" {
		out.Description = &help
	}
	return out, nil
}
