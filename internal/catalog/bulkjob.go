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

func (t *txn) bulkAct(id string) *pb.BulkActRow {
	return machine.Get[pb.BulkActRow](t.view, keys.In(t.tenant).BulkAct(id))
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
	t.share(job, what, func(share *pb.BulkDelete) *pb.Record {
		return &pb.Record{Command: &pb.Record_BulkDelete{BulkDelete: share}}
	})
	return job, nil
}

// share stores a new job and hands out its shares.
func (t *txn) share(job *lhpb.BulkJob, which *lhpb.BulkDeleteWfRun, record func(*pb.BulkDelete) *pb.Record) {
	for n := range job.TotalSubprocesses {
		job.Subprocesses = append(job.Subprocesses, &lhpb.BulkJob_Subprocess{Id: n})
		t.emit(coreOf(n), record(&pb.BulkDelete{BulkJobId: job.Id, What: which, Subprocess: n}))
	}
	t.changeBulkJob(nil, job)
}

func coreOf(subprocess int32) machine.Stream {
	return machine.Stream{Kind: machine.Core, Partition: uint16(subprocess)}
}

// createBulkAct stores a job that stops WfRuns or lets them go on.
func (t *txn) createBulkAct(c *pb.CreateBulkAct) (*lhpb.BulkJob, *lh.Error) {
	return t.createBulkRun(c, nil, func(share *pb.BulkAct) *pb.Record { return &pb.Record{Command: &pb.Record_BulkAct{BulkAct: share}} })
}

// createBulkMatch stores one that deletes them, or goes by their Variables.
func (t *txn) createBulkMatch(c *pb.CreateBulkMatch) (*lhpb.BulkJob, *lh.Error) {
	return t.createBulkRun(c.GetJob(), c.GetConditions(), func(share *pb.BulkAct) *pb.Record {
		return &pb.Record{Command: &pb.Record_BulkMatch{BulkMatch: &pb.BulkMatch{Act: share, Conditions: c.GetConditions()}}}
	})
}

// createBulkRun stores a job of our own. To who knows no such jobs it is one without an operation.
func (t *txn) createBulkRun(c *pb.CreateBulkAct, conditions []*pb.BulkCondition, record func(*pb.BulkAct) *pb.Record) (*lhpb.BulkJob, *lh.Error) {
	if old := t.bulkJob(c.GetBulkJobId().GetId()); old != nil {
		return old, nil
	}
	which := c.GetWhich().CloneVT()
	if which.EarliestStart == nil {
		which.EarliestStart = &timestamppb.Timestamp{}
	}
	which, refusal := t.bounded(which)
	if refusal != nil {
		return nil, refusal
	}
	job := &lhpb.BulkJob{Id: c.GetBulkJobId(), CreatedAt: t.now(), TotalSubprocesses: c.GetPartitions()}
	t.share(job, which, func(share *pb.BulkDelete) *pb.Record { return record(&pb.BulkAct{Share: share, Deed: c.GetDeed()}) })
	t.changes = append(t.changes, machine.Change{
		Key:   keys.In(t.tenant).BulkAct(job.Id.GetId()),
		Value: &pb.BulkActRow{Deed: c.GetDeed(), Which: which, Done: make([]int64, c.GetPartitions()), Conditions: conditions},
	})
	return job, nil
}

// cancelBulkAct ends a job where it stands. Records of earlier versions end none that deletes.
func (t *txn) cancelBulkAct(id *lhpb.BulkJobId) (*lhpb.BulkJob, *lh.Error) {
	before := t.bulkJob(id.GetId())
	switch {
	case before == nil:
		return nil, lh.Errorf(lh.NotFound, "Couldn't find BulkJob %s", id.GetId())
	case t.bulkAct(id.GetId()) == nil && t.version() < machine.EndsDeletes:
		return nil, lh.Errorf(lh.FailedPrecondition, "servers are there that cannot cancel BulkJob %s, which deletes", id.GetId())
	case before.Status != lhpb.BulkJobStatus_BULK_JOB_RUNNING:
		return before, nil
	}
	job := before.CloneVT()
	job.Status = lhpb.BulkJobStatus_BULK_JOB_FAILED
	for _, part := range job.Subprocesses {
		if part.Status == lhpb.BulkJobStatus_BULK_JOB_RUNNING {
			part.Status = lhpb.BulkJobStatus_BULK_JOB_FAILED
			t.emit(coreOf(part.Id), &pb.Record{Command: &pb.Record_EndBulkAct{EndBulkAct: job.Id}})
		}
	}
	t.changeBulkJob(before, job)
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
	what, refusal := t.bounded(asked.CloneVT())
	switch {
	case refusal != nil:
		return nil, refusal
	case what.WfRunStatus == nil:
		return nil, invalid("wfRunStatus must be provided")
	}
	switch *what.WfRunStatus {
	case lhpb.LHStatus_COMPLETED, lhpb.LHStatus_HALTED, lhpb.LHStatus_ERROR, lhpb.LHStatus_EXCEPTION:
		return what, nil
	default:
		return nil, invalid("wfRunStatus must be a terminal status")
	}
}

// bounded sets the bounds of time that are left open.
func (t *txn) bounded(what *lhpb.BulkDeleteWfRun) (*lhpb.BulkDeleteWfRun, *lh.Error) {
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
	return what, nil
}

// bulkJobProgress takes in how far a partition is. The job is done when all are.
func (t *txn) bulkJobProgress(p *pb.BulkJobProgress) {
	before := t.bulkJob(p.GetBulkJobId().GetId())
	job := before.CloneVT()
	if p.Subprocess < 0 || int(p.Subprocess) >= len(job.GetSubprocesses()) {
		return
	}
	part := job.Subprocesses[p.Subprocess]
	t.countActs(p)
	if job.Status == lhpb.BulkJobStatus_BULK_JOB_FAILED {
		return
	}
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

// countActs takes in to how many WfRuns a partition has done what a job of our own does.
func (t *txn) countActs(p *pb.BulkJobProgress) {
	id := p.GetBulkJobId().GetId()
	before := t.bulkAct(id)
	if before == nil || before.Done[p.Subprocess] == p.Done {
		return
	}
	act := before.CloneVT()
	act.Done[p.Subprocess] = p.Done
	t.changes = append(t.changes, machine.Change{Key: keys.In(t.tenant).BulkAct(id), Value: act})
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
	if id := job.Id.GetId(); t.bulkAct(id) != nil {
		t.changes = append(t.changes, machine.Change{Key: keys.In(t.tenant).BulkAct(id)})
	}
	return nil
}
