package api

import (
	"littlehorse/internal/auth"
	"littlehorse/lhpb"
)

const (
	read          = lhpb.ACLAction_READ
	run           = lhpb.ACLAction_RUN
	writeMetadata = lhpb.ACLAction_WRITE_METADATA

	workflow      = lhpb.ACLResource_ACL_WORKFLOW
	task          = lhpb.ACLResource_ACL_TASK
	workerGroup   = lhpb.ACLResource_ACL_TASK_WORKER_GROUP
	externalEvent = lhpb.ACLResource_ACL_EXTERNAL_EVENT
	workflowEvent = lhpb.ACLResource_ACL_WORKFLOW_EVENT
	userTask      = lhpb.ACLResource_ACL_USER_TASK
	structs       = lhpb.ACLResource_ACL_STRUCT
	tenants       = lhpb.ACLResource_ACL_TENANT
	principals    = lhpb.ACLResource_ACL_PRINCIPAL
	quotas        = lhpb.ACLResource_ACL_QUOTA
	everything    = lhpb.ACLResource_ACL_ALL_RESOURCES
)

func one(r lhpb.ACLResource, a lhpb.ACLAction) []auth.Required {
	return []auth.Required{{Resource: r, Action: a}}
}

// required says for each RPC which permission its caller needs; an empty list is open to everyone who may
// use the tenant.
var required = map[string][]auth.Required{
	"GetClock":         {},
	"GetServerVersion": {},
	"Whoami":           {},

	"AwaitWorkflowEvent":          one(workflow, read),
	"CountNodeRun":                one(workflow, read),
	"ExplainWfRun":                one(workflow, read),
	"GetBulkRunJob":               one(workflow, read),
	"GetBulkJob":                  one(workflow, read),
	"GetInactiveThreadRun":        one(workflow, read),
	"GetLatestWfSpec":             one(workflow, read),
	"GetMetricWindow":             one(workflow, read),
	"GetNodeRun":                  one(workflow, read),
	"GetScheduledWfRun":           one(workflow, read),
	"GetTaskRun":                  one(workflow, read),
	"GetVariable":                 one(workflow, read),
	"GetVariableHistory":          one(workflow, read),
	"GetWfRun":                    one(workflow, read),
	"GetWfRunCounts":              one(workflow, read),
	"GetWfRunView":                one(workflow, read),
	"GetWfSpec":                   one(workflow, read),
	"GetWfSpecHeat":               one(workflow, read),
	"GetWorkflowMigrationPlan":    one(workflow, read),
	"ListNodeRuns":                one(workflow, read),
	"ListQuotaUsageMetrics":       one(workflow, read),
	"ListTaskMetrics":             one(workflow, read),
	"ListVariables":               one(workflow, read),
	"ListWfMetrics":               one(workflow, read),
	"RegisterTaskWorker":          one(workflow, read),
	"SearchBulkJob":               one(workflow, read),
	"SearchNodeRun":               one(workflow, read),
	"SearchScheduledWfRun":        one(workflow, read),
	"SearchTaskDef":               one(workflow, read),
	"SearchUsages":                one(workflow, read),
	"SearchVariable":              one(workflow, read),
	"SearchWfMetricWindow":        one(workflow, read),
	"SearchWfRun":                 one(workflow, read),
	"SearchWfRunView":             one(workflow, read),
	"SearchWfSpec":                one(workflow, read),
	"SearchWorkflowMigrationPlan": one(workflow, read),

	"ApplyWorkflowMigrationPlan": one(workflow, run),
	"CancelBulkRunJob":           one(workflow, run),
	"CreateBulkRunJob":           one(workflow, run),
	"DeleteScheduledWfRun":       one(workflow, run),
	"RescueThreadRun":            one(workflow, run),
	"ResumeWfRun":                one(workflow, run),
	"RunWf":                      one(workflow, run),
	"ScheduleWf":                 one(workflow, run),
	"StopWfRun":                  one(workflow, run),

	"CreateBulkJob":               one(workflow, writeMetadata),
	"DeleteBulkJob":               one(workflow, writeMetadata),
	"DeleteWfRun":                 one(workflow, writeMetadata),
	"DeleteWfSpec":                one(workflow, writeMetadata),
	"DeleteWorkflowMigrationPlan": one(workflow, writeMetadata),
	"PutWfSpec":                   one(workflow, writeMetadata),
	"PutWorkflowMigrationPlan":    one(workflow, writeMetadata),

	"CountTaskRun":  one(task, read),
	"GetCheckpoint": one(task, read),
	"GetTaskDef":    one(task, read),
	"ListTaskRuns":  one(task, read),
	"PollTask":      one(task, read),
	"SearchTaskRun": one(task, read),
	"PutCheckpoint": one(task, run),
	"ReportTask":    one(task, run),
	"DeleteTaskDef": one(task, writeMetadata),
	"PutTaskDef":    one(task, writeMetadata),

	"GetTaskWorkerGroup": one(workerGroup, read),

	"GetCorrelatedEvent":     one(externalEvent, read),
	"GetExternalEvent":       one(externalEvent, read),
	"GetExternalEventDef":    one(externalEvent, read),
	"ListExternalEvents":     one(externalEvent, read),
	"SearchCorrelatedEvent":  one(externalEvent, read),
	"SearchExternalEvent":    one(externalEvent, read),
	"SearchExternalEventDef": one(externalEvent, read),
	"DeleteCorrelatedEvent":  one(externalEvent, run),
	"PutCorrelatedEvent":     one(externalEvent, run),
	"PutExternalEvent":       one(externalEvent, run),
	"DeleteExternalEventDef": one(externalEvent, writeMetadata),
	"PutExternalEventDef":    one(externalEvent, writeMetadata),

	"GetWorkflowEvent":       one(workflowEvent, read),
	"GetWorkflowEventDef":    one(workflowEvent, read),
	"ListWorkflowEvents":     one(workflowEvent, read),
	"SearchWorkflowEvent":    one(workflowEvent, read),
	"SearchWorkflowEventDef": one(workflowEvent, read),
	"DeleteWorkflowEventDef": one(workflowEvent, writeMetadata),
	"PutWorkflowEventDef":    one(workflowEvent, writeMetadata),

	"GetLatestUserTaskDef":     one(userTask, read),
	"GetUserTaskDef":           one(userTask, read),
	"GetUserTaskRun":           one(userTask, read),
	"ListUserTaskRuns":         one(userTask, read),
	"SearchUserTaskDef":        one(userTask, read),
	"SearchUserTaskRun":        one(userTask, read),
	"CancelUserTaskRun":        one(userTask, run),
	"CompleteUserTaskRun":      one(userTask, run),
	"DeleteUserTaskRunComment": one(userTask, run),
	"EditUserTaskRunComment":   one(userTask, run),
	"PutUserTaskRunComment":    one(userTask, run),
	"SaveUserTaskRunProgress":  one(userTask, run),
	"AssignUserTaskRun":        one(userTask, writeMetadata),
	"DeleteUserTaskDef":        one(userTask, writeMetadata),
	"PutUserTaskDef":           one(userTask, writeMetadata),

	"GetStructDef":               one(structs, read),
	"SearchStructDef":            one(structs, read),
	"ValidateStructDefEvolution": one(structs, read),
	"DeleteStructDef":            one(structs, writeMetadata),
	"PutStructDef":               one(structs, writeMetadata),

	"GetTenant":       one(tenants, read),
	"SearchTenant":    one(tenants, read),
	"PutTenant":       one(tenants, writeMetadata),
	"AdvanceClock":    one(tenants, writeMetadata), // it concerns all of them
	"SetClock":        one(tenants, writeMetadata),
	"GetPrincipal":    one(principals, read),
	"SearchPrincipal": one(principals, read),
	"DeletePrincipal": one(principals, writeMetadata),
	"PutPrincipal":    one(principals, writeMetadata),
	"GetQuota":        one(quotas, read),
	"SearchQuota":     one(quotas, read),
	"DeleteQuota":     one(quotas, writeMetadata),
	"PutQuota":        one(quotas, writeMetadata),

	"GetTaskDefMetricsWindow": one(everything, lhpb.ACLAction_ALL_ACTIONS),
	"GetWfSpecMetricsWindow":  one(everything, lhpb.ACLAction_ALL_ACTIONS),
	"MigrateWfSpec":           one(everything, lhpb.ACLAction_ALL_ACTIONS),
}

// Permission is what a caller of the RPC needs.
func Permission(rpc string) []auth.Required { return requiredFor(rpc) }
