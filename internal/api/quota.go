package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/internal/catalog"
	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// PutQuota limits the writes of a tenant, or of a Principal within it.
func (s *Service) PutQuota(ctx context.Context, req *lhpb.PutQuotaRequest) (*lhpb.Quota, error) {
	return define[*lhpb.Quota](ctx, s, func(r *pb.Record) { r.Command = &pb.Record_PutQuota{PutQuota: req} })
}

// GetQuota reads a Quota.
func (s *Service) GetQuota(_ context.Context, id *lhpb.QuotaId) (*lhpb.Quota, error) {
	tenant, principal := id.GetTenant().GetId(), id.GetPrincipal().GetId()
	if q := s.definitions.Quota(tenant, principal); q != nil {
		return q, nil
	}
	return nil, lh.Errorf(lh.NotFound, "Could not find quota %s", catalog.QuotaName(tenant, principal))
}

// SearchQuota lists all Quotas, those of a tenant, or the one of a Principal within it.
func (s *Service) SearchQuota(ctx context.Context, req *lhpb.SearchQuotaRequest) (*lhpb.QuotaIdList, error) {
	q := definitionSearch{rpc: "SearchQuota", kind: keys.KindQuota}
	switch {
	case req.Principal != nil && req.TenantId == nil:
		return nil, lh.Errorf(lh.InvalidArgument, "Must provide tenant_id when searching by principal")
	case req.Principal != nil:
		q.name = catalog.QuotaName(*req.TenantId, req.Principal.Id)
	case req.TenantId != nil:
		q.prefix = catalog.QuotaName(*req.TenantId, "")
	}
	found, bookmark, err := s.findDefinitions(ctx, q, req, req.Limit)
	if err != nil {
		return nil, err
	}
	out := &lhpb.QuotaIdList{Bookmark: bookmark}
	for _, d := range found {
		out.Results = append(out.Results, catalog.ParseQuotaName(d.Name))
	}
	return out, nil
}

// DeleteQuota ends a limit.
func (s *Service) DeleteQuota(ctx context.Context, req *lhpb.DeleteQuotaRequest) (*emptypb.Empty, error) {
	return s.undefine(ctx, func(r *pb.Record) { r.Command = &pb.Record_DeleteQuota{DeleteQuota: req} })
}
