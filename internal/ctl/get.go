package ctl

import (
	"errors"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/lhpb"
)

// api names the method expressions below.
type api = lhpb.LittleHorseClient

func (c *cli) get() *cobra.Command {
	one := cobra.ExactArgs(1)
	return group("get", "Print one object",
		unary(c, "wfRun <id>", "Print a WfRun", one, api.GetWfRun,
			func(r *request) (*lhpb.WfRunId, error) { return runID(r.args[0]), nil }),
		unary(c, "scheduled <id>", "Print a scheduled WfRun", one, api.GetScheduledWfRun,
			func(r *request) (*lhpb.ScheduledWfRunId, error) {
				return &lhpb.ScheduledWfRunId{Id: r.args[0]}, nil
			}),
		c.getWfSpec(),
		unary(c, "variable <wfRunId> <threadRunNumber> <name>", "Print a variable", parts(3), api.GetVariable, variableID),
		unary(c, "nodeRun <wfRunId> <threadRunNumber> <position>", "Print a NodeRun", parts(3), api.GetNodeRun, nodeRunID),
		unary(c, "taskRun <wfRunId> <taskGuid>", "Print a TaskRun", parts(2), api.GetTaskRun,
			func(r *request) (*lhpb.TaskRunId, error) {
				p := r.split()
				return &lhpb.TaskRunId{WfRunId: runID(p[0]), TaskGuid: p[1]}, nil
			}),
		unary(c, "userTaskRun <wfRunId> <userTaskGuid>", "Print a UserTaskRun", parts(2), api.GetUserTaskRun,
			func(r *request) (*lhpb.UserTaskRunId, error) { return r.userTaskRunID(), nil }),
		unary(c, "externalEvent <wfRunId> <externalEventDefName> <guid>", "Print an ExternalEvent", parts(3), api.GetExternalEvent,
			func(r *request) (*lhpb.ExternalEventId, error) {
				p := r.split()
				return &lhpb.ExternalEventId{WfRunId: runID(p[0]), ExternalEventDefId: externalEventDef(p[1]), Guid: p[2]}, nil
			}),
		unary(c, "correlatedEvent <key> <externalEventDefName>", "Print a CorrelatedEvent", parts(2), api.GetCorrelatedEvent,
			func(r *request) (*lhpb.CorrelatedEventId, error) { return r.correlatedEventID(), nil }),
		unary(c, "workflowEvent <wfRunId> <workflowEventDefName> <number>", "Print a WorkflowEvent", parts(3), api.GetWorkflowEvent, workflowEventID),
		unary(c, "taskDef <name>", "Print a TaskDef", one, api.GetTaskDef,
			func(r *request) (*lhpb.TaskDefId, error) { return &lhpb.TaskDefId{Name: r.args[0]}, nil }),
		unary(c, "externalEventDef <name>", "Print an ExternalEventDef", one, api.GetExternalEventDef,
			func(r *request) (*lhpb.ExternalEventDefId, error) { return externalEventDef(r.args[0]), nil }),
		unary(c, "workflowEventDef <name>", "Print a WorkflowEventDef", one, api.GetWorkflowEventDef,
			func(r *request) (*lhpb.WorkflowEventDefId, error) { return workflowEventDef(r.args[0]), nil }),
		c.getUserTaskDef(),
		c.getStructDef(),
		unary(c, "taskWorkerGroup <taskDefName>", "Print the workers of a TaskDef", one, api.GetTaskWorkerGroup,
			func(r *request) (*lhpb.TaskDefId, error) { return &lhpb.TaskDefId{Name: r.args[0]}, nil }),
		unary(c, "tenant <id>", "Print a tenant", one, api.GetTenant,
			func(r *request) (*lhpb.TenantId, error) { return &lhpb.TenantId{Id: r.args[0]}, nil }),
		unary(c, "principal <id>", "Print a principal", one, api.GetPrincipal,
			func(r *request) (*lhpb.PrincipalId, error) { return &lhpb.PrincipalId{Id: r.args[0]}, nil }),
		c.getQuota(),
		c.getBulkRunJob(),
		unary(c, "bulkJob <id>", "Print a bulk job", one, api.GetBulkJob,
			func(r *request) (*lhpb.GetBulkJobRequest, error) {
				return &lhpb.GetBulkJobRequest{Id: &lhpb.BulkJobId{Id: r.args[0]}}, nil
			}),
		unary(c, "wfMetricWindow <wfSpecName> <majorVersion> <revision> <windowStartMs>", "Print a metric window of a WfSpec",
			cobra.ExactArgs(4), api.GetMetricWindow, metricWindowID),
		unary(c, "workflowMigrationPlan <name>", "Print a migration plan", one, api.GetWorkflowMigrationPlan,
			func(r *request) (*lhpb.WorkflowMigrationPlanId, error) {
				return &lhpb.WorkflowMigrationPlanId{Name: r.args[0]}, nil
			}),
		unary(c, "checkpoint <wfRunId> <taskGuid> <number>", "Print a checkpoint of a TaskRun", parts(3), api.GetCheckpoint, checkpointID),
		unary(c, "inactiveThreadRun <wfRunId> <threadRunNumber>", "Print a ThreadRun that is archived or queued", parts(2), api.GetInactiveThreadRun,
			func(r *request) (*lhpb.InactiveThreadRunId, error) {
				p := r.split()
				n, err := parseInt32("threadRunNumber", p[1])
				return &lhpb.InactiveThreadRunId{WfRunId: runID(p[0]), ThreadRunNumber: n}, err
			}),
	)
}

func externalEventDef(name string) *lhpb.ExternalEventDefId {
	return &lhpb.ExternalEventDefId{Name: name}
}

func workflowEventDef(name string) *lhpb.WorkflowEventDefId {
	return &lhpb.WorkflowEventDefId{Name: name}
}

func variableID(r *request) (*lhpb.VariableId, error) {
	p := r.split()
	thread, err := parseInt32("threadRunNumber", p[1])
	return &lhpb.VariableId{WfRunId: runID(p[0]), ThreadRunNumber: thread, Name: p[2]}, err
}

func nodeRunID(r *request) (*lhpb.NodeRunId, error) {
	p := r.split()
	thread, errThread := parseInt32("threadRunNumber", p[1])
	position, errPosition := parseInt32("position", p[2])
	return &lhpb.NodeRunId{WfRunId: runID(p[0]), ThreadRunNumber: thread, Position: position}, errors.Join(errThread, errPosition)
}

func workflowEventID(r *request) (*lhpb.WorkflowEventId, error) {
	p := r.split()
	n, err := parseInt32("number", p[2])
	return &lhpb.WorkflowEventId{WfRunId: runID(p[0]), WorkflowEventDefId: workflowEventDef(p[1]), Number: n}, err
}

func checkpointID(r *request) (*lhpb.CheckpointId, error) {
	p := r.split()
	n, err := parseInt32("number", p[2])
	return &lhpb.CheckpointId{
		TaskRun: &lhpb.TaskRunId{WfRunId: runID(p[0]), TaskGuid: p[1]}, CheckpointNumber: n,
	}, err
}

func (r *request) userTaskRunID() *lhpb.UserTaskRunId {
	p := r.split()
	return &lhpb.UserTaskRunId{WfRunId: runID(p[0]), UserTaskGuid: p[1]}
}

func (r *request) correlatedEventID() *lhpb.CorrelatedEventId {
	p := r.split()
	return &lhpb.CorrelatedEventId{Key: p[0], ExternalEventDefId: externalEventDef(p[1])}
}

// wfSpecID reads the arguments <name> <majorVersion> <revision>.
func (r *request) wfSpecID() (*lhpb.WfSpecId, error) {
	major, errMajor := parseInt32("majorVersion", r.args[1])
	revision, errRevision := parseInt32("revision", r.args[2])
	return &lhpb.WfSpecId{Name: r.args[0], MajorVersion: major, Revision: revision}, errors.Join(errMajor, errRevision)
}

func metricWindowID(r *request) (*lhpb.MetricWindowId, error) {
	id, err := r.wfSpecID()
	if err != nil {
		return nil, err
	}
	ms, err := strconv.ParseInt(r.args[3], 10, 64)
	if err != nil {
		return nil, errors.New("windowStartMs must be milliseconds since 1970")
	}
	return &lhpb.MetricWindowId{
		Id:          &lhpb.MetricWindowId_WfSpecId{WfSpecId: id},
		WindowStart: timestamppb.New(time.UnixMilli(ms)), MetricType: lhpb.MetricWindowType_WORKFLOW_METRIC.Enum(),
	}, nil
}

func (c *cli) getWfSpec() *cobra.Command {
	var major, revision int32
	cmd := leaf(c, "wfSpec <name>", "Print a WfSpec: the newest, or a certain version", cobra.ExactArgs(1),
		func(r *request) (*lhpb.WfSpec, error) {
			return r.wfSpec(r.args[0], given(r, "majorVersion", major), given(r, "revision", revision))
		})
	cmd.Flags().Int32Var(&major, "majorVersion", 0, "the major version; without --revision its newest")
	cmd.Flags().Int32Var(&revision, "revision", 0, "the revision of --majorVersion")
	return cmd
}

// wfSpec fetches a WfSpec: exactly, the newest of a major version, or the newest of all.
func (r *request) wfSpec(name string, major, revision *int32) (*lhpb.WfSpec, error) {
	if major != nil && revision != nil {
		return r.api.GetWfSpec(r.ctx, &lhpb.WfSpecId{Name: name, MajorVersion: *major, Revision: *revision})
	}
	return r.api.GetLatestWfSpec(r.ctx, &lhpb.GetLatestWfSpecRequest{Name: name, MajorVersion: major})
}

func (c *cli) getUserTaskDef() *cobra.Command {
	var version int32
	cmd := leaf(c, "userTaskDef <name> [<version>]", "Print a UserTaskDef: the newest, or a certain version", nameAndVersion,
		func(r *request) (*lhpb.UserTaskDef, error) {
			name, v, err := r.nameAndVersion()
			if err != nil {
				return nil, err
			}
			if v == nil {
				v = given(r, "v", version)
			}
			if v == nil {
				return r.api.GetLatestUserTaskDef(r.ctx, &lhpb.GetLatestUserTaskDefRequest{Name: name})
			}
			return r.api.GetUserTaskDef(r.ctx, &lhpb.UserTaskDefId{Name: name, Version: *v})
		})
	cmd.Flags().Int32Var(&version, "v", 0, "the version")
	return cmd
}

func (c *cli) getStructDef() *cobra.Command {
	return leaf(c, "structDef <name> [<version>]", "Print a StructDef: the newest, or a certain version", nameAndVersion,
		func(r *request) (*lhpb.StructDef, error) {
			name, version, err := r.nameAndVersion()
			if err != nil {
				return nil, err
			}
			id := &lhpb.StructDefId{Name: name, Version: -1}
			if version != nil {
				id.Version = *version
			} else if id, err = r.newestStructDef(name); err != nil {
				return nil, err
			}
			return r.api.GetStructDef(r.ctx, id)
		})
}

// newestStructDef walks the versions of a StructDef, for GetStructDef wants an exact one.
func (r *request) newestStructDef(name string) (*lhpb.StructDefId, error) {
	newest := &lhpb.StructDefId{Name: name}
	var bookmark []byte
	for {
		page, err := r.api.SearchStructDef(r.ctx, &lhpb.SearchStructDefRequest{
			Bookmark: bookmark, StructDefCriteria: &lhpb.SearchStructDefRequest_Name{Name: name},
		})
		if err != nil {
			return nil, err
		}
		for _, id := range page.Results {
			newest.Version = max(newest.Version, id.Version)
		}
		if bookmark = page.Bookmark; len(bookmark) == 0 {
			return newest, nil
		}
	}
}

func nameAndVersion(cmd *cobra.Command, args []string) error {
	if len(args) == 1 {
		return nil
	}
	return parts(2)(cmd, args)
}

// nameAndVersion reads <name>, <name>/<version> or <name> <version>.
func (r *request) nameAndVersion() (string, *int32, error) {
	p := r.split()
	if len(p) == 1 {
		return p[0], nil, nil
	}
	version, err := parseInt32("version", p[1])
	return p[0], &version, err
}

func (c *cli) getQuota() *cobra.Command {
	var principal string
	cmd := unary(c, "quota <tenantId>", "Print the quota of a tenant, or of one of its principals", cobra.ExactArgs(1), api.GetQuota,
		func(r *request) (*lhpb.QuotaId, error) { return quotaID(r, r.args[0], principal), nil })
	cmd.Flags().StringVar(&principal, "principal", "", "the principal")
	return cmd
}

func quotaID(r *request, tenant, principal string) *lhpb.QuotaId {
	id := &lhpb.QuotaId{Tenant: &lhpb.TenantId{Id: tenant}}
	if r.changed("principal") {
		id.Principal = &lhpb.PrincipalId{Id: principal}
	}
	return id
}
