package sim

import (
	"fmt"
	"math"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

const bulkJob = "bulk-job"

// bulk is what a bulk job deletes.
type bulk struct {
	spec   int
	status lhpb.LHStatus
}

// bulkDelete deletes the largest lot of WfRuns of one WfSpec and status, in all partitions. The power fails in the
// middle, and some jobs are cancelled there.
func (w *world) bulkDelete(b bulk) error {
	for id, spec := range w.started {
		if spec == b.spec {
			w.deleted[id]++
		}
	}
	w.bulked = specName(b.spec)
	if err := w.steadyPower(); err != nil {
		return err
	}
	if err := w.createBulkJob(b); err != nil {
		return err
	}
	if err := w.advance(w.rng.IntN(60)); err != nil {
		return err
	}
	if w.rng.IntN(3) == 0 {
		if err := w.cancelBulkJob(); err != nil {
			return err
		}
	}
	if err := w.advance(w.rng.IntN(20)); err != nil {
		return err
	}
	if err := w.crash(); err != nil {
		return err
	}
	if err := w.steadyPower(); err != nil {
		return err
	}
	return w.letPass(horizon)
}

func (w *world) advance(steps int) error {
	for range steps {
		if err := w.server.advance(w.server.lanes[w.rng.IntN(len(w.server.lanes))]); err != nil {
			return err
		}
	}
	return nil
}

// stopInBulk stops what runs of a WfSpec, or cancels a job that does.
func (w *world) stopInBulk() {
	if w.acts > 0 && w.rng.IntN(2) == 0 {
		id := actID(w.rng.IntN(w.acts))
		w.submit(metadata, &pb.Record{Command: &pb.Record_CancelBulkAct{CancelBulkAct: id}}, func(machine.Reply) {})
		return
	}
	spec := w.rng.IntN(specCount)
	if !slices.Contains(w.halted, spec) {
		w.halted = append(w.halted, spec)
	}
	w.bulkAct(spec, pb.BulkDeed_BULK_DEED_STOP, lhpb.LHStatus_RUNNING)
}

// resumeInBulk lets go on what such jobs have stopped of one WfSpec, and reports whether there may be any.
func (w *world) resumeInBulk() bool {
	if len(w.halted) == 0 {
		return false
	}
	w.bulkAct(w.halted[0], pb.BulkDeed_BULK_DEED_RESUME, lhpb.LHStatus_HALTED)
	w.halted = w.halted[1:]
	return true
}

func (w *world) bulkAct(spec int, deed pb.BulkDeed, status lhpb.LHStatus) {
	id := actID(w.acts)
	w.acts++
	act := &pb.CreateBulkAct{
		BulkJobId: id, Which: &lhpb.BulkDeleteWfRun{WfSpecName: specName(spec), WfRunStatus: &status}, Deed: deed, Partitions: partitions,
	}
	r := &pb.Record{Command: &pb.Record_CreateBulkAct{CreateBulkAct: act}}
	if deed == pb.BulkDeed_BULK_DEED_STOP && w.rng.IntN(2) == 0 {
		r.Command = &pb.Record_CreateBulkMatch{CreateBulkMatch: &pb.CreateBulkMatch{Job: act, Conditions: []*pb.BulkCondition{
			{Variable: []string{givenVar, sharedVar}[w.rng.IntN(2)], Value: value.Int(int64(w.rng.IntN(3)))},
		}}}
	}
	w.submit(metadata, r, func(r machine.Reply) {
		if r.Err != nil {
			w.violate("bulk", "a bulk job was refused: %v", r.Err)
		}
	})
}

func actID(n int) *lhpb.BulkJobId { return &lhpb.BulkJobId{Id: fmt.Sprintf("act-%d", n)} }

// steadyPower ends a cut that has come and takes back one that is armed: what is acknowledged without power counts for nothing.
func (w *world) steadyPower() error {
	for w.disk.arm(-1); w.disk.isCut(); w.disk.arm(-1) {
		if err := w.crash(); err != nil {
			return err
		}
	}
	return nil
}

// letPass lets so much time pass.
func (w *world) letPass(d time.Duration) error {
	for end := w.clock.ns + int64(d); ; {
		if err := w.server.settle(); err != nil {
			return err
		}
		at, ok, err := w.nextTimer()
		if err != nil || !ok || at.UnixNano() > end {
			return err
		}
		w.clock.ns = max(w.clock.ns, at.UnixNano())
	}
}

// createBulkJob begins the job, as the official API does or as our own, and waits for the answer.
func (w *world) createBulkJob(b bulk) error {
	id := bulkJob
	which := &lhpb.BulkDeleteWfRun{
		WfSpecName: specName(b.spec), WfRunStatus: &b.status,
		EarliestStart: &timestamppb.Timestamp{}, LatestStart: timestamppb.New(w.clock.Now().Add(horizon)),
	}
	if w.rng.IntN(2) == 0 {
		return w.ask(&pb.Record{Command: &pb.Record_CreateBulkMatch{CreateBulkMatch: &pb.CreateBulkMatch{Job: &pb.CreateBulkAct{
			BulkJobId: &lhpb.BulkJobId{Id: id}, Which: which, Deed: pb.BulkDeed_BULK_DEED_DELETE, Partitions: partitions,
		}}}}, func(machine.Reply) {})
	}
	return w.ask(&pb.Record{Command: &pb.Record_CreateBulkJob{CreateBulkJob: &pb.CreateBulkJob{
		Request:    &lhpb.CreateBulkJobRequest{Id: &id, Operation: &lhpb.CreateBulkJobRequest_BulkDeleteWfRun{BulkDeleteWfRun: which}},
		Partitions: partitions,
	}}}, func(machine.Reply) {})
}

// cancelBulkJob ends the job where it stands, if it has not come to its end.
func (w *world) cancelBulkJob() error {
	return w.ask(&pb.Record{Command: &pb.Record_CancelBulkAct{CancelBulkAct: &lhpb.BulkJobId{Id: bulkJob}}}, func(r machine.Reply) {
		if job, is := r.Value.(*lhpb.BulkJob); is {
			w.cancelled = job.Status == lhpb.BulkJobStatus_BULK_JOB_FAILED
		}
	})
}

// ask waits for the answer of the metadata, which must not refuse.
func (w *world) ask(r *pb.Record, tell func(machine.Reply)) error {
	answered := false
	w.submit(metadata, r, func(reply machine.Reply) {
		if answered = true; reply.Err != nil {
			w.violate("bulk", "%T was refused: %v", r.GetCommand(), reply.Err)
		}
		tell(reply)
	})
	const enough = 100_000
	for range enough {
		if answered {
			return nil
		}
		if err := w.server.advance(w.server.lanes[w.rng.IntN(len(w.server.lanes))]); err != nil {
			return err
		}
	}
	return fmt.Errorf("sim: %T was not answered", r.GetCommand())
}

// matching are the index rows of what the job deletes in a partition.
func (b bulk) matching(m *machine.Mem) (rows []keys.Key) {
	prefix := keys.In(tenant).Tag(keys.TagWfRun).Text(specName(b.spec)).Int(int32(b.status)).Prefix()
	for k := range machine.Scan[pb.Empty](m, prefix, prefix.End(), math.MaxInt) {
		rows = append(rows, k)
	}
	return rows
}

// largestLot is what most WfRuns have come to.
func (w *world) largestLot() (largest bulk) {
	most := -1
	for spec := range specCount {
		for _, status := range []lhpb.LHStatus{lhpb.LHStatus_COMPLETED, lhpb.LHStatus_ERROR, lhpb.LHStatus_EXCEPTION} {
			b, count := bulk{spec, status}, 0
			for _, s := range w.streams {
				m, err := w.state(s)
				if err != nil {
					w.violate("bulk", "%v", err)
					return largest
				}
				count += len(b.matching(m))
			}
			if count > most {
				largest, most = b, count
			}
		}
	}
	return largest
}

// judgeBulk wants the job completed and everything that matched gone. Of one that was cancelled, each WfRun is there as it was, or all of it is gone.
func (w *world) judgeBulk(b bulk) {
	for _, s := range w.streams {
		m, err := w.state(s)
		if err != nil {
			w.violate("bulk", "%v", err)
			return
		}
		switch s.Kind {
		case machine.Metadata:
			job := machine.Get[lhpb.BulkJob](m, keys.In(tenant).BulkJob(bulkJob))
			want := lhpb.BulkJobStatus_BULK_JOB_COMPLETED
			if w.cancelled {
				want = lhpb.BulkJobStatus_BULK_JOB_FAILED
			}
			if job.GetStatus() != want || len(job.GetSubprocesses()) != partitions {
				w.violate("bulk", "the job is %v", job)
			}
		case machine.Core:
			w.judgeBulkShare(b, s, m)
		case machine.Repartition:
		}
	}
}

func (w *world) judgeBulkShare(b bulk, s machine.Stream, m *machine.Mem) {
	if m.Bytes(keys.In(tenant).BulkShare(bulkJob)) != nil {
		w.violate("bulk", "%s: the share is not done", s)
	}
	deleting := keys.In(tenant).Tag(keys.TagDeleting).Text(specName(b.spec)).Prefix()
	for k := range machine.Scan[pb.Empty](m, deleting, deleting.End(), math.MaxInt) {
		w.violate("bulk", "%s: %q is deleted in part", s, k)
	}
	for _, k := range b.matching(m) {
		if !w.cancelled {
			w.violate("bulk", "%s: %q is left", s, k)
		}
	}
}
