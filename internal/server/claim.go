package server

import (
	"context"
	"crypto/rand"

	"littlehorse/internal/auth"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/telemetry"
	"littlehorse/lhpb"
)

// claim asks the partition to hand out an attempt.
func (s *Server) claim(from machine.Stream, t keys.ScheduledTask, c *pb.Credit, done func(*lhpb.ScheduledTask, *lh.Error)) {
	if !s.router.Here(from) {
		done(nil, nil) // whoever serves the partition now hands out what waits in it
		return
	}
	id := make([]byte, 16)
	rand.Read(id) // never fails
	rec := &pb.Record{
		Header: &pb.Header{Tenant: t.Tenant, Principal: auth.Anonymous, RequestId: id, CatalogVersion: s.view.Version()},
		Command: &pb.Record_ClaimTask{ClaimTask: &pb.ClaimTask{
			TaskRunId: &lhpb.TaskRunId{WfRunId: lh.ParseWfRunID(t.WfRun), TaskGuid: t.Guid},
			Attempt:   t.Attempt,
			Credit:    c,
		}},
	}
	ctx, handOut := context.Background(), (*telemetry.HandOut)(nil)
	if s.cfg.Traces != nil {
		ctx, handOut = s.cfg.Traces.HandOut(string(t.Key()), t.TaskDef, c.WorkerId)
	}
	s.router.SubmitFunc(ctx, from, rec, func(r machine.Reply) {
		task, _ := r.Value.(*lhpb.ScheduledTask)
		handOut.End(outcome(task, r.Err))
		done(task, r.Err)
	})
}

// outcome of a claim as a code: 0 with a task, and none found if somebody else got it.
func outcome(task *lhpb.ScheduledTask, refusal *lh.Error) uint32 {
	switch {
	case refusal != nil:
		return uint32(refusal.Code)
	case task == nil:
		return uint32(lh.NotFound)
	default:
		return 0
	}
}

// queueKeys reads keys of waiting attempts. What another server serves is not for the queues of this one.
func (s *Server) queueKeys(ctx context.Context, from machine.Stream, start, end keys.Key, limit int) ([]keys.Key, error) {
	if !s.router.Here(from) {
		return nil, nil
	}
	rows, err := s.router.Scan(ctx, from, start, end, limit)
	if err != nil {
		return nil, err
	}
	out := make([]keys.Key, len(rows))
	for i, r := range rows {
		out[i] = r.Key
	}
	return out, nil
}
