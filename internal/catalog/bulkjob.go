package catalog

import (
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// Bulk jobs are no definitions: there is one row of each, as it stands now.
func (t *txn) bulkJob(id string) *lhpb.BulkJob {
	return machine.Get[lhpb.BulkJob](t.view, keys.In(t.tenant).BulkJob(id))
}

// changeBulkJob stores what a job is after what it was, and keeps its row in the index; nil is none.
func (t *txn) changeBulkJob(before, after *lhpb.BulkJob) {
	in := keys.In(t.tenant)
	if before != nil && (after == nil || after.Status != before.Status) {
		t.changes = append(t.changes, machine.Change{Key: in.BulkJobIndex(before)})
	}
	if after == nil {
		t.changes = append(t.changes, machine.Change{Key: in.BulkJob(before.Id.GetId())})
		return
	}
	if before == nil || before.Status != after.Status {
		t.changes = append(t.changes, machine.Change{Key: in.BulkJobIndex(after), Value: &pb.Empty{}})
	}
	t.changes = append(t.changes, machine.Change{Key: in.BulkJob(after.Id.GetId()), Value: after})
}

// createBulkJob stores a job and hands each partition its share. A job of that id is returned as it is.
func (t *txn) createBulkJob(c *pb.CreateBulkJob) (*lhpb.BulkJob, *lh.Error) {
	id := c.GetRequest().GetId()
	if old := t.bulkJob(id); old != nil {
		return old, nil
	}
	what, refusal := t.bulkDelete(c.GetRequest().GetBulkDeleteWfRun())
	if refusal != nil {
		return nil, refusal
	}
	job := &lhpb.BulkJob{
		Id:                &lhpb.BulkJobId{Id: id},
		CreatedAt:         t.now(),
		Operation:         &lhpb.BulkJob_BulkDeleteWfRun{BulkDeleteWfRun: what},
		TotalSubprocesses: c.Partitions,
	}
	for n := range c.Partitions {
		job.Subprocesses = append(job.Subprocesses, &lhpb.BulkJob_Subprocess{Id: n})
		t.emit(machine.Stream{Kind: machine.Core, Partition: uint16(n)}, &pb.Record{Command: &pb.Record_BulkDelete{
			BulkDelete: &pb.BulkDelete{BulkJobId: job.Id, What: what, Subprocess: n},
		}})
	}
	t.changeBulkJob(nil, job)
	return job, nil
}

// bulkDelete is what the request asks for, with the bounds of time that it leaves open.
func (t *txn) bulkDelete(asked *lhpb.BulkDeleteWfRun) (*lhpb.BulkDeleteWfRun, *lh.Error) {
	if asked == nil {
		return nil, invalid("bulkDeleteWfRun must be provided: a bulk job needs an operation")
	}
	if strings.TrimSpace(asked.WfSpecName) == "" {
		return nil, invalid("wfSpecName must be provided")
	}
	what := asked.CloneVT()
	for _, bound := range []**timestamppb.Timestamp{&what.EarliestStart, &what.LatestStart} {
		if *bound == nil {
			*bound = t.now()
		}
		if err := (*bound).CheckValid(); err != nil {
			return nil, invalid("earliestStart and latestStart must be times: %v", err)
		}
	}
	if what.EarliestStart.AsTime().After(what.LatestStart.AsTime()) {
		return nil, invalid("earliestStart must be before or equal to latestStart")
	}
	if what.WfRunStatus == nil {
		return nil, invalid("wfRunStatus must be provided")
	}
	switch *what.WfRunStatus {
	case lhpb.LHStatus_COMPLETED, lhpb.LHStatus_HALTED, lhpb.LHStatus_ERROR, lhpb.LHStatus_EXCEPTION:
		return what, nil
	default:
		return nil, invalid("wfRunStatus must be a terminal status")
	}
}

// bulkJobProgress takes in how far a partition is. The job is done when all are.
func (t *txn) bulkJobProgress(p *pb.BulkJobProgress) {
	before := t.bulkJob(p.GetBulkJobId().GetId())
	job := before.CloneVT()
	if p.Subprocess < 0 || int(p.Subprocess) >= len(job.GetSubprocesses()) {
		return
	}
	part := job.Subprocesses[p.Subprocess]
	part.Status = p.Status
	if p.LastSeenKey != nil {
		part.LastSeenKey = p.LastSeenKey
	}
	job.Status = lhpb.BulkJobStatus_BULK_JOB_COMPLETED
	for _, part := range job.Subprocesses {
		if part.Status != lhpb.BulkJobStatus_BULK_JOB_COMPLETED {
			job.Status = lhpb.BulkJobStatus_BULK_JOB_RUNNING
		}
	}
	t.changeBulkJob(before, job)
}

func (t *txn) deleteBulkJob(req *lhpb.DeleteBulkJobRequest) *lh.Error {
	job := t.bulkJob(req.GetId().GetId())
	switch {
	case job == nil:
		return lh.Errorf(lh.NotFound, "Couldn't find BulkJob %s", req.GetId().GetId())
	case job.Status == lhpb.BulkJobStatus_BULK_JOB_RUNNING:
		return lh.Errorf(lh.FailedPrecondition, "Cannot delete a RUNNING BulkJob")
	}
	t.changeBulkJob(job, nil)
	return nil
}
