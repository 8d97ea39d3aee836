package api

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

func TestPlansInUseAreNotDeleted(t *testing.T) {
	f := newFace(t)
	last := f.cluster.Streams()[len(f.cluster.Streams())-1]
	row := keys.In(DefaultTenant).Tag(keys.TagMigration).Text("used").Row(1, keys.TagID{WfRun: "w1"})
	f.cluster.put(last, row, &pb.Empty{})
	deleted := 0
	f.cluster.answer = func(to machine.Stream, r *machine.Record) (proto.Message, error) {
		if to != f.cluster.Metadata() || r.GetDeleteWorkflowMigrationPlan() == nil {
			t.Errorf("%T was sent to %s", r.Command, to)
		}
		deleted++
		return nil, nil
	}
	for name, want := range map[string]codes.Code{"used": codes.FailedPrecondition, "use": codes.OK} {
		_, err := f.client.DeleteWorkflowMigrationPlan(t.Context(), &lhpb.DeleteWorkflowMigrationPlanRequest{Id: &lhpb.WorkflowMigrationPlanId{Name: name}})
		if status.Code(err) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if deleted != 1 {
		t.Errorf("%d records were sent", deleted)
	}
}
