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

// PutPrincipal creates a Principal, or replaces all of it if the request says so.
func (s *Service) PutPrincipal(ctx context.Context, req *lhpb.PutPrincipalRequest) (*lhpb.Principal, error) {
	return define[*lhpb.Principal](ctx, s, func(r *pb.Record) { r.Command = &pb.Record_PutPrincipal{PutPrincipal: req} })
}

// GetPrincipal reads a Principal.
func (s *Service) GetPrincipal(_ context.Context, id *lhpb.PrincipalId) (*lhpb.Principal, error) {
	if p := s.definitions.Principal(id.Id); p != nil {
		return p, nil
	}
	return nil, lh.Errorf(lh.NotFound, "Couldn't find Principal %s", id.Id)
}

// SearchPrincipal lists all Principals, those that are admins or are not, or those with ACLs of their own in a
// tenant.
func (s *Service) SearchPrincipal(ctx context.Context, req *lhpb.SearchPrincipalRequest) (*lhpb.PrincipalIdList, error) {
	within := spanOf(req.EarliestStart, req.LatestStart)
	found, bookmark, err := s.findDefinitions(ctx, definitionSearch{
		rpc: "SearchPrincipal", kind: keys.KindPrincipal,
		keep: func(d keys.Definition) bool {
			p := s.definitions.Principal(d.Name)
			return p != nil && within.holds(millis(p.CreatedAt)) && meets(p, req)
		},
	}, req, req.Limit)
	if err != nil {
		return nil, err
	}
	out := &lhpb.PrincipalIdList{Bookmark: bookmark}
	for _, d := range found {
		out.Results = append(out.Results, &lhpb.PrincipalId{Id: d.Name})
	}
	return out, nil
}

// meets reports whether the Principal is one of those that the request asks for.
func meets(p *lhpb.Principal, req *lhpb.SearchPrincipalRequest) bool {
	switch c := req.PrincipalCriteria.(type) {
	case *lhpb.SearchPrincipalRequest_IsAdmin:
		return catalog.IsAdmin(p) == c.IsAdmin
	case *lhpb.SearchPrincipalRequest_TenantId:
		_, own := p.PerTenantAcls[c.TenantId]
		return own
	default:
		return true
	}
}

// DeletePrincipal deletes a Principal. Its Quotas stay.
func (s *Service) DeletePrincipal(ctx context.Context, req *lhpb.DeletePrincipalRequest) (*emptypb.Empty, error) {
	return s.undefine(ctx, func(r *pb.Record) { r.Command = &pb.Record_DeletePrincipal{DeletePrincipal: req} })
}
