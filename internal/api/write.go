package api

import (
	"context"
	"crypto/rand"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/telemetry"
	"littlehorse/lhpb"
)

// record is empty but for its header, which says who asks and what the definitions were when he did.
func (s *Service) record(c *call) *pb.Record {
	r := &struct { // in one piece
		record pb.Record
		header pb.Header
		id     [16]byte
	}{}
	rand.Read(r.id[:]) // never fails
	r.header.Tenant, r.header.Principal = c.tenant, c.principal.GetId().GetId()
	r.header.CatalogVersion = s.definitions.Version()
	r.header.RequestId = r.id[:]
	r.record.Header = &r.header
	return &r.record
}

// submit writes a record and gives its reply, which is of type P.
func submit[P proto.Message](ctx context.Context, s *Service, to machine.Stream, rec *pb.Record) (P, error) {
	var none P
	v, err := s.cfg.Routing.Submit(ctx, to, rec)
	if err != nil {
		return none, err
	}
	p, ok := v.(P)
	if !ok {
		return none, fmt.Errorf("%s answered %T with %T", to, rec.Command, v)
	}
	return p, nil
}

// submitOnly writes a record whose reply has no content.
func (s *Service) submitOnly(ctx context.Context, to machine.Stream, rec *pb.Record) (*emptypb.Empty, error) {
	if _, err := s.cfg.Routing.Submit(ctx, to, rec); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// define writes to the metadata. The view of this server has the new version before the reply comes, so
// whoever reads or runs next on this server sees it.
func define[P proto.Message](ctx context.Context, s *Service, command func(*pb.Record)) (P, error) {
	rec := s.record(callOf(ctx))
	command(rec)
	return submit[P](ctx, s, s.cfg.Routing.Metadata(), rec)
}

// undefine deletes from the metadata.
func (s *Service) undefine(ctx context.Context, command func(*pb.Record)) (*emptypb.Empty, error) {
	rec := s.record(callOf(ctx))
	command(rec)
	return s.submitOnly(ctx, s.cfg.Routing.Metadata(), rec)
}

// runRecord is a record for the WfRun of that id, and the stream where it lives. An id that no WfRun can
// have is refused with the given code.
func (s *Service) runRecord(ctx context.Context, id *lhpb.WfRunId, refusal *lh.Error) (machine.Stream, *pb.Record, error) {
	to, rec, ok := s.recordOf(callOf(ctx), id)
	if !ok {
		return machine.Stream{}, nil, refusal
	}
	return to, rec, nil
}

// recordOf is the same; false for an id that no WfRun can have.
func (s *Service) recordOf(c *call, id *lhpb.WfRunId) (machine.Stream, *pb.Record, bool) {
	if !validRunID(id) {
		return machine.Stream{}, nil, false
	}
	aboutRun(c, id)
	return s.homeOf(c.tenant, id), s.record(c), true
}

// aboutRun lets the trace of the call be found by the WfRun.
func aboutRun(ctx context.Context, id *lhpb.WfRunId) {
	if telemetry.Traced(ctx) {
		telemetry.About(ctx, telemetry.AboutWfRun, lh.WfRunIDString(id))
	}
}

// cleanID reports whether a free-form id may become part of keys and texts.
func cleanID(id string) bool {
	for _, r := range id {
		if r == '/' || r == '~' || r < ' ' || r == 0x7f {
			return false
		}
	}
	return id != ""
}
