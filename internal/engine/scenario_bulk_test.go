package engine_test

import (
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/pb"
	"littlehorse/internal/value"
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

// bulkAct begins one of a job of our own, and with "held" only what its first record does: bulk-act JOB WFSPEC stop|resume|delete from=S to=S
// [status=COMPLETED] [where=(NAME:VALUE,NAME$.PATH:VALUE)].
func (s *scenario) bulkAct(a args) {
	deed, status := pb.BulkDeed_BULK_DEED_STOP, lhpb.LHStatus_RUNNING
	switch a.words[2] {
	case "resume":
		deed, status = pb.BulkDeed_BULK_DEED_RESUME, lhpb.LHStatus_HALTED
	case "delete":
		deed, status = pb.BulkDeed_BULK_DEED_DELETE, lhpb.LHStatus(lhpb.LHStatus_value[a.options["status"]])
	}
	act := &pb.BulkAct{Share: shareOf(a, status), Deed: deed}
	r := &pb.Record{Command: &pb.Record_BulkAct{BulkAct: act}}
	if where := a.options["where"]; where != "" || deed == pb.BulkDeed_BULK_DEED_DELETE {
		r.Command = &pb.Record_BulkMatch{BulkMatch: &pb.BulkMatch{Act: act, Conditions: conditionsOf(where)}}
	}
	s.patient = slices.Contains(a.words, "held")
	s.do(r)
	s.patient = false
}

func conditionsOf(where string) (out []*pb.BulkCondition) {
	for _, text := range strings.FieldsFunc(where, func(c rune) bool { return c == ',' }) {
		name, wanted, _ := strings.Cut(text, ":")
		c := &pb.BulkCondition{Variable: name, Value: value.Str(wanted)}
		if n, err := strconv.ParseInt(wanted, 10, 64); err == nil {
			c.Value = value.Int(n)
		}
		if variable, path, has := strings.Cut(name, "$"); has {
			c.Variable, c.Path = variable, "$"+path
		}
		out = append(out, c)
	}
	return out
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
