package ctl

import (
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

func (c *cli) remove() *cobra.Command {
	one := cobra.ExactArgs(1)
	return group("delete", "Delete an object",
		unary(c, "wfRun <id>", "Delete a WfRun", one, api.DeleteWfRun,
			func(r *request) (*lhpb.DeleteWfRunRequest, error) {
				return &lhpb.DeleteWfRunRequest{Id: runID(r.args[0])}, nil
			}),
		c.deleteWfRunBulk(),
		unary(c, "schedule <id>", "Delete a scheduled WfRun", one, api.DeleteScheduledWfRun,
			func(r *request) (*lhpb.DeleteScheduledWfRunRequest, error) {
				return &lhpb.DeleteScheduledWfRunRequest{Id: &lhpb.ScheduledWfRunId{Id: r.args[0]}}, nil
			}),
		unary(c, "wfSpec <name> <majorVersion> <revision>", "Delete one version of a WfSpec", cobra.ExactArgs(3), api.DeleteWfSpec,
			func(r *request) (*lhpb.DeleteWfSpecRequest, error) {
				id, err := r.wfSpecID()
				return &lhpb.DeleteWfSpecRequest{Id: id}, err
			}),
		unary(c, "taskDef <name>", "Delete a TaskDef", one, api.DeleteTaskDef,
			func(r *request) (*lhpb.DeleteTaskDefRequest, error) {
				return &lhpb.DeleteTaskDefRequest{Id: &lhpb.TaskDefId{Name: r.args[0]}}, nil
			}),
		unary(c, "userTaskDef <name> <version>", "Delete one version of a UserTaskDef", parts(2), api.DeleteUserTaskDef,
			func(r *request) (*lhpb.DeleteUserTaskDefRequest, error) {
				name, version, err := r.nameAndVersion()
				if err != nil {
					return nil, err
				}
				return &lhpb.DeleteUserTaskDefRequest{Id: &lhpb.UserTaskDefId{Name: name, Version: *version}}, nil
			}),
		unary(c, "structDef <name> <version>", "Delete one version of a StructDef", parts(2), api.DeleteStructDef,
			func(r *request) (*lhpb.DeleteStructDefRequest, error) {
				name, version, err := r.nameAndVersion()
				if err != nil {
					return nil, err
				}
				return &lhpb.DeleteStructDefRequest{Id: &lhpb.StructDefId{Name: name, Version: *version}}, nil
			}),
		unary(c, "externalEventDef <name>", "Delete an ExternalEventDef", one, api.DeleteExternalEventDef,
			func(r *request) (*lhpb.DeleteExternalEventDefRequest, error) {
				return &lhpb.DeleteExternalEventDefRequest{Id: externalEventDef(r.args[0])}, nil
			}),
		unary(c, "workflowEventDef <name>", "Delete a WorkflowEventDef", one, api.DeleteWorkflowEventDef,
			func(r *request) (*lhpb.DeleteWorkflowEventDefRequest, error) {
				return &lhpb.DeleteWorkflowEventDefRequest{Id: workflowEventDef(r.args[0])}, nil
			}),
		unary(c, "correlatedEvent <key> <externalEventDefName>", "Delete a CorrelatedEvent", parts(2), api.DeleteCorrelatedEvent,
			func(r *request) (*lhpb.DeleteCorrelatedEventRequest, error) {
				return &lhpb.DeleteCorrelatedEventRequest{Id: r.correlatedEventID()}, nil
			}),
		unary(c, "principal <id>", "Delete a principal", one, api.DeletePrincipal,
			func(r *request) (*lhpb.DeletePrincipalRequest, error) {
				return &lhpb.DeletePrincipalRequest{Id: &lhpb.PrincipalId{Id: r.args[0]}}, nil
			}),
		c.deleteQuota(),
		unary(c, "bulkJob <id>", "Delete a bulk job that has ended", one, api.DeleteBulkJob,
			func(r *request) (*lhpb.DeleteBulkJobRequest, error) {
				return &lhpb.DeleteBulkJobRequest{Id: &lhpb.BulkJobId{Id: r.args[0]}}, nil
			}),
		unary(c, "workflowMigrationPlan <name>", "Delete a migration plan", one, api.DeleteWorkflowMigrationPlan,
			func(r *request) (*lhpb.DeleteWorkflowMigrationPlanRequest, error) {
				return &lhpb.DeleteWorkflowMigrationPlanRequest{Id: &lhpb.WorkflowMigrationPlanId{Name: r.args[0]}}, nil
			}),
		unary(c, "userTaskRunComment <wfRunId> <userTaskGuid> <commentId> <userId>", "Delete a comment of a UserTaskRun", cobra.ExactArgs(4), api.DeleteUserTaskRunComment,
			func(r *request) (*lhpb.DeleteUserTaskRunCommentRequest, error) {
				comment, err := parseInt32("commentId", r.args[2])
				return &lhpb.DeleteUserTaskRunCommentRequest{
					UserTaskRunId: &lhpb.UserTaskRunId{WfRunId: runID(r.args[0]), UserTaskGuid: r.args[1]},
					UserCommentId: comment, UserId: r.args[3],
				}, err
			}),
	)
}

func (c *cli) deleteQuota() *cobra.Command {
	var principal string
	cmd := unary(c, "quota <tenantId>", "Delete the quota of a tenant, or of one of its principals", cobra.ExactArgs(1), api.DeleteQuota,
		func(r *request) (*lhpb.DeleteQuotaRequest, error) {
			return &lhpb.DeleteQuotaRequest{Id: quotaID(r, r.args[0], principal)}, nil
		})
	cmd.Flags().StringVar(&principal, "principal", "", "the principal")
	return cmd
}

func (c *cli) deleteWfRunBulk() *cobra.Command {
	var from, to, status, id string
	var having where
	cmd := leaf(c, "wfRunBulk <wfSpecName>", "Delete the WfRuns of a WfSpec that began in a period, by a bulk job", cobra.ExactArgs(1),
		func(r *request) (*lhpb.BulkJob, error) {
			req, err := bulkDelete(r, from, to, status)
			if err != nil {
				return nil, err
			}
			req.Id = given(r, "id", id)
			if len(having) > 0 {
				return r.deleteMatching(req, having)
			}
			job, err := r.api.CreateBulkJob(r.ctx, req)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(r.cmd.ErrOrStderr(), "The deletion goes on in the background; follow it with: %s get bulkJob %s\n",
				r.cmd.Root().Name(), job.GetId().GetId())
			return job, nil
		})
	cmd.Flags().StringVar(&from, "from", "", "begin of the period, RFC 3339 or milliseconds since 1970")
	cmd.Flags().StringVar(&to, "to", "", "end of the period, likewise")
	cmd.Flags().StringVar(&status, "status", "", "only WfRuns of this status")
	having.flag(cmd)
	cmd.Flags().StringVar(&id, "id", "", "id of the bulk job; the server makes one up if it is missing")
	must(cmd.MarkFlagRequired("from"))
	must(cmd.MarkFlagRequired("to"))
	return cmd
}

// deleteMatching asks for a job of our own: the official one knows no conditions.
func (r *request) deleteMatching(req *lhpb.CreateBulkJobRequest, having where) (*lhpb.BulkJob, error) {
	which := req.GetBulkDeleteWfRun()
	filters, err := having.matches(r, which.WfSpecName, nil, nil)
	if err != nil {
		return nil, err
	}
	job, err := r.createBulkRunJob(&extra.CreateBulkRunJobRequest{
		Id: req.Id, Action: extra.BulkRunAction_BULK_RUN_ACTION_DELETE, WfSpecName: which.WfSpecName,
		EarliestStart: which.EarliestStart, LatestStart: which.LatestStart, Status: which.WfRunStatus, VariableFilters: filters,
	})
	return job.GetJob(), err
}

func bulkDelete(r *request, from, to, status string) (*lhpb.CreateBulkJobRequest, error) {
	earliest, errFrom := parseTime(from)
	latest, errTo := parseTime(to)
	wanted, errStatus := optionalEnum[lhpb.LHStatus](r, "status", status, lhpb.LHStatus_value)
	switch {
	case errFrom != nil:
		return nil, fmt.Errorf("--from %q: %w", from, errFrom)
	case errTo != nil:
		return nil, fmt.Errorf("--to %q: %w", to, errTo)
	case errStatus != nil:
		return nil, errStatus
	}
	return &lhpb.CreateBulkJobRequest{Operation: &lhpb.CreateBulkJobRequest_BulkDeleteWfRun{
		BulkDeleteWfRun: &lhpb.BulkDeleteWfRun{
			WfSpecName: r.args[0], EarliestStart: timestamppb.New(earliest), LatestStart: timestamppb.New(latest), WfRunStatus: wanted,
		},
	}}, nil
}
