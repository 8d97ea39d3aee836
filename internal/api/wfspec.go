package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// PutWfSpec registers a version of a WfSpec; the same content again gives the existing one.
func (s *Service) PutWfSpec(ctx context.Context, req *lhpb.PutWfSpecRequest) (*lhpb.WfSpec, error) {
	return define[*lhpb.WfSpec](ctx, s, func(r *pb.Record) { r.Command = &pb.Record_PutWfSpec{PutWfSpec: req} })
}

// DeleteWfSpec removes one version of a WfSpec of which no WfRun may still go on. A WfRun that starts at the same
// moment stays where it is.
func (s *Service) DeleteWfSpec(ctx context.Context, req *lhpb.DeleteWfSpecRequest) (*emptypb.Empty, error) {
	tag := keys.In(callOf(ctx).tenant).Tag(keys.TagWfRun).Text(req.GetId().GetName())
	open := query{within: spanOf(nil, nil), open: func(r *reading) (walker, error) {
		var all []tagged
		for _, status := range []lhpb.LHStatus{lhpb.LHStatus_STARTING, lhpb.LHStatus_RUNNING, lhpb.LHStatus_HALTING, lhpb.LHStatus_HALTED} {
			all = append(all, tagged{tag: tag.Int(int32(status)).Version(req.Id)})
		}
		return r.overAll(all)
	}}
	using, _, err := s.search(ctx, open, page{limit: 1})
	switch {
	case err != nil:
		return nil, err
	case len(using) > 0:
		return nil, lh.Errorf(lh.FailedPrecondition, "WfSpec %s %d.%d is in use by WfRun %s, which has not ended: end or delete its WfRuns first",
			req.Id.Name, req.Id.MajorVersion, req.Id.Revision, using[0].id.WfRun)
	}
	return s.undefine(ctx, func(r *pb.Record) { r.Command = &pb.Record_DeleteWfSpec{DeleteWfSpec: req} })
}

// GetWfSpec reads one exact version.
func (s *Service) GetWfSpec(ctx context.Context, id *lhpb.WfSpecId) (*lhpb.WfSpec, error) {
	w := s.definitions.Latest(callOf(ctx).tenant).WfSpec(id)
	if w == nil {
		return nil, lh.Errorf(lh.NotFound, "Couldn't find WfSpec %s %d.%d", id.Name, id.MajorVersion, id.Revision)
	}
	return w, nil
}

// GetLatestWfSpec reads the highest revision of a major version, or the highest version of all.
func (s *Service) GetLatestWfSpec(ctx context.Context, req *lhpb.GetLatestWfSpecRequest) (*lhpb.WfSpec, error) {
	w, err := s.resolveWfSpec(callOf(ctx).tenant, req.Name, req.MajorVersion, nil)
	switch {
	case err != nil:
		return nil, err
	case w == nil:
		return nil, lh.Errorf(lh.NotFound, "Couldn't find WfSpec %s", req.Name)
	default:
		return w, nil
	}
}

// SearchWfSpec lists versions of WfSpecs by name, by prefix, or by a TaskDef that they name.
func (s *Service) SearchWfSpec(ctx context.Context, req *lhpb.SearchWfSpecRequest) (*lhpb.WfSpecIdList, error) {
	c := callOf(ctx)
	q := definitionSearch{rpc: "SearchWfSpec", kind: keys.KindWfSpec, tenant: c.tenant, name: req.GetName(), prefix: req.GetPrefix()}
	if task := req.GetTaskDefName(); task != "" {
		defs := s.definitions.Latest(c.tenant)
		q.keep = func(d keys.Definition) bool {
			return anyNode(defs.WfSpec(wfSpecID(d)), func(n *lhpb.Node) bool { return namesTask(n, task) })
		}
	}
	found, bookmark, err := s.findDefinitions(ctx, q, req, req.Limit)
	if err != nil {
		return nil, err
	}
	out := &lhpb.WfSpecIdList{Bookmark: bookmark}
	for _, d := range found {
		out.Results = append(out.Results, wfSpecID(d))
	}
	return out, nil
}

func wfSpecID(d keys.Definition) *lhpb.WfSpecId {
	return &lhpb.WfSpecId{Name: d.Name, MajorVersion: d.Major, Revision: d.Revision}
}
