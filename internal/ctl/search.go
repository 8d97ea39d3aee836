package ctl

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"littlehorse/lhpb"
)

func (c *cli) search() *cobra.Command {
	return group("search", "Print the ids of objects",
		c.searchWfRun(), c.searchWfSpec(), c.searchTaskDef(), c.searchUserTaskDef(), c.searchStructDef(),
		c.searchExternalEventDef(), c.searchWorkflowEventDef(), c.searchTaskRun(), c.searchNodeRun(), c.searchUserTaskRun(),
		c.searchVariable(), c.searchExternalEvent(), c.searchCorrelatedEvent(), c.searchWorkflowEvent(), c.searchSchedule(),
		c.searchPrincipal(), c.searchTenant(), c.searchQuota(), c.searchBulkJob(), c.searchWfMetricWindow(),
		c.searchMigrationPlan(),
	)
}

func (c *cli) searchWfRun() *cobra.Command {
	var page paging
	var when period
	var status string
	var having where
	cmd := unary(c, "wfRun <wfSpecName> [<majorVersion>] [<revision>]", "Search WfRuns of a WfSpec", cobra.RangeArgs(1, 3), api.SearchWfRun,
		func(r *request) (*lhpb.SearchWfRunRequest, error) {
			req := &lhpb.SearchWfRunRequest{WfSpecName: r.args[0]}
			var errs [4]error
			req.Limit, req.Bookmark, errs[0] = page.get()
			req.WfSpecMajorVersion, errs[1] = r.optionalInt32(1, "majorVersion")
			req.WfSpecRevision, errs[2] = r.optionalInt32(2, "revision")
			req.Status, errs[3] = optionalEnum[lhpb.LHStatus](r, "status", status, lhpb.LHStatus_value)
			req.EarliestStart, req.LatestStart = when.get()
			if err := errors.Join(errs[:]...); err != nil {
				return nil, err
			}
			var err error
			req.VariableFilters, err = having.matches(r, req.WfSpecName, req.WfSpecMajorVersion, req.WfSpecRevision)
			return req, err
		})
	page.flags(cmd)
	when.flags(cmd)
	having.flag(cmd)
	cmd.Flags().StringVar(&status, "status", "", "only WfRuns of this status")
	cmd.AddCommand(c.searchWfRunByParent())
	return cmd
}

func (c *cli) searchWfRunByParent() *cobra.Command {
	var page paging
	var wfSpec, status string
	var fullTree bool
	var levels int
	cmd := leaf(c, "byParent <parentWfRunId>", "Search the children of a WfRun", cobra.ExactArgs(1),
		func(r *request) (*lhpb.WfRunIdList, error) {
			req := &lhpb.SearchWfRunRequest{ParentWfRunId: runID(r.args[0]), WfSpecName: wfSpec}
			if r.changed("show-full-tree") || levels > 1 {
				tree := fullTree || levels > 1
				req.ShowFullTree = &tree
			}
			var errs [2]error
			req.Limit, req.Bookmark, errs[0] = page.get()
			req.Status, errs[1] = optionalEnum[lhpb.LHStatus](r, "status", status, lhpb.LHStatus_value)
			if err := errors.Join(errs[:]...); err != nil {
				return nil, err
			}
			found, err := r.api.SearchWfRun(r.ctx, req)
			if err != nil || levels <= 0 {
				return found, err
			}
			deepest := depth(req.ParentWfRunId) + levels
			found.Results = slices.DeleteFunc(found.Results, func(id *lhpb.WfRunId) bool { return depth(id) > deepest })
			return found, nil
		})
	page.flags(cmd)
	cmd.Flags().StringVar(&wfSpec, "wfSpecName", "", "only WfRuns of this WfSpec")
	cmd.Flags().StringVar(&status, "status", "", "only WfRuns of this status")
	cmd.Flags().BoolVar(&fullTree, "show-full-tree", false, "children of children too")
	cmd.Flags().IntVar(&levels, "levels", 0, "only so many generations; what is deeper leaves a page short; 0 means all that is found")
	return cmd
}

// depth is how many ancestors a WfRun has.
func depth(id *lhpb.WfRunId) (n int) {
	for ; id.GetParentWfRunId() != nil; id = id.ParentWfRunId {
		n++
	}
	return n
}

func (c *cli) searchWfSpec() *cobra.Command {
	var page paging
	var name, prefix, task string
	cmd := unary(c, "wfSpec", "Search WfSpecs", cobra.NoArgs, api.SearchWfSpec,
		func(r *request) (*lhpb.SearchWfSpecRequest, error) {
			req := &lhpb.SearchWfSpecRequest{}
			var err error
			req.Limit, req.Bookmark, err = page.get()
			switch {
			case r.changed("name"):
				req.WfSpecCriteria = &lhpb.SearchWfSpecRequest_Name{Name: name}
			case r.changed("prefix"):
				req.WfSpecCriteria = &lhpb.SearchWfSpecRequest_Prefix{Prefix: prefix}
			case r.changed("taskDef"):
				req.WfSpecCriteria = &lhpb.SearchWfSpecRequest_TaskDefName{TaskDefName: task}
			}
			return req, err
		})
	page.flags(cmd)
	cmd.Flags().StringVar(&name, "name", "", "all versions of this WfSpec")
	cmd.Flags().StringVar(&prefix, "prefix", "", "WfSpecs whose name begins so")
	cmd.Flags().StringVar(&task, "taskDef", "", "WfSpecs that run this task")
	cmd.MarkFlagsMutuallyExclusive("name", "prefix", "taskDef")
	return cmd
}

func (c *cli) searchTaskDef() *cobra.Command {
	var page paging
	cmd := unary(c, "taskDef [<prefix>]", "Search TaskDefs", cobra.MaximumNArgs(1), api.SearchTaskDef,
		func(r *request) (*lhpb.SearchTaskDefRequest, error) {
			req := &lhpb.SearchTaskDefRequest{Prefix: r.optionalArg(0)}
			var err error
			req.Limit, req.Bookmark, err = page.get()
			return req, err
		})
	page.flags(cmd)
	return cmd
}

func (r *request) optionalArg(i int) *string {
	if i >= len(r.args) {
		return nil
	}
	return &r.args[i]
}

func (c *cli) searchUserTaskDef() *cobra.Command {
	var page paging
	var name, prefix string
	cmd := unary(c, "userTaskDef", "Search UserTaskDefs", cobra.NoArgs, api.SearchUserTaskDef,
		func(r *request) (*lhpb.SearchUserTaskDefRequest, error) {
			req := &lhpb.SearchUserTaskDefRequest{}
			var err error
			req.Limit, req.Bookmark, err = page.get()
			switch {
			case r.changed("name"):
				req.UserTaskDefCriteria = &lhpb.SearchUserTaskDefRequest_Name{Name: name}
			case r.changed("prefix"):
				req.UserTaskDefCriteria = &lhpb.SearchUserTaskDefRequest_Prefix{Prefix: prefix}
			}
			return req, err
		})
	page.flags(cmd)
	cmd.Flags().StringVar(&name, "name", "", "all versions of this UserTaskDef")
	cmd.Flags().StringVar(&prefix, "prefix", "", "UserTaskDefs whose name begins so")
	cmd.MarkFlagsMutuallyExclusive("name", "prefix")
	return cmd
}

func (c *cli) searchStructDef() *cobra.Command {
	var page paging
	cmd := unary(c, "structDef [<prefix>]", "Search StructDefs", cobra.MaximumNArgs(1), api.SearchStructDef,
		func(r *request) (*lhpb.SearchStructDefRequest, error) {
			req := &lhpb.SearchStructDefRequest{}
			if len(r.args) > 0 {
				req.StructDefCriteria = &lhpb.SearchStructDefRequest_Prefix{Prefix: r.args[0]}
			}
			var err error
			req.Limit, req.Bookmark, err = page.get()
			return req, err
		})
	page.flags(cmd)
	return cmd
}

func (c *cli) searchExternalEventDef() *cobra.Command {
	var page paging
	var prefix string
	cmd := unary(c, "externalEventDef", "Search ExternalEventDefs", cobra.NoArgs, api.SearchExternalEventDef,
		func(r *request) (*lhpb.SearchExternalEventDefRequest, error) {
			req := &lhpb.SearchExternalEventDefRequest{Prefix: given(r, "prefix", prefix)}
			var err error
			req.Limit, req.Bookmark, err = page.get()
			return req, err
		})
	page.flags(cmd)
	cmd.Flags().StringVar(&prefix, "prefix", "", "ExternalEventDefs whose name begins so")
	return cmd
}

func (c *cli) searchWorkflowEventDef() *cobra.Command {
	var page paging
	var prefix string
	cmd := unary(c, "workflowEventDef", "Search WorkflowEventDefs", cobra.NoArgs, api.SearchWorkflowEventDef,
		func(r *request) (*lhpb.SearchWorkflowEventDefRequest, error) {
			req := &lhpb.SearchWorkflowEventDefRequest{Prefix: given(r, "prefix", prefix)}
			var err error
			req.Limit, req.Bookmark, err = page.get()
			return req, err
		})
	page.flags(cmd)
	cmd.Flags().StringVar(&prefix, "prefix", "", "WorkflowEventDefs whose name begins so")
	return cmd
}

func (c *cli) searchTaskRun() *cobra.Command {
	var page paging
	var when period
	var status string
	cmd := unary(c, "taskRun <taskDefName>", "Search TaskRuns of a TaskDef", cobra.ExactArgs(1), api.SearchTaskRun,
		func(r *request) (*lhpb.SearchTaskRunRequest, error) {
			req := &lhpb.SearchTaskRunRequest{TaskDefName: r.args[0]}
			var errs [2]error
			req.Limit, req.Bookmark, errs[0] = page.get()
			req.Status, errs[1] = optionalEnum[lhpb.TaskStatus](r, "status", status, lhpb.TaskStatus_value)
			req.EarliestStart, req.LatestStart = when.get()
			return req, errors.Join(errs[:]...)
		})
	page.flags(cmd)
	when.flags(cmd)
	cmd.Flags().StringVar(&status, "status", "", "only TaskRuns of this status, TASK_…")
	return cmd
}

func (c *cli) searchNodeRun() *cobra.Command {
	var page paging
	var when period
	cmd := unary(c, "nodeRun <externalEventDefName> <status>", "Search the NodeRuns that wait for an ExternalEvent", cobra.ExactArgs(2), api.SearchNodeRun,
		func(r *request) (*lhpb.SearchNodeRunRequest, error) {
			req := &lhpb.SearchNodeRunRequest{ExternalEventDef: externalEventDef(r.args[0])}
			var errs [2]error
			req.Limit, req.Bookmark, errs[0] = page.get()
			req.Status, errs[1] = enum[lhpb.LHStatus](lhpb.LHStatus_value, "status", r.args[1])
			req.EarliestStart, req.LatestStart = when.get()
			return req, errors.Join(errs[:]...)
		})
	page.flags(cmd)
	when.flags(cmd)
	return cmd
}

func (c *cli) searchUserTaskRun() *cobra.Command {
	var page paging
	var when period
	var def, user, userGroup, status string
	cmd := unary(c, "userTaskRun", "Search UserTaskRuns", cobra.NoArgs, api.SearchUserTaskRun,
		func(r *request) (*lhpb.SearchUserTaskRunRequest, error) {
			req := &lhpb.SearchUserTaskRunRequest{
				UserTaskDefName: given(r, "userTaskDefName", def), UserId: given(r, "userId", user), UserGroup: given(r, "userGroup", userGroup),
			}
			var errs [2]error
			req.Limit, req.Bookmark, errs[0] = page.get()
			req.Status, errs[1] = optionalEnum[lhpb.UserTaskRunStatus](r, "userTaskStatus", status, lhpb.UserTaskRunStatus_value)
			req.EarliestStart, req.LatestStart = when.get()
			return req, errors.Join(errs[:]...)
		})
	page.flags(cmd)
	when.flags(cmd)
	cmd.Flags().StringVar(&def, "userTaskDefName", "", "only of this UserTaskDef")
	cmd.Flags().StringVar(&user, "userId", "", "only of this user")
	cmd.Flags().StringVar(&userGroup, "userGroup", "", "only of this group")
	cmd.Flags().StringVar(&status, "userTaskStatus", "", "only of this status")
	cmd.MarkFlagsOneRequired("userTaskDefName", "userId", "userGroup", "userTaskStatus")
	return cmd
}

func (c *cli) searchVariable() *cobra.Command {
	var page paging
	var varType, value, name, wfSpec string
	var major, revision int32
	cmd := unary(c, "variable", "Search variables by their value", cobra.NoArgs, api.SearchVariable,
		func(r *request) (*lhpb.SearchVariableRequest, error) {
			req := &lhpb.SearchVariableRequest{
				VarName: name, WfSpecName: wfSpec,
				WfSpecMajorVersion: given(r, "wfSpecMajorVersion", major), WfSpecRevision: given(r, "wfSpecRevision", revision),
			}
			var errs [2]error
			req.Limit, req.Bookmark, errs[0] = page.get()
			req.Value, errs[1] = typedValue(varType, value)
			return req, errors.Join(errs[:]...)
		})
	page.flags(cmd)
	cmd.Flags().StringVar(&varType, "varType", "", "type of the value: INT STR BYTES BOOL JSON_OBJ JSON_ARR DOUBLE …")
	cmd.Flags().StringVar(&value, "value", "", "the value")
	cmd.Flags().StringVar(&name, "name", "", "name of the variable")
	cmd.Flags().StringVar(&wfSpec, "wfSpecName", "", "the WfSpec")
	cmd.Flags().Int32Var(&major, "wfSpecMajorVersion", 0, "only of this major version")
	cmd.Flags().Int32Var(&revision, "wfSpecRevision", 0, "only of this revision")
	for _, flag := range []string{"varType", "value", "name", "wfSpecName"} {
		must(cmd.MarkFlagRequired(flag))
	}
	return cmd
}

// must is for flags that are set up wrongly in this package.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (c *cli) searchExternalEvent() *cobra.Command {
	var page paging
	var when period
	var claimed bool
	var def string
	cmd := unary(c, "externalEvent [<externalEventDefName>]", "Search ExternalEvents", cobra.MaximumNArgs(1), api.SearchExternalEvent,
		func(r *request) (*lhpb.SearchExternalEventRequest, error) {
			req := &lhpb.SearchExternalEventRequest{IsClaimed: given(r, "isClaimed", claimed)}
			switch {
			case len(r.args) > 0:
				req.ExternalEventDefId = externalEventDef(r.args[0])
			case r.changed("externalEventDefName"):
				req.ExternalEventDefId = externalEventDef(def)
			}
			var err error
			req.Limit, req.Bookmark, err = page.get()
			req.EarliestStart, req.LatestStart = when.get()
			return req, err
		})
	page.flags(cmd)
	when.flags(cmd)
	cmd.Flags().BoolVar(&claimed, "isClaimed", false, "only events that a WfRun took, or with =false that none took")
	cmd.Flags().StringVar(&def, "externalEventDefName", "", "the ExternalEventDef, if it is no argument")
	return cmd
}

func (c *cli) searchCorrelatedEvent() *cobra.Command {
	var page paging
	var when period
	var hasEvents bool
	cmd := unary(c, "correlatedEvent <externalEventDefName>", "Search CorrelatedEvents", cobra.ExactArgs(1), api.SearchCorrelatedEvent,
		func(r *request) (*lhpb.SearchCorrelatedEventRequest, error) {
			req := &lhpb.SearchCorrelatedEventRequest{
				ExternalEventDefId: externalEventDef(r.args[0]), HasExternalEvents: given(r, "hasEvents", hasEvents),
			}
			var err error
			req.Limit, req.Bookmark, err = page.get()
			req.EarliestStart, req.LatestStart = when.get()
			return req, err
		})
	page.flags(cmd)
	when.flags(cmd)
	cmd.Flags().BoolVar(&hasEvents, "hasEvents", false, "only those that reached a WfRun, or with =false that reached none")
	return cmd
}

func (c *cli) searchWorkflowEvent() *cobra.Command {
	var page paging
	var when period
	cmd := unary(c, "workflowEvent <workflowEventDefName>", "Search WorkflowEvents", cobra.ExactArgs(1), api.SearchWorkflowEvent,
		func(r *request) (*lhpb.SearchWorkflowEventRequest, error) {
			req := &lhpb.SearchWorkflowEventRequest{WorkflowEventDefId: workflowEventDef(r.args[0])}
			var err error
			req.Limit, req.Bookmark, err = page.get()
			req.EarliestStart, req.LatestStart = when.get()
			return req, err
		})
	page.flags(cmd)
	when.flags(cmd)
	return cmd
}

func (c *cli) searchSchedule() *cobra.Command {
	var ignored paging // the call has no pages
	cmd := unary(c, "schedule <wfSpecName> [<majorVersion>] [<revision>]", "Search scheduled WfRuns of a WfSpec", cobra.RangeArgs(1, 3), api.SearchScheduledWfRun,
		func(r *request) (*lhpb.SearchScheduledWfRunRequest, error) {
			req := &lhpb.SearchScheduledWfRunRequest{WfSpecName: r.args[0]}
			var errs [2]error
			req.MajorVersion, errs[0] = r.optionalInt32(1, "majorVersion")
			req.Revision, errs[1] = r.optionalInt32(2, "revision")
			return req, errors.Join(errs[:]...)
		})
	ignored.flags(cmd)
	return cmd
}

func (c *cli) searchPrincipal() *cobra.Command {
	var page paging
	var when period
	var admin bool
	var tenant string
	cmd := unary(c, "principal", "Search principals", cobra.NoArgs, api.SearchPrincipal,
		func(r *request) (*lhpb.SearchPrincipalRequest, error) {
			req := &lhpb.SearchPrincipalRequest{}
			switch {
			case r.changed("isAdmin"):
				req.PrincipalCriteria = &lhpb.SearchPrincipalRequest_IsAdmin{IsAdmin: admin}
			case r.changed("tenantId"):
				req.PrincipalCriteria = &lhpb.SearchPrincipalRequest_TenantId{TenantId: tenant}
			}
			var err error
			req.Limit, req.Bookmark, err = page.get()
			req.EarliestStart, req.LatestStart = when.get()
			return req, err
		})
	page.flags(cmd)
	when.flags(cmd)
	cmd.Flags().BoolVar(&admin, "isAdmin", false, "only admins, or with =false only others")
	cmd.Flags().StringVar(&tenant, "tenantId", "", "only principals with rights in this tenant")
	return cmd
}

func (c *cli) searchTenant() *cobra.Command {
	var page paging
	cmd := unary(c, "tenant", "Search tenants", cobra.NoArgs, api.SearchTenant,
		func(*request) (*lhpb.SearchTenantRequest, error) {
			req := &lhpb.SearchTenantRequest{}
			var err error
			req.Limit, req.Bookmark, err = page.get()
			return req, err
		})
	page.flags(cmd)
	return cmd
}

func (c *cli) searchQuota() *cobra.Command {
	var page paging
	var tenant, principal string
	cmd := unary(c, "quota", "Search quotas", cobra.NoArgs, api.SearchQuota,
		func(r *request) (*lhpb.SearchQuotaRequest, error) {
			req := &lhpb.SearchQuotaRequest{TenantId: given(r, "tenantId", tenant)}
			if r.changed("principal") {
				req.Principal = &lhpb.PrincipalId{Id: principal}
			}
			var err error
			req.Limit, req.Bookmark, err = page.get()
			return req, err
		})
	page.flags(cmd)
	cmd.Flags().StringVar(&tenant, "tenantId", "", "only of this tenant")
	cmd.Flags().StringVar(&principal, "principal", "", "only of this principal")
	return cmd
}

func (c *cli) searchBulkJob() *cobra.Command {
	var page paging
	var status string
	cmd := unary(c, "bulkJob", "Search bulk jobs", cobra.NoArgs, api.SearchBulkJob,
		func(r *request) (*lhpb.SearchBulkJobRequest, error) {
			req := &lhpb.SearchBulkJobRequest{}
			var errs [2]error
			req.Limit, req.Bookmark, errs[0] = page.get()
			req.Status, errs[1] = optionalEnum[lhpb.BulkJobStatus](r, "status", status, lhpb.BulkJobStatus_value)
			return req, errors.Join(errs[:]...)
		})
	page.flags(cmd)
	cmd.Flags().StringVar(&status, "status", "", "only of this status, BULK_JOB_…")
	return cmd
}

func (c *cli) searchWfMetricWindow() *cobra.Command {
	var page paging
	var when period
	var latest bool
	cmd := unary(c, "wfMetricWindow <wfSpecName>", "Search metric windows of a WfSpec", cobra.ExactArgs(1), api.SearchWfMetricWindow,
		func(r *request) (*lhpb.SearchWfMetricWindowRequest, error) {
			req := &lhpb.SearchWfMetricWindowRequest{WfSpecName: r.args[0], LatestOnly: given(r, "latestOnly", latest)}
			var err error
			req.Limit, req.Bookmark, err = page.get()
			req.EarliestStart, req.LatestStart = when.get()
			return req, err
		})
	page.flags(cmd)
	when.flags(cmd)
	cmd.Flags().BoolVar(&latest, "latestOnly", false, "only the newest window")
	return cmd
}

func (c *cli) searchMigrationPlan() *cobra.Command {
	var page paging
	var wfSpec, prefix string
	cmd := unary(c, "workflowMigrationPlan", "Search migration plans", cobra.NoArgs, api.SearchWorkflowMigrationPlan,
		func(r *request) (*lhpb.SearchWorkflowMigrationPlanRequest, error) {
			req := &lhpb.SearchWorkflowMigrationPlanRequest{}
			switch {
			case r.changed("wfSpecName"):
				req.WorkflowMigrationPlanCriteria = &lhpb.SearchWorkflowMigrationPlanRequest_WfSpecName{WfSpecName: wfSpec}
			case r.changed("prefix"):
				req.WorkflowMigrationPlanCriteria = &lhpb.SearchWorkflowMigrationPlanRequest_Prefix{Prefix: prefix}
			}
			var err error
			req.Limit, req.Bookmark, err = page.get()
			return req, err
		})
	page.flags(cmd)
	cmd.Flags().StringVar(&wfSpec, "wfSpecName", "", "plans for this WfSpec")
	cmd.Flags().StringVar(&prefix, "prefix", "", "plans whose name begins so")
	cmd.MarkFlagsMutuallyExclusive("wfSpecName", "prefix")
	return cmd
}
