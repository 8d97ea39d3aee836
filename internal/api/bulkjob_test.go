package api

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

func TestCreateBulkJobIsCheckedAtTheEdge(t *testing.T) {
	f := newFace(t)
	for name, c := range map[string]struct {
		id   *string
		want codes.Code
	}{
		"the server chooses":  {nil, codes.OK},
		"an id":               {proto.String("a job"), codes.OK},
		"an empty id":         {proto.String(""), codes.InvalidArgument},
		"an id that is a key": {proto.String("a/b"), codes.InvalidArgument},
	} {
		id := ""
		f.cluster.answer = func(to machine.Stream, r *machine.Record) (proto.Message, error) {
			command := r.GetCreateBulkJob()
			if to != f.cluster.Metadata() || int(command.Partitions) != len(f.cluster.Streams()) {
				t.Errorf("%s: sent to %s for %d partitions", name, to, command.Partitions)
			}
			id = command.Request.GetId()
			return &lhpb.BulkJob{}, nil
		}
		_, err := f.client.CreateBulkJob(t.Context(), &lhpb.CreateBulkJobRequest{Id: c.id})
		if got := status.Code(err); got != c.want || (got == codes.OK) != (id != "") {
			t.Errorf("%s: %v, id %q", name, err, id)
		}
	}
}

func TestBulkJobsAreFoundByStatus(t *testing.T) {
	f := newFace(t)
	meta := f.cluster.Metadata()
	const jobs = 266
	for n := range jobs {
		job := &lhpb.BulkJob{Id: &lhpb.BulkJobId{Id: fmt.Sprintf("job-%03d", n)}, Status: lhpb.BulkJobStatus(n % 2)}
		f.cluster.put(meta, keys.In(DefaultTenant).BulkJob(job.Id.Id), job)
		f.cluster.put(meta, keys.In(DefaultTenant).BulkJobIndex(job), &pb.Empty{})
	}
	running := lhpb.BulkJobStatus_BULK_JOB_RUNNING
	for want, req := range map[int]*lhpb.SearchBulkJobRequest{
		jobs: {Limit: proto.Int32(100)}, jobs / 2: {Limit: proto.Int32(7), Status: &running},
	} {
		var found []string
		for {
			page, err := f.client.SearchBulkJob(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			for _, id := range page.Results {
				found = append(found, id.Id)
			}
			if req.Bookmark = page.Bookmark; page.Bookmark == nil {
				break
			}
		}
		if len(found) != want || !slices.IsSorted(found) || len(slices.Compact(found)) != want {
			t.Errorf("found %d jobs, want %d: %v", len(found), want, found)
		}
	}
	if _, err := f.client.GetBulkJob(t.Context(), &lhpb.GetBulkJobRequest{Id: &lhpb.BulkJobId{Id: "nobody"}}); status.Code(err) != codes.NotFound {
		t.Errorf("a job that is not there: %v", err)
	}
}
