package api

import (
	"context"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// PutTenant creates or changes a Tenant.
func (s *Service) PutTenant(ctx context.Context, req *lhpb.PutTenantRequest) (*lhpb.Tenant, error) {
	return define[*lhpb.Tenant](ctx, s, func(r *pb.Record) { r.Command = &pb.Record_PutTenant{PutTenant: req} })
}

// GetTenant reads a Tenant.
func (s *Service) GetTenant(_ context.Context, id *lhpb.TenantId) (*lhpb.Tenant, error) {
	if t := s.definitions.Tenant(id.Id); t != nil {
		return t, nil
	}
	return nil, lh.Errorf(lh.NotFound, "Couldn't find Tenant %s", id.Id)
}

// SearchTenant lists all Tenants.
func (s *Service) SearchTenant(ctx context.Context, req *lhpb.SearchTenantRequest) (*lhpb.TenantIdList, error) {
	found, bookmark, err := s.findDefinitions(ctx, definitionSearch{rpc: "SearchTenant", kind: keys.KindTenant}, req, req.Limit)
	if err != nil {
		return nil, err
	}
	out := &lhpb.TenantIdList{Bookmark: bookmark}
	for _, d := range found {
		out.Results = append(out.Results, &lhpb.TenantId{Id: d.Name})
	}
	return out, nil
}
