package usertask_test

import (
	"context"
	"fmt"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/usertask"
)

// A program that fills in forms: it finds those of a group, and hands in results of the form's own type.
func ExampleForm_Complete() {
	type Approval struct {
		Approved bool `lh:"approved,required" label:"Approve?"`
	}
	approve := usertask.Define[Approval]("approve-trip", usertask.Describe("before the trip is booked"))
	_ = func(ctx context.Context, client *lh.Client) error {
		open := &lhpb.SearchUserTaskRunRequest{
			UserTaskDefName: new(approve.Name()), UserGroup: new("managers"), Status: lhpb.UserTaskRunStatus_UNASSIGNED.Enum(),
		}
		for id, err := range lh.All(ctx, client.RPC().SearchUserTaskRun, open) {
			if err != nil {
				return err
			}
			if err := approve.Complete(ctx, client, id, "ana", Approval{Approved: true}); err != nil {
				return err
			}
		}
		return nil
	}
	requests, err := approve.PutRequests()
	fmt.Println(len(requests), err)
	// Output: 1 <nil>
}
