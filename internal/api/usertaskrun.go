package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// userTaskRecord is a record for the WfRun of a UserTaskRun, and the stream where it lives.
func (s *Service) userTaskRecord(ctx context.Context, id *lhpb.UserTaskRunId) (machine.Stream, *pb.Record, error) {
	return s.runRecord(ctx, id.GetWfRunId(), lh.Errorf(lh.NotFound, "Couldn't find provided UserTaskRun"))
}

// AssignUserTaskRun gives an open UserTaskRun to a user, a group or both.
func (s *Service) AssignUserTaskRun(ctx context.Context, req *lhpb.AssignUserTaskRunRequest) (*emptypb.Empty, error) {
	to, rec, err := s.userTaskRecord(ctx, req.UserTaskRunId)
	if err != nil {
		return nil, err
	}
	rec.Command = &pb.Record_AssignUserTaskRun{AssignUserTaskRun: req}
	return s.submitOnly(ctx, to, rec)
}

// SaveUserTaskRunProgress keeps what somebody has filled in so far.
func (s *Service) SaveUserTaskRunProgress(ctx context.Context, req *lhpb.SaveUserTaskRunProgressRequest) (*lhpb.UserTaskRun, error) {
	to, rec, err := s.userTaskRecord(ctx, req.UserTaskRunId)
	if err != nil {
		return nil, err
	}
	rec.Command = &pb.Record_SaveUserTaskRunProgress{SaveUserTaskRunProgress: req}
	return submit[*lhpb.UserTaskRun](ctx, s, to, rec)
}

// CompleteUserTaskRun ends a UserTaskRun with its results and lets its WfRun go on.
func (s *Service) CompleteUserTaskRun(ctx context.Context, req *lhpb.CompleteUserTaskRunRequest) (*emptypb.Empty, error) {
	to, rec, err := s.userTaskRecord(ctx, req.UserTaskRunId)
	if err != nil {
		return nil, err
	}
	rec.Command = &pb.Record_CompleteUserTaskRun{CompleteUserTaskRun: req}
	return s.submitOnly(ctx, to, rec)
}

// CancelUserTaskRun cancels a UserTaskRun, which fails its node.
func (s *Service) CancelUserTaskRun(ctx context.Context, req *lhpb.CancelUserTaskRunRequest) (*emptypb.Empty, error) {
	to, rec, err := s.userTaskRecord(ctx, req.UserTaskRunId)
	if err != nil {
		return nil, err
	}
	rec.Command = &pb.Record_CancelUserTaskRun{CancelUserTaskRun: req}
	return s.submitOnly(ctx, to, rec)
}

// PutUserTaskRunComment adds a comment to a UserTaskRun.
func (s *Service) PutUserTaskRunComment(ctx context.Context, req *lhpb.PutUserTaskRunCommentRequest) (*lhpb.UserTaskRun, error) {
	to, rec, err := s.userTaskRecord(ctx, req.UserTaskRunId)
	if err != nil {
		return nil, err
	}
	rec.Command = &pb.Record_PutUserTaskRunComment{PutUserTaskRunComment: req}
	return submit[*lhpb.UserTaskRun](ctx, s, to, rec)
}

// EditUserTaskRunComment changes a comment.
func (s *Service) EditUserTaskRunComment(ctx context.Context, req *lhpb.EditUserTaskRunCommentRequest) (*lhpb.UserTaskRun, error) {
	to, rec, err := s.userTaskRecord(ctx, req.UserTaskRunId)
	if err != nil {
		return nil, err
	}
	rec.Command = &pb.Record_EditUserTaskRunComment{EditUserTaskRunComment: req}
	return submit[*lhpb.UserTaskRun](ctx, s, to, rec)
}

// DeleteUserTaskRunComment notes that a comment counts no longer.
func (s *Service) DeleteUserTaskRunComment(ctx context.Context, req *lhpb.DeleteUserTaskRunCommentRequest) (*lhpb.UserTaskRun, error) {
	to, rec, err := s.userTaskRecord(ctx, req.UserTaskRunId)
	if err != nil {
		return nil, err
	}
	rec.Command = &pb.Record_DeleteUserTaskRunComment{DeleteUserTaskRunComment: req}
	return submit[*lhpb.UserTaskRun](ctx, s, to, rec)
}

// GetUserTaskRun reads one UserTaskRun.
func (s *Service) GetUserTaskRun(ctx context.Context, id *lhpb.UserTaskRunId) (*lhpb.UserTaskRun, error) {
	u, err := getRun[lhpb.UserTaskRun](ctx, s, id.WfRunId, func(r keys.Run) keys.Key { return r.UserTaskRun(id.UserTaskGuid) })
	if err != nil {
		return nil, err
	}
	maskUserTaskRun(u)
	return u, nil
}

// ListUserTaskRuns gives the UserTaskRuns of a WfRun in the order of their nodes.
func (s *Service) ListUserTaskRuns(ctx context.Context, req *lhpb.ListUserTaskRunRequest) (*lhpb.UserTaskRunList, error) {
	out, bookmark, err := listRun(ctx, s, "ListUserTaskRuns", req, req.Limit, req.WfRunId, keys.KindUserTaskRun, maskUserTaskRun)
	if err != nil {
		return nil, err
	}
	return &lhpb.UserTaskRunList{Results: out, Bookmark: bookmark}, nil
}
