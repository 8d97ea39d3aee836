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

// PutStructDef registers a version of a StructDef; the content of the newest again gives that one.
func (s *Service) PutStructDef(ctx context.Context, req *lhpb.PutStructDefRequest) (*lhpb.StructDef, error) {
	return define[*lhpb.StructDef](ctx, s, func(r *pb.Record) { r.Command = &pb.Record_PutStructDef{PutStructDef: req} })
}

// DeleteStructDef removes one version of a StructDef.
func (s *Service) DeleteStructDef(ctx context.Context, req *lhpb.DeleteStructDefRequest) (*emptypb.Empty, error) {
	return s.undefine(ctx, func(r *pb.Record) { r.Command = &pb.Record_DeleteStructDef{DeleteStructDef: req} })
}

// GetStructDef reads one exact version, or the newest for version -1.
func (s *Service) GetStructDef(ctx context.Context, id *lhpb.StructDefId) (*lhpb.StructDef, error) {
	if d := s.definitions.Latest(callOf(ctx).tenant).StructDef(id.Name, id.Version); d != nil {
		return d, nil
	}
	return nil, lh.Errorf(lh.NotFound, "Couldn't find StructDef %s version %d", id.Name, id.Version)
}

// SearchStructDef lists versions of StructDefs by name or prefix.
func (s *Service) SearchStructDef(ctx context.Context, req *lhpb.SearchStructDefRequest) (*lhpb.StructDefIdList, error) {
	found, bookmark, err := s.findDefinitions(ctx, definitionSearch{
		rpc: "SearchStructDef", kind: keys.KindStructDef, tenant: callOf(ctx).tenant, name: req.GetName(), prefix: req.GetPrefix(),
	}, req, req.Limit)
	if err != nil {
		return nil, err
	}
	out := &lhpb.StructDefIdList{Bookmark: bookmark}
	for _, d := range found {
		out.Results = append(out.Results, &lhpb.StructDefId{Name: d.Name, Version: d.Major})
	}
	return out, nil
}

// ValidateStructDefEvolution judges a schema against a version, as PutStructDef would.
func (s *Service) ValidateStructDefEvolution(ctx context.Context, req *lhpb.ValidateStructDefEvolutionRequest) (*lhpb.ValidateStructDefEvolutionResponse, error) {
	valid, err := catalog.ValidateStructDefEvolution(s.definitions.Latest(callOf(ctx).tenant), req)
	if err != nil {
		return nil, err
	}
	return &lhpb.ValidateStructDefEvolutionResponse{IsValid: valid}, nil
}
