package api

import (
	"fmt"
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// storeForm stores and indexes a UserTaskRun as the engine does.
func (f *face) storeForm(u *lhpb.UserTaskRun, createdMs int64) {
	id := lh.WfRunIDString(u.Id.WfRunId)
	tenant := keys.In(DefaultTenant)
	home := f.cluster.Core(DefaultTenant, lh.RootWfRunID(u.Id.WfRunId))
	tag := keys.TagID{WfRun: id, Guid: u.Id.UserTaskGuid}
	f.cluster.put(home, tenant.RunNamed(id).UserTaskRun(u.Id.UserTaskGuid), u)
	index := func(t keys.Tag) { f.cluster.put(home, t.Int(int32(u.Status)).Row(createdMs, tag), &pb.Empty{}) }
	index(tenant.Tag(keys.TagUserTaskRun).Text(u.UserTaskDefId.Name))
	if u.UserId != nil {
		index(tenant.Tag(keys.TagUserTaskOwner).Int(keys.OwnerUser).Text(*u.UserId))
	}
	if u.UserGroup != nil {
		index(tenant.Tag(keys.TagUserTaskOwner).Int(keys.OwnerGroup).Text(*u.UserGroup))
	}
}

func (f *face) formPages(t *testing.T, req *lhpb.SearchUserTaskRunRequest) (ids []string) {
	t.Helper()
	for range 1000 {
		got, err := f.client.SearchUserTaskRun(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range got.Results {
			ids = append(ids, lh.WfRunIDString(id.WfRunId)+"/"+id.UserTaskGuid)
		}
		if got.Bookmark == nil {
			return ids
		}
		req = proto.Clone(req).(*lhpb.SearchUserTaskRunRequest)
		req.Bookmark = got.Bookmark
	}
	t.Fatal("the bookmarks never end")
	return nil
}

// sameOrUnasked reports whether a text is what was asked for, if anything was.
func sameOrUnasked(asked, is *string) bool {
	return asked == nil || is != nil && *is == *asked
}

// covers: user-tasks §5; api §6.5
func TestSearchUserTaskRunEvaluatesEveryCombination(t *testing.T) {
	f := newFace(t)
	pick := func(n, of int, names ...string) *string {
		if i := n % of; i < len(names) {
			return &names[i]
		}
		return nil
	}
	var forms []*lhpb.UserTaskRun
	for n := range 80 {
		u := &lhpb.UserTaskRun{
			Id:            &lhpb.UserTaskRunId{WfRunId: &lhpb.WfRunId{Id: fmt.Sprintf("w%02d", n/2)}, UserTaskGuid: fmt.Sprintf("0-%d", n%2)},
			UserTaskDefId: &lhpb.UserTaskDefId{Name: []string{"form", "form-2", "other"}[n%3], Version: int32(n % 2)},
			UserId:        pick(n/2, 3, "ana", "bo"),
			UserGroup:     pick(n, 4, "jedi", "ana", "sith"),
			Status:        []lhpb.UserTaskRunStatus{lhpb.UserTaskRunStatus_UNASSIGNED, lhpb.UserTaskRunStatus_ASSIGNED, lhpb.UserTaskRunStatus_DONE, lhpb.UserTaskRunStatus_CANCELLED}[n/5%4],
		}
		forms = append(forms, u)
		f.storeForm(u, int64(1000+n/2))
	}
	statuses := []*lhpb.UserTaskRunStatus{nil, lhpb.UserTaskRunStatus_UNASSIGNED.Enum(), lhpb.UserTaskRunStatus_DONE.Enum()}
	defs := []*string{nil, proto.String("form"), proto.String("nothing")}
	users := []*string{nil, proto.String("ana"), proto.String("")}
	groups := []*string{nil, proto.String("ana"), proto.String("jedi")}
	for i := 1; i < 81; i++ {
		req := &lhpb.SearchUserTaskRunRequest{
			Status: statuses[i%3], UserTaskDefName: defs[i/3%3], UserId: users[i/9%3], UserGroup: groups[i/27],
			Limit: proto.Int32(3), EarliestStart: at(1003), LatestStart: at(1036),
		}
		var want []string
		for n, u := range forms {
			ms := int64(1000 + n/2)
			if ms >= 1003 && ms <= 1036 && (req.Status == nil || *req.Status == u.Status) &&
				(req.UserTaskDefName == nil || *req.UserTaskDefName == u.UserTaskDefId.Name) &&
				sameOrUnasked(req.UserId, u.UserId) && sameOrUnasked(req.UserGroup, u.UserGroup) {
				want = append(want, u.Id.WfRunId.Id+"/"+u.Id.UserTaskGuid)
			}
		}
		if got := f.formPages(t, req); !slices.Equal(got, want) {
			t.Errorf("%v:\ngot  %v\nwant %v", req, got, want)
		}
	}
}

func TestUserTaskRunRefusals(t *testing.T) {
	f := newFace(t)
	f.cluster.answer = func(machine.Stream, *machine.Record) (proto.Message, error) {
		t.Error("a record was written")
		return nil, nil
	}
	for name, c := range map[string]struct {
		call func() error
		code codes.Code
	}{
		"search without criteria": {func() error {
			_, err := f.client.SearchUserTaskRun(t.Context(), &lhpb.SearchUserTaskRunRequest{EarliestStart: at(1)})
			return err
		}, codes.InvalidArgument},
		"search with limit 0": {func() error {
			_, err := f.client.SearchUserTaskRun(t.Context(), &lhpb.SearchUserTaskRunRequest{UserId: proto.String("a"), Limit: proto.Int32(0)})
			return err
		}, codes.InvalidArgument},
		"list without WfRun": {func() error {
			_, err := f.client.ListUserTaskRuns(t.Context(), &lhpb.ListUserTaskRunRequest{})
			return err
		}, codes.InvalidArgument},
		"get nothing": {func() error {
			_, err := f.client.GetUserTaskRun(t.Context(), &lhpb.UserTaskRunId{})
			return err
		}, codes.NotFound},
		"complete what no WfRun can have": {func() error {
			_, err := f.client.CompleteUserTaskRun(t.Context(), &lhpb.CompleteUserTaskRunRequest{
				UserTaskRunId: &lhpb.UserTaskRunId{WfRunId: &lhpb.WfRunId{Id: "a_b"}, UserTaskGuid: "0-1"},
			})
			return err
		}, codes.NotFound},
	} {
		if err := c.call(); status.Code(err) != c.code {
			t.Errorf("%s: %v, not %v", name, err, c.code)
		}
	}
}
