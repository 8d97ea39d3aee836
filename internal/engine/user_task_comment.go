package engine

import (
	"strings"

	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/lhpb"
)

// putUserTaskRunComment adds a comment. Comments are possible after the end, too.
func (t *txn) putUserTaskRunComment(r *lhpb.PutUserTaskRunCommentRequest) machine.Reply {
	if err := checkComment(r.UserId, r.Comment); err != nil {
		return refuse(err)
	}
	u, err := t.commented(r.UserTaskRunId)
	if err != nil {
		return refuse(err)
	}
	return u.comment(len(r.UserId)+len(r.Comment), &lhpb.UserTaskEvent{Event: &lhpb.UserTaskEvent_CommentAdded{
		CommentAdded: &lhpb.UserTaskEvent_UTECommented{UserCommentId: u.comments() + 1, UserId: r.UserId, Comment: r.Comment},
	}})
}

// editUserTaskRunComment changes a comment. Anyone may.
func (t *txn) editUserTaskRunComment(r *lhpb.EditUserTaskRunCommentRequest) machine.Reply {
	if r.UserCommentId == 0 {
		return refuse(noCommentID())
	}
	if err := checkComment(r.UserId, r.Comment); err != nil {
		return refuse(err)
	}
	u, err := t.commented(r.UserTaskRunId)
	if err != nil {
		return refuse(err)
	}
	if err := u.standing(r.UserCommentId, "edited"); err != nil {
		return refuse(err)
	}
	return u.comment(len(r.UserId)+len(r.Comment), &lhpb.UserTaskEvent{Event: &lhpb.UserTaskEvent_CommentEdited{
		CommentEdited: &lhpb.UserTaskEvent_UTECommented{UserCommentId: r.UserCommentId, UserId: r.UserId, Comment: r.Comment},
	}})
}

// deleteUserTaskRunComment notes that a comment counts no longer; what it said stays in the events.
func (t *txn) deleteUserTaskRunComment(r *lhpb.DeleteUserTaskRunCommentRequest) machine.Reply {
	if r.UserCommentId == 0 {
		return refuse(noCommentID())
	}
	if strings.TrimSpace(r.UserId) == "" {
		return refusef(lh.FailedPrecondition, "The userId must be provided.")
	}
	u, err := t.commented(r.UserTaskRunId)
	if err != nil {
		return refuse(err)
	}
	if err := u.standing(r.UserCommentId, "deleted"); err != nil {
		return refuse(err)
	}
	return u.comment(len(r.UserId), &lhpb.UserTaskEvent{Event: &lhpb.UserTaskEvent_CommentDeleted{
		CommentDeleted: &lhpb.UserTaskEvent_UTECommentDeleted{UserCommentId: r.UserCommentId, UserId: r.UserId},
	}})
}

func noCommentID() *lh.Error {
	return lh.Errorf(lh.FailedPrecondition, "The User Comment Id must be provided")
}

func checkComment(user, comment string) *lh.Error {
	switch {
	case strings.TrimSpace(user) == "":
		return lh.Errorf(lh.InvalidArgument, "The userId must be provided.")
	case strings.TrimSpace(comment) == "":
		return lh.Errorf(lh.InvalidArgument, "The comment must be provided.")
	default:
		return nil
	}
}

// commented is the UserTaskRun that somebody comments on.
func (t *txn) commented(id *lhpb.UserTaskRunId) (*userTaskRun, *lh.Error) {
	u := t.userTaskRun(id)
	if u == nil {
		return nil, lh.Errorf(lh.NotFound, "Couldn't find provided UserTaskRun")
	}
	return u, nil
}

// commentBytes is more than a comment needs beside its texts.
const commentBytes = 64

// comment logs what has become of a comment.
func (u *userTaskRun) comment(textBytes int, e *lhpb.UserTaskEvent) machine.Reply {
	if err := u.mustGrowBy(textBytes + commentBytes); err != nil {
		return refuse(err)
	}
	u.log(e)
	return answer(u.get())
}

// comments is how many comments were ever added; they are numbered from 1.
func (u *userTaskRun) comments() int32 {
	count := int32(0)
	for _, e := range u.get().Events {
		if e.GetCommentAdded() != nil {
			count++
		}
	}
	return count
}

// standing refuses a comment that does not exist, or not any more.
func (u *userTaskRun) standing(number int32, change string) *lh.Error {
	if number < 1 || number > u.comments() {
		return lh.Errorf(lh.NotFound, "No comment exists for the provided comment ID: %d", number)
	}
	for _, e := range u.get().Events {
		if e.GetCommentDeleted().GetUserCommentId() == number {
			return lh.Errorf(lh.FailedPrecondition, "The comment with ID %d cannot be %s because it has already been deleted.", number, change)
		}
	}
	return nil
}
