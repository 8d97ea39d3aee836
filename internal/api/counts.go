package api

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// Bounds of counts: of what is read, and of what is told of it.
const (
	countedMinutes = 24 * 60
	mostMinutes    = 3 * countedMinutes
	mostParts      = 100
)

// GetWfRunCounts adds up what happened to WfRuns: windows of one object, which lie in one stream.
func (s *Service) GetWfRunCounts(ctx context.Context, req *extra.GetWfRunCountsRequest) (*extra.GetWfRunCountsResponse, error) {
	minutes, parts := int32(countedMinutes), int32(1)
	if req.Minutes != nil {
		minutes = *req.Minutes
	}
	if req.Parts != nil {
		parts = *req.Parts
	}
	switch {
	case minutes < 1, minutes > mostMinutes:
		return nil, lh.Errorf(lh.InvalidArgument, "'minutes' must be 1 to %d", mostMinutes)
	case parts < 1, parts > mostParts:
		return nil, lh.Errorf(lh.InvalidArgument, "'parts' must be 1 to %d", mostParts)
	}
	of := keys.Counted{Type: lhpb.MetricWindowType_WORKFLOW_METRIC}
	if req.WfSpecId != nil {
		if _, err := s.GetWfSpec(ctx, req.WfSpecId); err != nil {
			return nil, err
		}
		of = keys.CountedWfSpec(req.WfSpecId)
	}
	end := s.dataTime()
	first := end.Add(-time.Duration(minutes) * time.Minute)
	windows, err := s.listWindows(ctx, callOf(ctx).tenant, of, timestamppb.New(first), timestamppb.New(end))
	if err != nil {
		return nil, err
	}
	long := end.Sub(first) / time.Duration(parts)
	out := &extra.GetWfRunCountsResponse{}
	for n := range parts {
		out.Parts = append(out.Parts, &extra.WfRunCounts{Start: timestamppb.New(first.Add(time.Duration(n) * long))})
	}
	for _, w := range windows.Windows {
		at := w.GetId().GetWindowStart().AsTime().Sub(first) / long
		part, counted := out.Parts[max(0, min(int32(at), parts-1))], w.GetWorkflow()
		part.Started += int64(counted.GetStarted().GetCount())
		part.Completed += int64(counted.GetRunningToCompleted().GetCount())
		part.Failed += int64(counted.GetRunningToError().GetCount())
		part.Exceptions += int64(counted.GetRunningToException().GetCount())
		part.Halted += int64(counted.GetRunningToHalted().GetCount()) + int64(counted.GetHaltingToHalted().GetCount())
	}
	return out, nil
}
