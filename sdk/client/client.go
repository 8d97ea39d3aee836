package lh

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"time"

	"littlehorse/lhpb"
)

// Input is a set of values by variable name, of any types that Value accepts.
type Input map[string]any

func (in Input) values() (map[string]*lhpb.VariableValue, error) {
	values := make(map[string]*lhpb.VariableValue, len(in))
	for name, v := range in {
		value, err := Value(v)
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", name, err)
		}
		values[name] = value
	}
	return values, nil
}

// Fields are the values of a struct's or a map's fields by their names, as results of a user task are given. Input is such
// a map.
func Fields(of any) (map[string]*lhpb.VariableValue, error) {
	v := reflect.ValueOf(of)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	in := Input{}
	switch {
	case v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String:
		for _, key := range v.MapKeys() {
			in[key.String()] = v.MapIndex(key).Interface()
		}
	case v.Kind() == reflect.Struct:
		for _, f := range structFields(v.Type()) {
			in[f.name] = v.FieldByIndex(f.index).Interface()
		}
	default:
		return nil, fmt.Errorf("%T has no fields by name: use a struct or a map", of)
	}
	return in.values()
}

// RunOption is a rarer choice for Client.Run.
type RunOption func(*lhpb.RunWfRequest)

// WithID chooses the id of the WfRun. A second run with the same id is refused with ErrAlreadyExists.
func WithID(id string) RunOption {
	return func(r *lhpb.RunWfRequest) { r.Id = &id }
}

// WithMajorVersion runs the newest revision of one major version of the WfSpec.
func WithMajorVersion(major int32) RunOption {
	return func(r *lhpb.RunWfRequest) { r.MajorVersion = &major }
}

// WithVersion runs exactly one version of the WfSpec.
func WithVersion(major, revision int32) RunOption {
	return func(r *lhpb.RunWfRequest) { r.MajorVersion, r.Revision = &major, &revision }
}

// WithParent makes the WfRun a child of another one.
func WithParent(parent RunID) RunOption {
	return func(r *lhpb.RunWfRequest) { r.ParentWfRunId = parent.Proto() }
}

// Run starts a WfRun and returns its id. Without WithID the client makes the id up itself, so that a call repeated after
// a broken connection cannot start two.
func (c *Client) Run(ctx context.Context, wfSpec string, in Input, options ...RunOption) (RunID, error) {
	req, retry, err := runRequest(wfSpec, in, options)
	if err != nil {
		return "", fmt.Errorf("run %s: %w", wfSpec, err)
	}
	started := RunIDOf(&lhpb.WfRunId{Id: req.GetId(), ParentWfRunId: req.ParentWfRunId})
	err = retry(ctx, func() error {
		_, err := c.rpc.RunWf(ctx, req)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("run %s: %w", wfSpec, err)
	}
	return started, nil
}

// runRequest is the request for a WfRun, under an id of the client's own unless an option gives one, and how a call that makes what has the
// id is repeated.
func runRequest(wfSpec string, in Input, options []RunOption) (req *lhpb.RunWfRequest, retry func(context.Context, func() error) error, err error) {
	variables, err := in.values()
	if err != nil {
		return nil, nil, err
	}
	req = &lhpb.RunWfRequest{WfSpecName: wfSpec, Variables: variables}
	for _, option := range options {
		option(req)
	}
	if req.Id != nil {
		return req, retryUnavailable, nil
	}
	req.Id = new(string(NewRunID()))
	return req, retryCreation, nil
}

// WfRun reads a WfRun.
func (c *Client) WfRun(ctx context.Context, id RunID) (*lhpb.WfRun, error) {
	var run *lhpb.WfRun
	err := retryUnavailable(ctx, func() (err error) {
		run, err = c.rpc.GetWfRun(ctx, id.Proto())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("WfRun %s: %w", id, err)
	}
	return run, nil
}

// Await waits until the WfRun has reached one of the given statuses, or has ended when none is given.
//
// A WfRun that fails is waited for on, for it may be rescued: name all statuses that you can do with, or give ctx an end. One that has
// completed stays so, and not to have named that is an error then. It asks again and again, at first after 10 ms and at last every second.
func (c *Client) Await(ctx context.Context, id RunID, statuses ...lhpb.LHStatus) (*lhpb.WfRun, error) {
	pause := firstPause
	for {
		run, err := c.WfRun(ctx, id)
		if err != nil {
			return nil, err
		}
		if reached(run.Status, statuses) {
			return run, nil
		}
		if run.Status == lhpb.LHStatus_COMPLETED {
			return nil, fmt.Errorf("WfRun %s is COMPLETED and stays so, which was not waited for: %v", id, statuses)
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, fmt.Errorf("WfRun %s is %s: %w", id, run.Status, err)
		}
		pause = min(pause*2, time.Second)
	}
}

const firstPause = 10 * time.Millisecond

func reached(status lhpb.LHStatus, wanted []lhpb.LHStatus) bool {
	if len(wanted) == 0 {
		return Ended(status)
	}
	for _, w := range wanted {
		if status == w {
			return true
		}
	}
	return false
}

// Ended reports whether nothing more happens to a WfRun, ThreadRun or NodeRun of this status, unless it is rescued.
func Ended(status lhpb.LHStatus) bool {
	switch status {
	case lhpb.LHStatus_COMPLETED, lhpb.LHStatus_ERROR, lhpb.LHStatus_EXCEPTION:
		return true
	}
	return false
}

// GetVar reads a variable of the entrypoint ThreadRun of a WfRun, as Scan does: NULL is the zero value of T. A variable that the WfSpec
// does not declare is ErrNotFound.
func GetVar[T any](ctx context.Context, c *Client, id RunID, name string) (T, error) {
	var result T
	err := retryUnavailable(ctx, func() error {
		v, err := c.rpc.GetVariable(ctx, &lhpb.VariableId{WfRunId: id.Proto(), Name: name})
		if err != nil {
			return err
		}
		return Scan(v.Value, &result)
	})
	if err != nil {
		return result, fmt.Errorf("variable %s of %s: %w", name, id, err)
	}
	return result, nil
}

// Stop halts a ThreadRun and its children; thread 0 is the whole WfRun.
func (c *Client) Stop(ctx context.Context, id RunID, thread int32) error {
	return retryUnavailable(ctx, func() error {
		_, err := c.rpc.StopWfRun(ctx, &lhpb.StopWfRunRequest{WfRunId: id.Proto(), ThreadRunNumber: thread})
		return err
	})
}

// Resume lets a halted ThreadRun go on.
func (c *Client) Resume(ctx context.Context, id RunID, thread int32) error {
	return retryUnavailable(ctx, func() error {
		_, err := c.rpc.ResumeWfRun(ctx, &lhpb.ResumeWfRunRequest{WfRunId: id.Proto(), ThreadRunNumber: thread})
		return err
	})
}

// Rescue restarts a failed ThreadRun at its failed node, or behind it.
func (c *Client) Rescue(ctx context.Context, id RunID, thread int32, skipNode bool) (*lhpb.WfRun, error) {
	return c.rpc.RescueThreadRun(ctx, &lhpb.RescueThreadRunRequest{
		WfRunId: id.Proto(), ThreadRunNumber: thread, SkipCurrentNode: skipNode,
	})
}

// retryUnavailable repeats a call that is safe to repeat while no server answers it, until the context ends, at most
// for maxUnavailable.
func retryUnavailable(ctx context.Context, call func() error) error {
	pause := firstPause
	deadline := time.Now().Add(maxUnavailable)
	for {
		err := call()
		if !errors.Is(err, ErrUnavailable) || time.Now().After(deadline) {
			return err
		}
		if sleep(ctx, jitter(pause)) != nil {
			return err
		}
		pause = min(pause*2, time.Second)
	}
}

// maxUnavailable bounds how long a helper repeats a call on its own when the caller set no deadline.
const maxUnavailable = 30 * time.Second

func jitter(d time.Duration) time.Duration {
	return d/2 + time.Duration(rand.Int64N(int64(d/2)+1))
}
