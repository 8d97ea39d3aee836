package ctl

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/lhpb"
)

type savePolicy = lhpb.SaveUserTaskRunProgressRequest_SaveUserTaskRunAssignmentPolicy

func (c *cli) execute() *cobra.Command {
	return group("execute", "Complete a UserTaskRun by hand",
		leaf(c, "userTaskRun <wfRunId> <userTaskGuid>", "Complete a UserTaskRun with results that are asked for", parts(2),
			func(r *request) (*emptypb.Empty, error) {
				id := r.userTaskRunID()
				form, err := r.openForm(id)
				if err != nil {
					return nil, err
				}
				user, results, err := form.fill()
				if err != nil {
					return nil, err
				}
				return r.api.CompleteUserTaskRun(r.ctx, &lhpb.CompleteUserTaskRunRequest{UserTaskRunId: id, UserId: user, Results: results})
			}))
}

func (c *cli) save() *cobra.Command {
	var wfRun, guid string
	cmd := leaf(c, "userTaskRun", "Save results of a UserTaskRun that is not done yet; they are asked for", cobra.NoArgs,
		func(r *request) (*lhpb.UserTaskRun, error) {
			id := &lhpb.UserTaskRunId{WfRunId: runID(wfRun), UserTaskGuid: guid}
			form, err := r.openForm(id)
			if err != nil {
				return nil, err
			}
			user, results, err := form.fill()
			if err != nil {
				return nil, err
			}
			policy, err := form.policy()
			if err != nil {
				return nil, err
			}
			return r.api.SaveUserTaskRunProgress(r.ctx, &lhpb.SaveUserTaskRunProgressRequest{
				UserTaskRunId: id, UserId: user, Results: results, Policy: policy,
			})
		})
	cmd.Flags().StringVar(&wfRun, "wfRunId", "", "the WfRun")
	cmd.Flags().StringVar(&guid, "userTaskGuid", "", "the UserTaskRun in it")
	must(cmd.MarkFlagRequired("wfRunId"))
	must(cmd.MarkFlagRequired("userTaskGuid"))
	return group("save", "Save the progress of a UserTaskRun", cmd)
}

// form is a UserTaskRun that is filled in on the terminal.
type form struct {
	*prompter
	fields []*lhpb.UserTaskField
}

// openForm reads the fields of a UserTaskRun that has not ended.
func (r *request) openForm(id *lhpb.UserTaskRunId) (*form, error) {
	run, err := r.api.GetUserTaskRun(r.ctx, id)
	if err != nil {
		return nil, err
	}
	if s := run.Status; s == lhpb.UserTaskRunStatus_DONE || s == lhpb.UserTaskRunStatus_CANCELLED {
		return nil, fmt.Errorf("the UserTaskRun is %s already", s)
	}
	def, err := r.api.GetUserTaskDef(r.ctx, run.UserTaskDefId)
	if err != nil {
		return nil, err
	}
	return &form{prompter: newPrompter(r.cmd), fields: def.Fields}, nil
}

// fill asks for the user and then for each field. A field that need not be filled in is left out by an empty line.
func (f *form) fill() (user string, results map[string]*lhpb.VariableValue, err error) {
	if user, err = f.orEmpty("userId"); err != nil {
		return "", nil, err
	}
	results = map[string]*lhpb.VariableValue{}
	for _, field := range f.fields {
		text, err := f.orEmpty(promptOf(field))
		if err != nil {
			return "", nil, err
		}
		if text == "" && !field.Required {
			continue
		}
		if results[field.Name], err = parseValue(field.Type, text); err != nil {
			return "", nil, fmt.Errorf("field %s: %w", field.Name, err)
		}
	}
	return user, results, nil
}

func promptOf(field *lhpb.UserTaskField) string {
	name := field.DisplayName
	if name == "" {
		name = field.Name
	}
	return fmt.Sprintf("%s (%s)", name, field.Type)
}

func (f *form) policy() (savePolicy, error) {
	const policies = "policy (0: fail if another user has claimed it, 1: save anyway)"
	text, err := f.orEmpty(policies)
	if err != nil || text == "" {
		return 0, err
	}
	n, err := parseInt32("policy", text)
	if err != nil {
		return 0, err
	}
	if _, ok := lhpb.SaveUserTaskRunProgressRequest_SaveUserTaskRunAssignmentPolicy_name[n]; !ok {
		return 0, fmt.Errorf("there is no policy %d", n)
	}
	return savePolicy(n), nil
}

func (c *cli) putUserTaskRunComment() *cobra.Command {
	return leaf(c, "userTaskRunComment <wfRunId> <userTaskGuid>", "Comment on a UserTaskRun; user and comment are asked for", parts(2),
		func(r *request) (*lhpb.UserTaskRun, error) {
			user, comment, err := r.askComment()
			if err != nil {
				return nil, err
			}
			return r.api.PutUserTaskRunComment(r.ctx, &lhpb.PutUserTaskRunCommentRequest{
				UserTaskRunId: r.userTaskRunID(), UserId: user, Comment: comment,
			})
		})
}

func (c *cli) edit() *cobra.Command {
	return group("edit", "Change a comment",
		leaf(c, "userTaskRunComment <wfRunId> <userTaskGuid> <commentId>", "Change a comment on a UserTaskRun; user and text are asked for", parts(3),
			func(r *request) (*lhpb.UserTaskRun, error) {
				p := r.split()
				number, err := parseInt32("commentId", p[2])
				if err != nil {
					return nil, err
				}
				user, comment, err := r.askComment()
				if err != nil {
					return nil, err
				}
				return r.api.EditUserTaskRunComment(r.ctx, &lhpb.EditUserTaskRunCommentRequest{
					UserTaskRunId: &lhpb.UserTaskRunId{WfRunId: runID(p[0]), UserTaskGuid: p[1]},
					UserCommentId: number, UserId: user, Comment: comment,
				})
			}))
}

func (r *request) askComment() (user, comment string, err error) {
	p := newPrompter(r.cmd)
	user, err = p.orEmpty("userId")
	if err != nil {
		return "", "", err
	}
	if comment, err = p.orEmpty("comment"); err != nil {
		return "", "", err
	}
	if user == "" || comment == "" {
		return "", "", errors.New("a comment needs a user and a text")
	}
	return user, comment, nil
}
