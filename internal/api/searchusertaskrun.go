package api

import (
	"context"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

// SearchUserTaskRun finds UserTaskRuns by status, UserTaskDef, user and group, in any combination, in order of
// creation.
func (s *Service) SearchUserTaskRun(ctx context.Context, req *lhpb.SearchUserTaskRunRequest) (*lhpb.UserTaskRunIdList, error) {
	if req.Status == nil && req.UserTaskDefName == nil && req.UserId == nil && req.UserGroup == nil {
		return nil, lh.Errorf(lh.InvalidArgument, "Must provide at least one search criteria: status,user_id,user_group,user_task_def_name")
	}
	c := callOf(ctx)
	p, refused := pageOf(c, "SearchUserTaskRun", req, req.Limit)
	if refused != nil {
		return nil, refused
	}
	q := &userTaskQuery{tenant: keys.In(c.tenant), req: req}
	hits, bookmark, err := s.search(ctx, query{within: spanOf(req.EarliestStart, req.LatestStart), open: q.open}, p)
	if err != nil {
		return nil, err
	}
	out := &lhpb.UserTaskRunIdList{Bookmark: bookmark}
	for _, h := range hits {
		out.Results = append(out.Results, &lhpb.UserTaskRunId{WfRunId: lh.ParseWfRunID(h.id.WfRun), UserTaskGuid: h.id.Guid})
	}
	return out, nil
}

// userTaskQuery is what a search asks for.
type userTaskQuery struct {
	tenant keys.Tenant
	req    *lhpb.SearchUserTaskRunRequest
}

// open reads the indexes of all that is asked for side by side.
func (q *userTaskQuery) open(r *reading) (walker, error) {
	owners, defs := q.tenant.Tag(keys.TagUserTaskOwner), q.tenant.Tag(keys.TagUserTaskRun)
	status := oneOrAny((*int32)(q.req.Status))
	var tags []keys.Tag
	if q.req.UserId != nil {
		tags = append(tags, owners.Int(keys.OwnerUser).Text(*q.req.UserId))
	}
	if q.req.UserGroup != nil {
		tags = append(tags, owners.Int(keys.OwnerGroup).Text(*q.req.UserGroup))
	}
	if q.req.UserTaskDefName != nil {
		tags = append(tags, defs.Text(*q.req.UserTaskDefName))
	}
	if len(tags) == 0 {
		return r.among(defs, axis{any: 't'}, status)
	}
	members := make([]cursor, 0, len(tags))
	for _, tag := range tags {
		c, err := r.among(tag, status)
		if err != nil {
			return nil, err
		}
		members = append(members, c)
	}
	return intersect(members)
}
