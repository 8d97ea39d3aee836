package ctl

import (
	"errors"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

func (c *cli) list() *cobra.Command {
	return group("list", "Print the objects of a WfRun, or metrics",
		c.listNodeRun(),
		listOfWfRun(c, "taskRun", "List the TaskRuns of a WfRun", api.ListTaskRuns,
			func(id *lhpb.WfRunId, limit *int32, bookmark []byte) *lhpb.ListTaskRunsRequest {
				return &lhpb.ListTaskRunsRequest{WfRunId: id, Limit: limit, Bookmark: bookmark}
			}),
		listOfWfRun(c, "userTaskRun", "List the UserTaskRuns of a WfRun", api.ListUserTaskRuns,
			func(id *lhpb.WfRunId, limit *int32, bookmark []byte) *lhpb.ListUserTaskRunRequest {
				return &lhpb.ListUserTaskRunRequest{WfRunId: id, Limit: limit, Bookmark: bookmark}
			}),
		listOfWfRun(c, "variable", "List the variables of a WfRun", api.ListVariables,
			func(id *lhpb.WfRunId, limit *int32, bookmark []byte) *lhpb.ListVariablesRequest {
				return &lhpb.ListVariablesRequest{WfRunId: id, Limit: limit, Bookmark: bookmark}
			}),
		listOfWfRun(c, "externalEvent", "List the ExternalEvents of a WfRun", api.ListExternalEvents,
			func(id *lhpb.WfRunId, limit *int32, bookmark []byte) *lhpb.ListExternalEventsRequest {
				return &lhpb.ListExternalEventsRequest{WfRunId: id, Limit: limit, Bookmark: bookmark}
			}),
		listOfWfRun(c, "workflowEvent", "List the WorkflowEvents of a WfRun", api.ListWorkflowEvents,
			func(id *lhpb.WfRunId, limit *int32, bookmark []byte) *lhpb.ListWorkflowEventsRequest {
				return &lhpb.ListWorkflowEventsRequest{WfRunId: id, Limit: limit, Bookmark: bookmark}
			}),
		c.listTaskMetrics(), c.listWfMetrics(), c.listQuotaMetrics(),
	)
}

// listOfWfRun lists everything of one kind that belongs to a WfRun.
func listOfWfRun[Req, Resp proto.Message](c *cli, resource, short string, call rpc[Req, Resp], build func(*lhpb.WfRunId, *int32, []byte) Req) *cobra.Command {
	var page paging
	cmd := unary(c, resource+" <wfRunId>", short, cobra.ExactArgs(1), call, func(r *request) (Req, error) {
		limit, bookmark, err := page.get()
		return build(runID(r.args[0]), limit, bookmark), err
	})
	page.flags(cmd)
	return cmd
}

func (c *cli) listNodeRun() *cobra.Command {
	var page paging
	var thread int32
	cmd := unary(c, "nodeRun <wfRunId>", "List the NodeRuns of a WfRun", cobra.ExactArgs(1), api.ListNodeRuns,
		func(r *request) (*lhpb.ListNodeRunsRequest, error) {
			req := &lhpb.ListNodeRunsRequest{WfRunId: runID(r.args[0])}
			if thread >= 0 {
				req.ThreadRunNumber = &thread
			}
			var err error
			req.Limit, req.Bookmark, err = page.get()
			return req, err
		})
	page.flags(cmd)
	cmd.Flags().Int32Var(&thread, "threadRunNumber", -1, "only of this ThreadRun; -1 means all")
	return cmd
}

func (c *cli) listTaskMetrics() *cobra.Command {
	var when period
	var ignored paging // the call has no pages
	cmd := unary(c, "taskMetrics [<taskDefName>]", "List metric windows of a task, or of all together", cobra.MaximumNArgs(1), api.ListTaskMetrics,
		func(r *request) (*lhpb.ListTaskMetricsRequest, error) {
			req := &lhpb.ListTaskMetricsRequest{}
			if len(r.args) > 0 {
				req.TaskDef = &lhpb.TaskDefId{Name: r.args[0]}
			}
			req.WindowStart, req.WindowEnd = when.orLastHour()
			return req, nil
		})
	when.flags(cmd)
	ignored.flags(cmd)
	return cmd
}

func (c *cli) listWfMetrics() *cobra.Command {
	var when period
	var ignored paging // the call has no pages
	cmd := unary(c, "wfMetrics [<wfSpecName>] [<majorVersion>] [<revision>]", "List metric windows of a WfSpec, or of all together", cobra.MaximumNArgs(3), api.ListWfMetrics,
		func(r *request) (*lhpb.ListWfMetricsRequest, error) {
			req := &lhpb.ListWfMetricsRequest{}
			req.WindowStart, req.WindowEnd = when.orLastHour()
			if len(r.args) == 0 {
				return req, nil
			}
			major, errMajor := r.optionalInt32(1, "majorVersion")
			revision, errRevision := r.optionalInt32(2, "revision")
			req.WfSpec = &lhpb.WfSpecId{Name: r.args[0]}
			if major != nil {
				req.WfSpec.MajorVersion = *major
			}
			if revision != nil {
				req.WfSpec.Revision = *revision
			}
			return req, errors.Join(errMajor, errRevision)
		})
	when.flags(cmd)
	ignored.flags(cmd)
	return cmd
}

func (c *cli) listQuotaMetrics() *cobra.Command {
	var when period
	var principal string
	cmd := unary(c, "quotaMetrics <tenantId>", "List metric windows of a quota", cobra.ExactArgs(1), api.ListQuotaUsageMetrics,
		func(r *request) (*lhpb.ListQuotaUsageMetricsRequest, error) {
			req := &lhpb.ListQuotaUsageMetricsRequest{QuotaId: quotaID(r, r.args[0], principal)}
			req.WindowStart, req.WindowEnd = when.orLastHour()
			return req, nil
		})
	when.flags(cmd)
	cmd.Flags().StringVar(&principal, "principal", "", "the principal")
	return cmd
}

func (c *cli) count() *cobra.Command {
	return group("count", "Count objects", c.countNodeRun(), c.countTaskRun())
}

func (c *cli) countNodeRun() *cobra.Command {
	var all bool
	var wfSpec string
	var major, revision int32
	cmd := unary(c, "nodeRun", "Count NodeRuns", cobra.NoArgs, api.CountNodeRun,
		func(r *request) (*lhpb.CountNodeRunRequest, error) {
			if r.changed("wfSpecRevision") && !r.changed("wfSpecMajorVersion") {
				return nil, errors.New("--wfSpecRevision needs --wfSpecMajorVersion")
			}
			if !r.changed("wfSpecName") {
				return &lhpb.CountNodeRunRequest{}, nil
			}
			return &lhpb.CountNodeRunRequest{Filter: &lhpb.CountNodeRunRequest_WfSpecFilter_{
				WfSpecFilter: &lhpb.CountNodeRunRequest_WfSpecFilter{
					WfSpecName: wfSpec, WfSpecMajorVersion: given(r, "wfSpecMajorVersion", major),
					WfSpecRevision: given(r, "wfSpecRevision", revision),
				},
			}}, nil
		})
	cmd.Flags().BoolVar(&all, "all", false, "of all WfSpecs")
	cmd.Flags().StringVar(&wfSpec, "wfSpecName", "", "of this WfSpec")
	cmd.Flags().Int32Var(&major, "wfSpecMajorVersion", 0, "of this major version of the WfSpec")
	cmd.Flags().Int32Var(&revision, "wfSpecRevision", 0, "of this revision of the major version")
	cmd.MarkFlagsMutuallyExclusive("all", "wfSpecName")
	cmd.MarkFlagsMutuallyExclusive("all", "wfSpecMajorVersion")
	cmd.MarkFlagsOneRequired("all", "wfSpecName")
	return cmd
}

func (c *cli) countTaskRun() *cobra.Command {
	var status string
	cmd := unary(c, "taskRun <taskDefName>", "Count TaskRuns of a TaskDef", cobra.ExactArgs(1), api.CountTaskRun,
		func(r *request) (*lhpb.CountTaskRunRequest, error) {
			s, err := enum[lhpb.TaskStatus](lhpb.TaskStatus_value, "status", status)
			return &lhpb.CountTaskRunRequest{TaskDefName: r.args[0], Status: s}, err
		})
	cmd.Flags().StringVar(&status, "status", "", "of this status; servers count TASK_SCHEDULED")
	must(cmd.MarkFlagRequired("status"))
	return cmd
}
