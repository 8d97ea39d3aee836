package engine_test

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// bulkDelete begins this partition's share of a job: bulk-delete JOB WFSPEC status=COMPLETED from=S to=S.
func (s *scenario) bulkDelete(a args) {
	status := lhpb.LHStatus(lhpb.LHStatus_value[a.options["status"]])
	s.do(&pb.Record{Command: &pb.Record_BulkDelete{BulkDelete: &pb.BulkDelete{
		BulkJobId: &lhpb.BulkJobId{Id: a.words[0]},
		What: &lhpb.BulkDeleteWfRun{
			WfSpecName: a.words[1], WfRunStatus: &status,
			EarliestStart: &timestamppb.Timestamp{Seconds: mustInt(a.options["from"])},
			LatestStart:   &timestamppb.Timestamp{Seconds: mustInt(a.options["to"])},
		},
	}}})
}
