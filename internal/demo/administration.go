package demo

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/task"
)

// administration sets up what nobody does business with: a second tenant, somebody who may only read, a quota.
type administration struct{}

func (administration) tasks() []task.Task { return nil }

func (administration) before() []lh.Definition { return nil }

func (administration) definitions() []lh.Definition { return nil }

func (administration) next(context.Context, *day) error { return nil }

func (administration) open(ctx context.Context, d *day) error {
	api := d.RPC()
	if _, err := api.PutTenant(ctx, &lhpb.PutTenantRequest{Id: "acme"}); unless(codes.AlreadyExists, err) != nil {
		return err
	}
	reader := &lhpb.ServerACLs{Acls: []*lhpb.ServerACL{{
		Resources:      []lhpb.ACLResource{lhpb.ACLResource_ACL_ALL_RESOURCES},
		AllowedActions: []lhpb.ACLAction{lhpb.ACLAction_READ},
	}}}
	if _, err := api.PutPrincipal(ctx, &lhpb.PutPrincipalRequest{
		Id: "auditor", PerTenantAcls: map[string]*lhpb.ServerACLs{"default": reader},
	}); unless(codes.AlreadyExists, err) != nil {
		return err
	}
	if _, err := api.PutQuota(ctx, &lhpb.PutQuotaRequest{Tenant: &lhpb.TenantId{Id: "acme"}, WriteRequestsPerSecond: 100}); err != nil {
		return err
	}
	// Nothing is that old: the job has nothing to do.
	id, completed := "clean-up", lhpb.LHStatus_COMPLETED
	if _, err := api.CreateBulkJob(ctx, &lhpb.CreateBulkJobRequest{Id: &id, Operation: &lhpb.CreateBulkJobRequest_BulkDeleteWfRun{
		BulkDeleteWfRun: &lhpb.BulkDeleteWfRun{
			WfSpecName:    "order",
			EarliestStart: timestamppb.New(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)),
			LatestStart:   timestamppb.New(time.Date(2020, 2, 1, 0, 0, 0, 0, time.UTC)),
			WfRunStatus:   &completed,
		},
	}}); unless(codes.AlreadyExists, err) != nil {
		return err
	}
	return migrate(ctx, d)
}

// migrate plans how orders of the version before go on by the present one.
func migrate(ctx context.Context, d *day) error {
	now, err := d.RPC().GetLatestWfSpec(ctx, &lhpb.GetLatestWfSpecRequest{Name: "order"})
	if err != nil {
		return err
	}
	_, err = d.RPC().PutWorkflowMigrationPlan(ctx, &lhpb.PutWorkflowMigrationPlanRequest{
		Name: "orders-with-gifts", OldWfSpec: &lhpb.WfSpecId{Name: "order"},
		MajorVersion: now.Id.MajorVersion, Revision: now.Id.Revision,
		ThreadMigrations: map[string]*lhpb.ThreadMigrationPlanRequest{"entrypoint": {
			NewThreadName:  "entrypoint",
			NodeMigrations: map[string]*lhpb.NodeMigrationPlan{"1-reserve-stock-TASK": {NewNodeName: "1-reserve-stock-TASK"}},
		}},
	})
	return unless(codes.AlreadyExists, err)
}
