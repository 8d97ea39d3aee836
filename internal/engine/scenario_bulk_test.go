package engine_test

import (
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// bulkDelete begins this partition's share of a job, and with "held" only what its first record does: bulk-delete JOB WFSPEC
// status=COMPLETED from=S to=S.
func (s *scenario) bulkDelete(a args) {
	status := lhpb.LHStatus(lhpb.LHStatus_value[a.options["status"]])
	s.patient = slices.Contains(a.words, "held")
	s.do(&pb.Record{Command: &pb.Record_BulkDelete{BulkDelete: shareOf(a, status)}})
	s.patient = false
}

// bulkAct begins one of a job that does something else, and with "held" only what its first record does: bulk-act JOB WFSPEC stop from=S to=S.
func (s *scenario) bulkAct(a args) {
	deed, status := pb.BulkDeed_BULK_DEED_STOP, lhpb.LHStatus_RUNNING
	if a.words[2] == "resume" {
		deed, status = pb.BulkDeed_BULK_DEED_RESUME, lhpb.LHStatus_HALTED
	}
	s.patient = slices.Contains(a.words, "held")
	s.do(&pb.Record{Command: &pb.Record_BulkAct{BulkAct: &pb.BulkAct{Share: shareOf(a, status), Deed: deed}}})
	s.patient = false
}

func shareOf(a args, status lhpb.LHStatus) *pb.BulkDelete {
	return &pb.BulkDelete{
		BulkJobId: &lhpb.BulkJobId{Id: a.words[0]},
		What: &lhpb.BulkDeleteWfRun{
			WfSpecName: a.words[1], WfRunStatus: &status,
			EarliestStart: &timestamppb.Timestamp{Seconds: mustInt(a.options["from"])},
			LatestStart:   &timestamppb.Timestamp{Seconds: mustInt(a.options["to"])},
		},
	}
}
