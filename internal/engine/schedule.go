package engine

import (
	"errors"
	"time"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/spec"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// scheduleWf begins a schedule. What its WfRuns are started with is looked at when they start.
func (t *txn) scheduleWf(c *pb.ScheduleWf) machine.Reply {
	r := c.GetRequest()
	s := load[pb.ScheduleRow](t, t.keys.Schedule(r.GetId()))
	if s.now != nil {
		return refusef(lh.AlreadyExists, "ScheduledWfRun with id %s already exists!", r.GetId())
	}
	if t.specs.WfSpec(c.GetWfSpecId()) == nil {
		return refusef(lh.InvalidArgument, "WfSpec %s does not exist", r.GetWfSpecName())
	}
	next, err := nextFiring(r.GetCronExpression(), t.nowNs)
	if err != nil {
		return refusef(lh.InvalidArgument, "%s", err)
	}
	if err := t.mustFitTogether(r.GetVariables()); err != nil {
		return refusef(lh.ResourceExhausted, "The variables of the ScheduledWfRun are too large: %s", err)
	}
	s.put(t, &pb.ScheduleRow{
		ScheduledWfRun: &lhpb.ScheduledWfRun{
			Id:             &lhpb.ScheduledWfRunId{Id: r.GetId()},
			WfSpecId:       c.WfSpecId,
			Variables:      r.Variables,
			ParentWfRunId:  r.ParentWfRunId,
			CronExpression: r.CronExpression,
			CreatedAt:      t.now,
		},
		MajorVersion: r.MajorVersion,
		Revision:     r.Revision,
		NextNs:       next,
	})
	return answer(s.now.ScheduledWfRun)
}

// lastYear is the last whole year of the clock.
const lastYear = 2261

var errNoFiring = errors.New("Cron expression does not yield a next execution time")

// nextFiring is the first time after that one that the cron expression matches.
func nextFiring(cron string, afterNs int64) (int64, error) {
	at, err := value.Next(cron, time.Unix(0, afterNs))
	if err != nil {
		return 0, err
	}
	if at.Year() > lastYear {
		return 0, errNoFiring
	}
	return at.UnixNano(), nil
}

// deleteScheduledWfRun ends a schedule; the WfRuns that it started go on.
func (t *txn) deleteScheduledWfRun(r *lhpb.DeleteScheduledWfRunRequest) machine.Reply {
	s := load[pb.ScheduleRow](t, t.keys.Schedule(r.GetId().GetId()))
	if s.now != nil {
		s.drop(t)
	}
	return done
}

// scheduleDue is the timer of a schedule: it asks for a WfRun and looks for the time that follows this one,
// however late it is. So what was missed is made up for, one after the other.
func (t *txn) scheduleDue(id string, dueNs int64) {
	s := load[pb.ScheduleRow](t, t.keys.Schedule(id))
	if s.now == nil || s.now.NextNs != dueNs {
		return
	}
	t.startScheduled(s.now)
	next, err := nextFiring(s.now.ScheduledWfRun.CronExpression, dueNs)
	if err != nil {
		next = 0
	}
	s.edit(t).NextNs = next
}

// startScheduled asks for the WfRun of one firing. If its WfSpec is gone, or it is refused, nobody hears of it.
func (t *txn) startScheduled(s *pb.ScheduleRow) {
	w := s.ScheduledWfRun
	g := t.newestThatFits(w.WfSpecId.GetName(), s.MajorVersion, s.Revision)
	if g == nil {
		return
	}
	id := &lhpb.WfRunId{Id: t.newID(), ParentWfRunId: w.ParentWfRunId}
	t.emit(t.coreOf(lh.RootWfRunID(id)), &pb.Record{Command: &pb.Record_RunWf{RunWf: &pb.RunWf{
		Request: &lhpb.RunWfRequest{
			WfSpecName:    w.WfSpecId.GetName(),
			Variables:     w.Variables,
			Id:            &id.Id,
			ParentWfRunId: w.ParentWfRunId,
		},
		WfSpecId: g.Spec.Id,
	}}})
}

// newestThatFits is the newest WfSpec of the name, the major version and the revision, where given; nil if there
// is none.
func (t *txn) newestThatFits(name string, major, revision *int32) *spec.Graph {
	switch {
	case major == nil:
		return t.specs.LatestWfSpec(name, spec.NewestVersion)
	case revision == nil:
		return t.specs.LatestWfSpec(name, *major)
	default:
		return t.specs.WfSpec(&lhpb.WfSpecId{Name: name, MajorVersion: *major, Revision: *revision})
	}
}

// appendFiring keeps the timer of a schedule's next firing.
func (t *txn) appendFiring(c []machine.Change, before, after *pb.ScheduleRow) []machine.Change {
	timer := &pb.Timer{What: &pb.Timer_ScheduleDue{ScheduleDue: after.GetScheduledWfRun().GetId().GetId()}, SetNs: t.nowNs}
	return move(c, t.firingKey(before), t.firingKey(after), timer)
}

func (t *txn) firingKey(s *pb.ScheduleRow) keys.Key {
	if s.GetNextNs() == 0 {
		return ""
	}
	return keys.Timer{
		DueNs:  s.NextNs,
		Tenant: t.keys.Name(),
		Kind:   keys.TimerSchedule,
		ID:     s.ScheduledWfRun.Id.GetId(),
	}.Key()
}
