package api

import (
	"context"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// countPage is how many counters of one partition are read at once.
const countPage = 500

// CountNodeRun says how many NodeRuns there are, of all WfSpecs, or of the versions that the filter names.
func (s *Service) CountNodeRun(ctx context.Context, req *lhpb.CountNodeRunRequest) (*lhpb.Count, error) {
	t, f := keys.In(callOf(ctx).tenant), req.GetWfSpecFilter()
	of := keys.CountedWfSpec(&lhpb.WfSpecId{
		Name: f.GetWfSpecName(), MajorVersion: f.GetWfSpecMajorVersion(), Revision: f.GetWfSpecRevision(),
	})
	switch {
	case f == nil:
		return s.sumCounts(ctx, t.CountsOfType(of.Type))
	case f.WfSpecRevision != nil && f.WfSpecMajorVersion == nil:
		return nil, lh.Errorf(lh.InvalidArgument, "wfSpecRevision requires wfSpecMajorVersion to be set")
	case f.WfSpecMajorVersion == nil:
		return s.sumCounts(ctx, t.CountsOfName(of))
	case f.WfSpecRevision == nil:
		return s.sumCounts(ctx, t.CountsOfMajor(of))
	default:
		return s.sumCount(ctx, t.Counts(of))
	}
}

// CountTaskRun says how many attempts of a TaskDef wait for a worker.
func (s *Service) CountTaskRun(ctx context.Context, req *lhpb.CountTaskRunRequest) (*lhpb.Count, error) {
	if req.TaskDefName == "" {
		return nil, lh.Errorf(lh.InvalidArgument, "taskDefName is required")
	}
	if req.Status != lhpb.TaskStatus_TASK_SCHEDULED {
		return nil, lh.Errorf(lh.InvalidArgument, "Only TASK_SCHEDULED status is currently supported for counting TaskRuns")
	}
	return s.sumCount(ctx, keys.In(callOf(ctx).tenant).Counts(keys.CountedTaskDef(req.TaskDefName)))
}

// sumCount adds the counters of one object over all partitions.
func (s *Service) sumCount(ctx context.Context, k keys.Key) (*lhpb.Count, error) {
	sum := &lhpb.Count{}
	for _, stream := range s.cfg.Routing.Streams() {
		row, err := get[pb.Counts](ctx, s, stream, k)
		if err != nil {
			return nil, err
		}
		sum.Value += row.GetNow()
	}
	return sum, nil
}

// sumCounts adds the counters of many objects, of which there are as many as there are versions of WfSpecs.
func (s *Service) sumCounts(ctx context.Context, prefix keys.Key) (*lhpb.Count, error) {
	sum := &lhpb.Count{}
	for _, stream := range s.cfg.Routing.Streams() {
		n, err := s.sumCountsIn(ctx, stream, prefix)
		if err != nil {
			return nil, err
		}
		sum.Value += n
	}
	return sum, nil
}

func (s *Service) sumCountsIn(ctx context.Context, stream machine.Stream, prefix keys.Key) (sum int64, err error) {
	for rows, err := range pages(s.scanOf(ctx, stream), prefix, countPage) {
		if err != nil {
			return 0, err
		}
		for _, r := range rows {
			row, err := decode[pb.Counts](r.Value)
			if err != nil {
				return 0, err
			}
			sum += row.Now
		}
	}
	return sum, nil
}
