package engine

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// bulkShare is a partition's share of a bulk job within a record. Its row is there until the share is done.
type bulkShare struct {
	tx  *txn
	row row[pb.BulkShare, *pb.BulkShare]
}

func (t *txn) bulkShare(job string) *bulkShare {
	return &bulkShare{tx: t, row: load[pb.BulkShare](t, t.keys.BulkShare(job))}
}

// bulkDelete begins a share of a job that deletes.
func (t *txn) bulkDelete(c *pb.BulkDelete) machine.Reply {
	return t.beginShare(&pb.BulkShare{Job: c})
}

// bulkAct begins a share of one that does something else.
func (t *txn) bulkAct(c *pb.BulkAct) machine.Reply {
	return t.beginShare(&pb.BulkShare{Job: c.GetShare(), Deed: c.GetDeed()})
}

// bulkMatch begins one of a job with conditions.
func (t *txn) bulkMatch(c *pb.BulkMatch) machine.Reply {
	return t.beginShare(&pb.BulkShare{Job: c.GetAct().GetShare(), Deed: c.GetAct().GetDeed(), Conditions: c.GetConditions()})
}

func (t *txn) beginShare(of *pb.BulkShare) machine.Reply {
	s := t.bulkShare(of.GetJob().GetBulkJobId().GetId())
	if s.row.now == nil {
		s.row.put(t, of)
		s.goOn()
	}
	return done
}

// endBulkAct lets go of a share where it stands.
func (t *txn) endBulkAct(job *lhpb.BulkJobId) machine.Reply {
	if s := t.bulkShare(job.GetId()); s.row.now != nil {
		s.report(lhpb.BulkJobStatus_BULK_JOB_FAILED)
		s.row.drop(t)
	}
	return done
}

// goOnInBulk takes up a share where it stands.
func (t *txn) goOnInBulk(job string) {
	if s := t.bulkShare(job); s.row.now != nil {
		s.goOn()
	}
}

// goOn deals with as many WfRuns as one record may, and leaves the rest to the next. Other commands go between.
func (s *bulkShare) goOn() {
	if s.step() {
		s.report(lhpb.BulkJobStatus_BULK_JOB_COMPLETED)
		s.row.drop(s.tx)
		return
	}
	if s.tx.nowNs-s.row.now.ReportedNs >= bulkReportNs {
		s.row.edit(s.tx).ReportedNs = s.tx.nowNs
		s.report(lhpb.BulkJobStatus_BULK_JOB_RUNNING)
	}
	s.tx.emitContinue(s.row.key)
}

// bulkReportNs is how often a share that goes on says so.
const bulkReportNs = 1_000_000_000

// step reports whether everything that matches was dealt with.
func (s *bulkShare) step() bool {
	if s.stillDeleting() {
		return false
	}
	left := s.tx.engine.config.MaxBulkDeletes
	versions, looks := left, s.looks()
	for behind := s.version().Prefix(); s.takeUp(behind); versions-- {
		if versions == 0 {
			return false
		}
		version, from, to := s.rest()
		for k := range machine.Scan[pb.Empty](s.tx.view, from, to, looks+1) {
			if left == 0 || looks == 0 || s.tx.deleted >= s.tx.engine.config.DeleteChunk || s.exhausted() {
				return false
			}
			looks--
			startMs, id, err := keys.ParseTagRow(version.Prefix(), k)
			if err != nil {
				continue
			}
			at := s.row.edit(s.tx)
			at.StartMs, at.WfRun = startMs, id.WfRun
			if !s.met(id.WfRun) {
				continue
			}
			left--
			if w := s.tx.wfRun(lh.ParseWfRunID(id.WfRun)); w != nil {
				s.deal(w)
			}
			if s.stillDeleting() {
				return false
			}
		}
		behind = version.Prefix().End()
	}
	return true
}

// looksADeed is how many WfRuns are looked at for each that a record may deal with, if there are conditions.
const looksADeed = 10

// looks is how many WfRuns a record may look at.
func (s *bulkShare) looks() int {
	most := s.tx.engine.config.MaxBulkDeletes
	if len(s.row.now.Conditions) > 0 {
		most *= looksADeed
	}
	return most
}

// met reports whether a WfRun meets the conditions, as the record finds it.
func (s *bulkShare) met(run string) bool {
	for _, c := range s.row.now.Conditions {
		v := get[lhpb.Variable](s.tx.view, s.tx.keys.RunNamed(run).Variable(0, c.Variable))
		if v == nil || !value.FoundBy(v.Value, c.Path, c.Value) {
			return false
		}
	}
	return true
}

// exhausted reports whether WfRuns that go on have done all the steps that the record may. Jobs that delete have never asked.
func (s *bulkShare) exhausted() bool {
	return s.row.now.Deed != pb.BulkDeed_BULK_DEED_UNSPECIFIED && s.tx.exhausted()
}

// deal does to a WfRun what the job is for, if it can be done.
func (s *bulkShare) deal(w *wfRun) {
	switch s.row.now.Deed {
	case pb.BulkDeed_BULK_DEED_UNSPECIFIED:
		if w.deletable() {
			s.tx.deleteRun(w)
		}
	case pb.BulkDeed_BULK_DEED_STOP:
		s.count(w.graph != nil && w.stop(0))
	case pb.BulkDeed_BULK_DEED_RESUME:
		s.count(w.graph != nil && w.unstop(0))
	case pb.BulkDeed_BULK_DEED_DELETE:
		if w.deletable() {
			s.count(true)
			s.tx.deleteRun(w)
		}
	}
}

func (s *bulkShare) count(did bool) {
	if did {
		s.row.edit(s.tx).Done++
	}
}

// stillDeleting reports whether the last WfRun handled is so large that it is still there in part.
func (s *bulkShare) stillDeleting() bool {
	if s.row.now.WfRun == "" {
		return false
	}
	w := s.tx.anyWfRun(lh.ParseWfRunID(s.row.now.WfRun))
	return w.row.now != nil && w.row.now.Deleting
}

// matching is the index of what has the WfSpec and the status, version by version.
func (s *bulkShare) matching() keys.Tag {
	what := s.row.now.Job.GetWhat()
	return s.tx.keys.Tag(keys.TagWfRun).Text(what.GetWfSpecName()).Int(int32(what.GetWfRunStatus()))
}

// version is the index of the version that is being handled.
func (s *bulkShare) version() keys.Tag {
	return s.matching().Int(s.row.now.MajorVersion).Int(s.row.now.Revision)
}

// takeUp goes to the version of the first entry at or behind a key, and reports whether there is one.
func (s *bulkShare) takeUp(from keys.Key) bool {
	tag := s.matching()
	for k := range machine.Scan[pb.Empty](s.tx.view, from, tag.Prefix().End(), 1) {
		major, revision, err := tag.ParseVersion(k)
		if err != nil {
			return false
		}
		if major != s.row.now.MajorVersion || revision != s.row.now.Revision {
			at := s.row.edit(s.tx)
			at.MajorVersion, at.Revision, at.WfRun = major, revision, ""
		}
		return true
	}
	return false
}

// rest is the range of the index of a version that was not looked at yet.
func (s *bulkShare) rest() (version keys.Tag, from, to keys.Key) {
	what, version := s.row.now.Job.GetWhat(), s.version()
	from, to = version.From(millis(what.GetEarliestStart())), version.From(millis(what.GetLatestStart()))
	if s.row.now.WfRun != "" {
		from = version.Row(s.row.now.StartMs, keys.TagID{WfRun: s.row.now.WfRun}).After()
	}
	return version, from, to
}

func millis(t *timestamppb.Timestamp) int64 { return t.AsTime().UnixMilli() }

// report says how far the share is.
func (s *bulkShare) report(status lhpb.BulkJobStatus) {
	at := s.row.now
	p := &pb.BulkJobProgress{BulkJobId: at.Job.GetBulkJobId(), Subprocess: at.Job.GetSubprocess(), Status: status, Done: at.Done}
	if at.WfRun != "" {
		p.LastSeenKey = timestampOf(at.StartMs * nsPerMs)
	}
	s.tx.emit(machine.Stream{Kind: machine.Metadata}, &pb.Record{Command: &pb.Record_BulkJobProgress{BulkJobProgress: p}})
}
