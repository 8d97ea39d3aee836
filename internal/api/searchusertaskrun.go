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
	q := &userTaskQuery{Service: s, ctx: ctx, tenant: keys.In(c.tenant), req: req, page: p}
	hits, bookmark, err := q.find()
	if err != nil {
		return nil, err
	}
	out := &lhpb.UserTaskRunIdList{Bookmark: bookmark}
	for _, h := range hits {
		out.Results = append(out.Results, &lhpb.UserTaskRunId{WfRunId: lh.ParseWfRunID(h.id.WfRun), UserTaskGuid: h.id.Guid})
	}
	return out, nil
}

// userTaskQuery is one search on its way.
type userTaskQuery struct {
	*Service
	ctx    context.Context
	tenant keys.Tenant
	req    *lhpb.SearchUserTaskRunRequest
	page   page
}

func (q *userTaskQuery) span() span { return spanOf(q.req.EarliestStart, q.req.LatestStart) }

// find reads the index that promises the fewest rows, and judges the rows by what it does not tell.
func (q *userTaskQuery) find() ([]hit, []byte, error) {
	owners := q.tenant.Tag(keys.TagUserTaskOwner)
	switch {
	case q.req.UserId != nil:
		keep := q.keepObject
		if q.req.UserGroup == nil && q.req.UserTaskDefName == nil {
			keep = all
		}
		return q.search(q.ctx, q.statusTags(owners.Int(keys.OwnerUser).Text(*q.req.UserId)), q.span(), q.page, keep)
	case q.req.UserGroup != nil:
		keep := q.keepObject
		if q.req.UserTaskDefName == nil {
			keep = all
		}
		return q.search(q.ctx, q.statusTags(owners.Int(keys.OwnerGroup).Text(*q.req.UserGroup)), q.span(), q.page, keep)
	case q.req.UserTaskDefName != nil:
		tag := q.tenant.Tag(keys.TagUserTaskRun).Text(*q.req.UserTaskDefName)
		return q.search(q.ctx, q.statusTags(tag), q.span(), q.page, all)
	default:
		return q.byStatus()
	}
}

// byStatus walks the names of UserTaskDefs in the index.
func (q *userTaskQuery) byStatus() ([]hit, []byte, error) {
	m := newMerge(q.ctx, q.cfg.Routing)
	tag := q.tenant.Tag(keys.TagUserTaskRun)
	for _, stream := range q.cfg.Routing.Streams() {
		names, err := q.values(q.ctx, stream, tag)
		if err != nil {
			return nil, nil, err
		}
		for _, name := range names {
			if err := m.add(newSource(stream, tag.Text(name).Int(int32(*q.req.Status)), q.span(), q.page.after)); err != nil {
				return nil, nil, err
			}
		}
	}
	return m.collect(q.page, all)
}

func (q *userTaskQuery) statusTags(tag keys.Tag) []keys.Tag {
	if q.req.Status != nil {
		return []keys.Tag{tag.Int(int32(*q.req.Status))}
	}
	tags := make([]keys.Tag, 0, len(lhpb.UserTaskRunStatus_name))
	for n := range lhpb.UserTaskRunStatus_name {
		tags = append(tags, tag.Int(n))
	}
	return tags
}

// keepObject judges a UserTaskRun by reading it.
func (q *userTaskQuery) keepObject(h hit) (bool, error) {
	u, err := get[lhpb.UserTaskRun](q.ctx, q.Service, h.from, q.tenant.RunNamed(h.id.WfRun).UserTaskRun(h.id.Guid))
	if err != nil || u == nil {
		return false, err
	}
	return (q.req.Status == nil || u.Status == *q.req.Status) &&
		(q.req.UserTaskDefName == nil || u.UserTaskDefId.GetName() == *q.req.UserTaskDefName) &&
		sameOrUnasked(q.req.UserId, u.UserId) && sameOrUnasked(q.req.UserGroup, u.UserGroup), nil
}

// sameOrUnasked reports whether a text is what was asked for, if anything was.
func sameOrUnasked(asked, is *string) bool {
	return asked == nil || is != nil && *is == *asked
}
