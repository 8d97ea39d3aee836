package lh

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// Definition is anything that Register can put: tasks, workflows, StructDefs, events.
type Definition interface {
	// PutRequests are the Put… requests of the API that define it.
	PutRequests() ([]proto.Message, error)
}

// StructDef defines the StructDef of a Go type, and those of the structs inside it.
func StructDef[T Struct](compatibility lhpb.StructDefCompatibilityType) Definition {
	return structDefinition{typ: reflect.TypeFor[T](), compatibility: compatibility}
}

type structDefinition struct {
	typ           reflect.Type
	compatibility lhpb.StructDefCompatibilityType
}

func (d structDefinition) PutRequests() ([]proto.Message, error) {
	var requests []proto.Message
	err := d.collect(d.typ, map[reflect.Type]bool{}, &requests)
	return requests, err
}

// collect appends inner StructDefs before outer ones.
func (d structDefinition) collect(t reflect.Type, seen map[reflect.Type]bool, into *[]proto.Message) error {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || !t.Implements(structType) || seen[t] {
		return nil
	}
	seen[t] = true
	for _, f := range structFields(t) {
		if err := d.collect(f.typ, seen, into); err != nil {
			return err
		}
	}
	req, err := StructDefOf(reflect.Zero(t).Interface().(Struct))
	if err != nil {
		return err
	}
	req.AllowedUpdates = d.compatibility
	*into = append(*into, req)
	return nil
}

// maxReadableWait bounds how long Register waits for a definition to reach the server that answers.
const maxReadableWait = 10 * time.Second

// Register puts definitions in the order in which they depend on one another (StructDefs, TaskDefs, events, WfSpecs),
// and waits until each can be read. Putting the same definition again changes nothing.
func (c *Client) Register(ctx context.Context, definitions ...Definition) error {
	var requests []proto.Message
	var errs []error
	for _, d := range definitions {
		put, err := d.PutRequests()
		errs = append(errs, err)
		requests = append(requests, put...)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	slices.SortStableFunc(requests, func(a, b proto.Message) int { return putOrder(a) - putOrder(b) })
	var put []proto.Message
	for _, req := range requests {
		if slices.ContainsFunc(put, func(p proto.Message) bool { return proto.Equal(p, req) }) {
			continue
		}
		if err := c.put(ctx, req); err != nil {
			return err
		}
		put = append(put, req)
	}
	return nil
}

func putOrder(req proto.Message) int {
	switch req.(type) {
	case *lhpb.PutStructDefRequest:
		return 0
	case *lhpb.PutTaskDefRequest, *lhpb.PutUserTaskDefRequest:
		return 1
	case *lhpb.PutExternalEventDefRequest, *lhpb.PutWorkflowEventDefRequest:
		return 2
	default:
		return 3
	}
}

func (c *Client) put(ctx context.Context, req proto.Message) error {
	name, call, read := c.putCalls(req)
	if call == nil {
		return fmt.Errorf("cannot register a %T", req)
	}
	if err := retryUnavailable(ctx, func() error { return call(ctx) }); err != nil {
		return fmt.Errorf("register %s: %w", name, err)
	}
	if err := awaitReadable(ctx, read); err != nil {
		return fmt.Errorf("register %s: %w", name, err)
	}
	return nil
}

func awaitReadable(ctx context.Context, read func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, maxReadableWait)
	defer cancel()
	pause := firstPause
	for {
		err := read(ctx)
		if !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrUnavailable) {
			return err
		}
		if sleep(ctx, pause) != nil {
			return err
		}
		pause = min(pause*2, 200*time.Millisecond)
	}
}

type rpcCall func(context.Context) error

// putCalls tells how a Put request is sent, and how its result is read.
func (c *Client) putCalls(req proto.Message) (name string, put, read rpcCall) {
	switch req := req.(type) {
	case *lhpb.PutStructDefRequest:
		id := &lhpb.StructDefId{Name: req.Name}
		return "StructDef " + req.Name,
			func(ctx context.Context) error {
				def, err := c.rpc.PutStructDef(ctx, req)
				id.Version = def.GetId().GetVersion()
				return err
			},
			func(ctx context.Context) error { _, err := c.rpc.GetStructDef(ctx, id); return err }
	case *lhpb.PutTaskDefRequest:
		return "TaskDef " + req.Name,
			func(ctx context.Context) error { _, err := c.rpc.PutTaskDef(ctx, req); return err },
			func(ctx context.Context) error {
				_, err := c.rpc.GetTaskDef(ctx, &lhpb.TaskDefId{Name: req.Name})
				return err
			}
	case *lhpb.PutUserTaskDefRequest:
		return "UserTaskDef " + req.Name,
			func(ctx context.Context) error { _, err := c.rpc.PutUserTaskDef(ctx, req); return err },
			func(ctx context.Context) error {
				_, err := c.rpc.GetLatestUserTaskDef(ctx, &lhpb.GetLatestUserTaskDefRequest{Name: req.Name})
				return err
			}
	case *lhpb.PutExternalEventDefRequest:
		return "ExternalEventDef " + req.Name,
			func(ctx context.Context) error { _, err := c.rpc.PutExternalEventDef(ctx, req); return err },
			func(ctx context.Context) error {
				_, err := c.rpc.GetExternalEventDef(ctx, &lhpb.ExternalEventDefId{Name: req.Name})
				return err
			}
	case *lhpb.PutWorkflowEventDefRequest:
		return "WorkflowEventDef " + req.Name,
			func(ctx context.Context) error { _, err := c.rpc.PutWorkflowEventDef(ctx, req); return err },
			func(ctx context.Context) error {
				_, err := c.rpc.GetWorkflowEventDef(ctx, &lhpb.WorkflowEventDefId{Name: req.Name})
				return err
			}
	case *lhpb.PutWfSpecRequest:
		id := &lhpb.WfSpecId{Name: req.Name}
		return "WfSpec " + req.Name,
			func(ctx context.Context) error {
				spec, err := c.rpc.PutWfSpec(ctx, req)
				if err == nil {
					id = spec.GetId()
				}
				return err
			},
			func(ctx context.Context) error { _, err := c.rpc.GetWfSpec(ctx, id); return err }
	}
	return "", nil, nil
}
