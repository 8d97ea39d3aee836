package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// CreateBulkJob begins a job; an id that there is gives the job of that id.
func (s *Service) CreateBulkJob(ctx context.Context, req *lhpb.CreateBulkJobRequest) (*lhpb.BulkJob, error) {
	id, refused := newJobID(req.Id)
	if refused != nil {
		return nil, refused
	}
	req.Id = &id
	partitions := int32(len(s.cfg.Routing.Streams()))
	return define[*lhpb.BulkJob](ctx, s, func(r *pb.Record) {
		r.Command = &pb.Record_CreateBulkJob{CreateBulkJob: &pb.CreateBulkJob{Request: req, Partitions: partitions}}
	})
}

// newJobID is the id that was asked for, or else one that nobody has.
func newJobID(asked *string) (string, error) {
	switch {
	case asked == nil:
		return randomID(), nil
	case !cleanID(*asked), len(*asked) > maxIDBytes:
		return "", lh.Errorf(lh.InvalidArgument, "'id' cannot be empty or contain '/', '~' or control characters, nor have more than %d bytes", maxIDBytes)
	}
	return *asked, nil
}

// GetBulkJob reads a job.
func (s *Service) GetBulkJob(ctx context.Context, req *lhpb.GetBulkJobRequest) (*lhpb.BulkJob, error) {
	id := req.GetId().GetId()
	job, err := get[lhpb.BulkJob](ctx, s, s.cfg.Routing.Metadata(), keys.In(callOf(ctx).tenant).BulkJob(id))
	if err == nil && job == nil {
		return nil, lh.Errorf(lh.NotFound, "Couldn't find BulkJob %s", id)
	}
	return job, err
}

// DeleteBulkJob forgets a job that has ended.
func (s *Service) DeleteBulkJob(ctx context.Context, req *lhpb.DeleteBulkJobRequest) (*emptypb.Empty, error) {
	return s.undefine(ctx, func(r *pb.Record) { r.Command = &pb.Record_DeleteBulkJob{DeleteBulkJob: req} })
}

// SearchBulkJob lists jobs, all or those of a status, in order of their ids.
func (s *Service) SearchBulkJob(ctx context.Context, req *lhpb.SearchBulkJobRequest) (*lhpb.BulkJobIdList, error) {
	c := callOf(ctx)
	p, refused := pageOf(c, "SearchBulkJob", req, req.Limit)
	if refused != nil {
		return nil, refused
	}
	jobs := keys.In(c.tenant).BulkJobs()
	if req.Status != nil {
		jobs = keys.In(c.tenant).BulkJobsOf(*req.Status)
	}
	start := jobs
	if p.after != "" {
		start = (jobs + keys.Key(p.after)).After()
	}
	rows, err := s.cfg.Routing.Scan(ctx, s.cfg.Routing.Metadata(), start, jobs.End(), p.limit+1)
	if err != nil {
		return nil, err
	}
	out := &lhpb.BulkJobIdList{}
	if len(rows) > p.limit {
		rows = rows[:p.limit]
		out.Bookmark = p.next(string(rows[p.limit-1].Key[len(jobs):]))
	}
	for _, row := range rows {
		id, err := keys.NextText(jobs, row.Key)
		if err != nil {
			return nil, err
		}
		out.Results = append(out.Results, &lhpb.BulkJobId{Id: id})
	}
	return out, nil
}
