package lh

import (
	"context"
	"fmt"

	"littlehorse/lhpb"
)

// Schedule runs a WfSpec again and again, at the times of a cron expression: minute, hour, day, month and day of the week, which our
// server reads in UTC. It returns the id of the schedule, which WithID
// chooses; other options are those of its WfRuns.
func (c *Client) Schedule(ctx context.Context, cron, wfSpec string, in Input, options ...RunOption) (string, error) {
	run, retry, err := runRequest(wfSpec, in, options)
	if err != nil {
		return "", fmt.Errorf("schedule %s: %w", wfSpec, err)
	}
	req := &lhpb.ScheduleWfRequest{
		Id: run.Id, WfSpecName: wfSpec, MajorVersion: run.MajorVersion, Revision: run.Revision, Variables: run.Variables,
		ParentWfRunId: run.ParentWfRunId, CronExpression: cron,
	}
	err = retry(ctx, func() error {
		_, err := c.rpc.ScheduleWf(ctx, req)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("schedule %s: %w", wfSpec, err)
	}
	return run.GetId(), nil
}

// Unschedule deletes a schedule. What it has started goes on.
func (c *Client) Unschedule(ctx context.Context, id string) error {
	_, err := c.rpc.DeleteScheduledWfRun(ctx, &lhpb.DeleteScheduledWfRunRequest{Id: &lhpb.ScheduledWfRunId{Id: id}})
	return err
}
