package lh

import (
	"context"

	"littlehorse/lhpb"
)

// AssignUserTask gives a UserTaskRun to a user, a group, or a user of a group; "" is none. It takes it from whoever has it.
func (c *Client) AssignUserTask(ctx context.Context, id *lhpb.UserTaskRunId, user, group string) error {
	req := &lhpb.AssignUserTaskRunRequest{UserTaskRunId: id, OverrideClaim: true}
	if user != "" {
		req.UserId = &user
	}
	if group != "" {
		req.UserGroup = &group
	}
	_, err := c.rpc.AssignUserTaskRun(ctx, req)
	return err
}

// CompleteUserTask hands in what a user has filled in: a struct or a map, as for Fields.
func (c *Client) CompleteUserTask(ctx context.Context, id *lhpb.UserTaskRunId, user string, results any) error {
	fields, err := Fields(results)
	if err != nil {
		return err
	}
	_, err = c.rpc.CompleteUserTaskRun(ctx, &lhpb.CompleteUserTaskRunRequest{UserTaskRunId: id, UserId: user, Results: fields})
	return err
}

// CancelUserTask cancels a UserTaskRun: its node fails.
func (c *Client) CancelUserTask(ctx context.Context, id *lhpb.UserTaskRunId) error {
	_, err := c.rpc.CancelUserTaskRun(ctx, &lhpb.CancelUserTaskRunRequest{UserTaskRunId: id})
	return err
}
