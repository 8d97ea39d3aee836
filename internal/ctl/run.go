package ctl

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// evenPairs accepts n arguments and then pairs of names and values.
func evenPairs(n int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < n {
			return fmt.Errorf("requires at least %d arguments, received %d", n, len(args))
		}
		if (len(args)-n)%2 != 0 {
			return errors.New("variables are given as pairs of a name and a value: a value is missing")
		}
		return nil
	}
}

// version is the flags that choose a version of a WfSpec; −1 means not chosen.
type version struct{ major, revision int32 }

func (v *version) flags(cmd *cobra.Command) {
	cmd.Flags().Int32Var(&v.major, "majorVersion", -1, "major version of the WfSpec; -1 means the newest")
	cmd.Flags().Int32Var(&v.revision, "revision", -1, "revision of --majorVersion; -1 means the newest")
}

func (v *version) get() (major, revision *int32, err error) {
	if v.revision >= 0 && v.major < 0 {
		return nil, nil, errors.New("--revision needs --majorVersion")
	}
	if v.major >= 0 {
		major = &v.major
	}
	if v.revision >= 0 {
		revision = &v.revision
	}
	return major, revision, nil
}

func (c *cli) run() *cobra.Command {
	var v version
	var id, parent string
	cmd := leaf(c, "run <wfSpecName> [<varName> <value>]...", "Start a WfRun", evenPairs(1),
		func(r *request) (*lhpb.WfRun, error) {
			req := &lhpb.RunWfRequest{WfSpecName: r.args[0], Id: given(r, "wfRunId", id)}
			if r.changed("parentWfRunId") {
				req.ParentWfRunId = runID(parent)
			}
			var err error
			if req.MajorVersion, req.Revision, err = v.get(); err != nil {
				return nil, err
			}
			if req.Variables, err = r.variables(r.args[0], r.args[1:], req.MajorVersion, req.Revision); err != nil {
				return nil, err
			}
			return r.api.RunWf(r.ctx, req)
		})
	v.flags(cmd)
	cmd.Flags().StringVar(&id, "wfRunId", "", "id of the new WfRun; the server makes one up if it is missing")
	cmd.Flags().StringVar(&parent, "parentWfRunId", "", "WfRun that the new one is a child of")
	return cmd
}

func (c *cli) schedule() *cobra.Command {
	return group("schedule", "Schedule WfRuns", c.scheduleRun())
}

func (c *cli) scheduleRun() *cobra.Command {
	var v version
	var id, parent string
	cmd := leaf(c, "run <cron> <wfSpecName> [<varName> <value>]...", "Start WfRuns by a cron expression of five fields", evenPairs(2),
		func(r *request) (*lhpb.ScheduledWfRun, error) {
			req := &lhpb.ScheduleWfRequest{CronExpression: r.args[0], WfSpecName: r.args[1], Id: given(r, "id", id)}
			if r.changed("parentWfRunId") {
				req.ParentWfRunId = runID(parent)
			}
			var err error
			if req.MajorVersion, req.Revision, err = v.get(); err != nil {
				return nil, err
			}
			if req.Variables, err = r.variables(r.args[1], r.args[2:], req.MajorVersion, req.Revision); err != nil {
				return nil, err
			}
			return r.api.ScheduleWf(r.ctx, req)
		})
	v.flags(cmd)
	cmd.Flags().StringVar(&id, "id", "", "id of the schedule; the server makes one up if it is missing")
	cmd.Flags().StringVar(&parent, "parentWfRunId", "", "WfRun that the new ones are children of")
	return cmd
}

// variables reads pairs of names and values by the types that the WfSpec declares.
func (r *request) variables(wfSpec string, pairs []string, major, revision *int32) (map[string]*lhpb.VariableValue, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	spec, err := r.wfSpec(wfSpec, major, revision)
	if err != nil {
		return nil, err
	}
	declared := map[string]*lhpb.TypeDefinition{}
	for _, def := range spec.GetThreadSpecs()[spec.GetEntrypointThreadName()].GetVariableDefs() {
		declared[def.GetVarDef().GetName()] = declaredType(def.GetVarDef())
	}
	values := map[string]*lhpb.VariableValue{}
	for i := 0; i < len(pairs); i += 2 {
		name, text := pairs[i], pairs[i+1]
		typ, ok := declared[name]
		if !ok {
			return nil, fmt.Errorf("WfSpec %s has no variable %q", wfSpec, name)
		}
		if values[name], err = r.parseTyped(typ, text); err != nil {
			return nil, fmt.Errorf("variable %s: %w", name, err)
		}
	}
	return values, nil
}

// declaredType is the type of a variable; old servers give it in a field of its own.
func declaredType(def *lhpb.VariableDef) *lhpb.TypeDefinition {
	if def.TypeDef != nil || def.Type == nil {
		return def.TypeDef
	}
	return &lhpb.TypeDefinition{DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: *def.Type}}
}

func (c *cli) postEvent() *cobra.Command {
	var guid string
	var thread, position int32
	cmd := unary(c, "postEvent <wfRunId> <externalEventDefName> [<varType> <payload>]", "Post an ExternalEvent to a WfRun", oneOf(2, 4), api.PutExternalEvent,
		func(r *request) (*lhpb.PutExternalEventRequest, error) {
			content, err := r.optionalPayload(2)
			return &lhpb.PutExternalEventRequest{
				WfRunId: runID(r.args[0]), ExternalEventDefId: externalEventDef(r.args[1]), Content: content,
				Guid: given(r, "guid", guid), ThreadRunNumber: given(r, "threadRunNumber", thread),
				NodeRunPosition: given(r, "nodeRunNumber", position),
			}, err
		})
	cmd.Flags().StringVar(&guid, "guid", "", "id of the event: posting it again changes nothing")
	cmd.Flags().Int32Var(&thread, "threadRunNumber", 0, "only for this ThreadRun")
	cmd.Flags().Int32Var(&position, "nodeRunNumber", 0, "only for the NodeRun at this position of the ThreadRun")
	return cmd
}

// optionalPayload reads the arguments <varType> <payload> from i on; without them the value is NULL.
func (r *request) optionalPayload(i int) (*lhpb.VariableValue, error) {
	if len(r.args) <= i {
		return &lhpb.VariableValue{}, nil
	}
	return typedValue(r.args[i], r.args[i+1])
}

func (c *cli) stop() *cobra.Command {
	var thread int32
	cmd := unary(c, "wfRun <id>", "Halt a WfRun, or one of its ThreadRuns with its children", cobra.ExactArgs(1), api.StopWfRun,
		func(r *request) (*lhpb.StopWfRunRequest, error) {
			return &lhpb.StopWfRunRequest{WfRunId: runID(r.args[0]), ThreadRunNumber: thread}, nil
		})
	cmd.Flags().Int32Var(&thread, "threadRunNumber", 0, "the ThreadRun")
	return group("stop", "Halt WfRuns", cmd,
		c.many("Halt the WfRuns of a WfSpec that are RUNNING, by a bulk job", extra.BulkRunAction_BULK_RUN_ACTION_STOP))
}

func (c *cli) resume() *cobra.Command {
	var thread int32
	cmd := unary(c, "wfRun <id>", "Let a halted WfRun or ThreadRun go on", cobra.ExactArgs(1), api.ResumeWfRun,
		func(r *request) (*lhpb.ResumeWfRunRequest, error) {
			return &lhpb.ResumeWfRunRequest{WfRunId: runID(r.args[0]), ThreadRunNumber: thread}, nil
		})
	cmd.Flags().Int32Var(&thread, "threadRunNumber", 0, "the ThreadRun")
	return group("resume", "Let halted WfRuns go on", cmd,
		c.many("Let the WfRuns of a WfSpec go on that are HALTED, by a bulk job", extra.BulkRunAction_BULK_RUN_ACTION_RESUME))
}

func (c *cli) rescue() *cobra.Command {
	var skip bool
	cmd := unary(c, "rescue <wfRunId> <threadRunNumber>", "Restart a failed ThreadRun at its failed node", cobra.ExactArgs(2), api.RescueThreadRun,
		func(r *request) (*lhpb.RescueThreadRunRequest, error) {
			thread, err := parseInt32("threadRunNumber", r.args[1])
			return &lhpb.RescueThreadRunRequest{WfRunId: runID(r.args[0]), ThreadRunNumber: thread, SkipCurrentNode: skip}, err
		})
	cmd.Flags().BoolVar(&skip, "skipCurrentNode", false, "go on behind the failed node instead")
	return cmd
}

func (c *cli) assign() *cobra.Command {
	var user, userGroup string
	var override bool
	cmd := unary(c, "userTaskRun <wfRunId> <userTaskGuid>", "Assign a UserTaskRun", parts(2), api.AssignUserTaskRun,
		func(r *request) (*lhpb.AssignUserTaskRunRequest, error) {
			return &lhpb.AssignUserTaskRunRequest{
				UserTaskRunId: r.userTaskRunID(), OverrideClaim: override,
				UserId: given(r, "userId", user), UserGroup: given(r, "userGroup", userGroup),
			}, nil
		})
	cmd.Flags().StringVar(&user, "userId", "", "the user")
	cmd.Flags().StringVar(&userGroup, "userGroup", "", "the group")
	cmd.Flags().BoolVar(&override, "overrideClaim", false, "even if a user has it already")
	cmd.MarkFlagsOneRequired("userId", "userGroup")
	return group("assign", "Assign a UserTaskRun", cmd)
}

func (c *cli) cancel() *cobra.Command {
	return group("cancel", "Cancel a UserTaskRun or a bulk job",
		c.cancelBulkJob(),
		unary(c, "userTaskRun <wfRunId> <userTaskGuid>", "Cancel a UserTaskRun", parts(2), api.CancelUserTaskRun,
			func(r *request) (*lhpb.CancelUserTaskRunRequest, error) {
				return &lhpb.CancelUserTaskRunRequest{UserTaskRunId: r.userTaskRunID()}, nil
			}))
}

func (c *cli) wait() *cobra.Command {
	return group("wait", "Wait for something",
		unary(c, "workflowEvent <wfRunId> [<workflowEventDefName>]...", "Wait until a WfRun throws a WorkflowEvent", cobra.MinimumNArgs(1), api.AwaitWorkflowEvent,
			func(r *request) (*lhpb.AwaitWorkflowEventRequest, error) {
				req := &lhpb.AwaitWorkflowEventRequest{WfRunId: runID(r.args[0])}
				for _, name := range r.args[1:] {
					req.EventDefIds = append(req.EventDefIds, workflowEventDef(name))
				}
				return req, nil
			}))
}
