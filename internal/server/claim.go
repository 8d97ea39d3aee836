package server

import (
	"context"
	"crypto/rand"

	"littlehorse/internal/auth"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// claim asks the partition to hand out an attempt.
func (s *Server) claim(from machine.Stream, t keys.ScheduledTask, c *pb.Credit, done func(*lhpb.ScheduledTask, *lh.Error)) {
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
	s.router.SubmitFunc(from, rec, func(r machine.Reply) {
		task, _ := r.Value.(*lhpb.ScheduledTask)
		done(task, r.Err)
	})
}

// queueKeys reads keys of waiting attempts.
func (s *Server) queueKeys(ctx context.Context, from machine.Stream, start, end keys.Key, limit int) ([]keys.Key, error) {
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
