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

func TestScheduleWfIsCheckedAtTheEdge(t *testing.T) {
	f := newFace(t)
	f.definitions.specs["report"] = &lhpb.WfSpec{Id: &lhpb.WfSpecId{Name: "report", MajorVersion: 1}}
	var asked []*pb.ScheduleWf
	f.cluster.answer = func(to machine.Stream, r *machine.Record) (proto.Message, error) {
		c := r.GetScheduleWf()
		if want := f.cluster.Core(DefaultTenant, c.Request.GetId()); to != want {
			t.Errorf("schedule %s was sent to %s, its place is %s", c.Request.GetId(), to, want)
		}
		asked = append(asked, c)
		return &lhpb.ScheduledWfRun{}, nil
	}
	id := func(s string) *string { return &s }
	one := int32(1)
	for name, c := range map[string]struct {
		req  *lhpb.ScheduleWfRequest
		want codes.Code
	}{
		"all is well":               {&lhpb.ScheduleWfRequest{WfSpecName: "report", Id: id("nightly")}, codes.OK},
		"the server chooses":        {&lhpb.ScheduleWfRequest{WfSpecName: "report"}, codes.OK},
		"an empty id is none":       {&lhpb.ScheduleWfRequest{WfSpecName: "report", Id: id("")}, codes.OK},
		"no WfSpec is named":        {&lhpb.ScheduleWfRequest{}, codes.InvalidArgument},
		"there is no such WfSpec":   {&lhpb.ScheduleWfRequest{WfSpecName: "nothing"}, codes.InvalidArgument},
		"revision without major":    {&lhpb.ScheduleWfRequest{WfSpecName: "report", Revision: &one}, codes.InvalidArgument},
		"an id that is no id":       {&lhpb.ScheduleWfRequest{WfSpecName: "report", Id: id("a/b")}, codes.InvalidArgument},
		"a long id":                 {&lhpb.ScheduleWfRequest{WfSpecName: "report", Id: id(strings.Repeat("a", maxIDBytes+1))}, codes.InvalidArgument},
		"a parent that is no WfRun": {&lhpb.ScheduleWfRequest{WfSpecName: "report", ParentWfRunId: &lhpb.WfRunId{Id: "_"}}, codes.InvalidArgument},
	} {
		asked = nil
		_, err := f.client.ScheduleWf(t.Context(), c.req)
		if got := status.Code(err); got != c.want {
			t.Errorf("%s: %v", name, err)
		}
		if c.want == codes.OK && (len(asked) != 1 || asked[0].Request.GetId() == "" || asked[0].WfSpecId.MajorVersion != 1) {
			t.Errorf("%s: the record is %v", name, asked)
		}
	}
}

func TestSchedulesAreFoundByWfSpec(t *testing.T) {
	f := newFace(t)
	tenant := keys.In(DefaultTenant)
	for n, id := range []string{"a", "b", "c", "d"} {
		w := &lhpb.ScheduledWfRun{
			Id: &lhpb.ScheduledWfRunId{Id: id}, WfSpecId: &lhpb.WfSpecId{Name: "report", MajorVersion: int32(n / 2), Revision: int32(n % 2)},
			Variables: map[string]*lhpb.VariableValue{"x": value.Int(1)},
		}
		at := f.cluster.Core(DefaultTenant, id)
		f.cluster.put(at, tenant.Schedule(id), &pb.ScheduleRow{ScheduledWfRun: w})
		f.cluster.put(at, tenant.Tag(keys.TagSchedule).Text("report").Version(w.WfSpecId).Row(int64(100-n), keys.TagID{Guid: id}), &pb.Empty{})
	}
	zero, one := int32(0), int32(1)
	for _, c := range []struct {
		req  *lhpb.SearchScheduledWfRunRequest
		want string
	}{
		{&lhpb.SearchScheduledWfRunRequest{WfSpecName: "report"}, "d c b a"},
		{&lhpb.SearchScheduledWfRunRequest{WfSpecName: "report", MajorVersion: &one}, "d c"},
		{&lhpb.SearchScheduledWfRunRequest{WfSpecName: "report", MajorVersion: &zero, Revision: &one}, "b"},
		{&lhpb.SearchScheduledWfRunRequest{WfSpecName: "other"}, ""},
	} {
		got, err := f.client.SearchScheduledWfRun(t.Context(), c.req)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, id := range got.Results {
			ids = append(ids, id.Id)
		}
		if strings.Join(ids, " ") != c.want {
			t.Errorf("%v: %v, want %s", c.req, ids, c.want)
		}
	}
	_, err := f.client.SearchScheduledWfRun(t.Context(), &lhpb.SearchScheduledWfRunRequest{WfSpecName: "report", Revision: &one})
	if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "wfSpecMajorVersion") {
		t.Errorf("revision without major version: %v", err)
	}
	if got, err := f.client.GetScheduledWfRun(t.Context(), &lhpb.ScheduledWfRunId{Id: "c"}); err != nil || got.Id.Id != "c" {
		t.Errorf("c is %v, %v", got, err)
	}
	if _, err := f.client.GetScheduledWfRun(t.Context(), &lhpb.ScheduledWfRunId{Id: "e"}); status.Code(err) != codes.NotFound {
		t.Errorf("e is %v", err)
	}
}
