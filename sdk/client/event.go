package lh

import (
	"context"
	"errors"
	"fmt"

	"littlehorse/lhpb"
)

// PostEvent posts an ExternalEvent to a WfRun. The client makes the event's guid up, so that a repeated call posts once.
func (c *Client) PostEvent(ctx context.Context, id RunID, externalEventDef string, content any) error {
	value, err := Value(content)
	if err != nil {
		return fmt.Errorf("post %s: %w", externalEventDef, err)
	}
	guid := randomHex(16)
	req := &lhpb.PutExternalEventRequest{
		WfRunId: id.Proto(), ExternalEventDefId: &lhpb.ExternalEventDefId{Name: externalEventDef},
		Guid: &guid, Content: value,
	}
	err = retryCreation(ctx, func() error {
		_, err := c.rpc.PutExternalEvent(ctx, req)
		return err
	})
	if err != nil {
		return fmt.Errorf("post %s to %s: %w", externalEventDef, id, err)
	}
	return nil
}

// PostCorrelated posts an event for a correlation key, to whichever WfRuns wait for it or will. A second one of the same
// definition and key is refused with ErrAlreadyExists, also if a call whose answer was lost has posted the first.
func (c *Client) PostCorrelated(ctx context.Context, key, externalEventDef string, content any) error {
	value, err := Value(content)
	if err != nil {
		return fmt.Errorf("post %s: %w", externalEventDef, err)
	}
	req := &lhpb.PutCorrelatedEventRequest{
		Key: key, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: externalEventDef}, Content: value,
	}
	err = retryUnavailable(ctx, func() error {
		_, err := c.rpc.PutCorrelatedEvent(ctx, req)
		return err
	})
	if err != nil {
		return fmt.Errorf("post %s for %q: %w", externalEventDef, key, err)
	}
	return nil
}

// AwaitEvent waits until a WfRun has thrown a WorkflowEvent of that name, and returns the content of the first. It is there at
// once if the WfRun has thrown it before. It waits as long as ctx allows, also for a WfRun that has ended.
func AwaitEvent[T any](ctx context.Context, c *Client, id RunID, workflowEventDef string) (T, error) {
	var content T
	err := retryUnavailable(ctx, func() error {
		event, err := c.rpc.AwaitWorkflowEvent(ctx, &lhpb.AwaitWorkflowEventRequest{
			WfRunId: id.Proto(), EventDefIds: []*lhpb.WorkflowEventDefId{{Name: workflowEventDef}},
		})
		if err != nil {
			return err
		}
		return Scan(event.Content, &content)
	})
	if err != nil {
		return content, fmt.Errorf("event %s of %s: %w", workflowEventDef, id, err)
	}
	return content, nil
}

// retryCreation repeats a call that makes an object under an id of the client's. One that a lost call has made already is no
// error.
func retryCreation(ctx context.Context, call func() error) error {
	repeated := false
	return retryUnavailable(ctx, func() error {
		err := call()
		if repeated && errors.Is(err, ErrAlreadyExists) {
			return nil
		}
		repeated = true
		return err
	})
}
