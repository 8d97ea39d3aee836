package api

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// A record that would have to read thousands of ThreadRuns for its reply leaves that to the server: the client gets the whole
// WfRun all the same, or all of it that a message holds.
func TestReplyOfAGiant(t *testing.T) {
	f := newFace(t)
	id := &lhpb.WfRunId{Id: "w"}
	run, home := keys.In(DefaultTenant).Run(id), f.cluster.Core(DefaultTenant, "w")
	f.cluster.answer = func(machine.Stream, *machine.Record) (proto.Message, error) { return nil, nil }
	rescued := func() *lhpb.WfRun {
		t.Helper()
		w, err := f.client.RescueThreadRun(t.Context(), &lhpb.RescueThreadRunRequest{WfRunId: id})
		if err != nil {
			t.Fatal(err)
		}
		migrated, err := f.client.ApplyWorkflowMigrationPlan(t.Context(), &lhpb.ApplyWorkflowMigrationPlanRequest{WfRunId: id})
		if err != nil || !proto.Equal(migrated, w) {
			t.Fatalf("%v; migrated %v, rescued %v", err, migrated, w)
		}
		return w
	}
	f.cluster.put(home, run.WfRun(), &pb.WfRunRow{WfRun: &lhpb.WfRun{Id: id, Status: lhpb.LHStatus_RUNNING}})
	for n := range int32(3) {
		f.cluster.put(home, run.ThreadRun(n), &lhpb.ThreadRun{Number: n, Output: value.Str("x")})
	}
	if w := rescued(); w.Id.Id != "w" || len(w.ThreadRuns) != 3 {
		t.Errorf("the reply is %v", w)
	}
	for n := range int32(3) {
		f.cluster.put(home, run.ThreadRun(n), &lhpb.ThreadRun{Number: n, Output: value.Str(strings.Repeat("x", MaxMessageBytes/2))})
	}
	if w := rescued(); w.Status != lhpb.LHStatus_RUNNING || len(w.ThreadRuns) != 0 {
		t.Errorf("the reply has %d bytes", proto.Size(w))
	}
	f.cluster.remove(home, run.WfRun())
	_, err := f.client.RescueThreadRun(t.Context(), &lhpb.RescueThreadRunRequest{WfRunId: id})
	if status.Code(err) != codes.NotFound {
		t.Errorf("a WfRun that is deleted meanwhile: %v", err)
	}
}
