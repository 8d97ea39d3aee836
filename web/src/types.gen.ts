// The messages of the API as they are in JSON. Made from the protocol by go test ./web -rewrite.

export interface Rpcs {
  GetServerVersion: [Record<string, never>, LittleHorseVersion];
  Whoami: [Record<string, never>, Principal];
  PutTaskDef: [PutTaskDefRequest, TaskDef];
  GetTaskDef: [TaskDefId, TaskDef];
  SearchTaskDef: [SearchTaskDefRequest, TaskDefIdList];
  DeleteTaskDef: [DeleteTaskDefRequest, Record<string, never>];
  PutExternalEventDef: [PutExternalEventDefRequest, ExternalEventDef];
  GetExternalEventDef: [ExternalEventDefId, ExternalEventDef];
  SearchExternalEventDef: [SearchExternalEventDefRequest, ExternalEventDefIdList];
  DeleteExternalEventDef: [DeleteExternalEventDefRequest, Record<string, never>];
  PutWorkflowEventDef: [PutWorkflowEventDefRequest, WorkflowEventDef];
  GetWorkflowEventDef: [WorkflowEventDefId, WorkflowEventDef];
  SearchWorkflowEventDef: [SearchWorkflowEventDefRequest, WorkflowEventDefIdList];
  DeleteWorkflowEventDef: [DeleteWorkflowEventDefRequest, Record<string, never>];
  PutUserTaskDef: [PutUserTaskDefRequest, UserTaskDef];
  GetUserTaskDef: [UserTaskDefId, UserTaskDef];
  GetLatestUserTaskDef: [GetLatestUserTaskDefRequest, UserTaskDef];
  SearchUserTaskDef: [SearchUserTaskDefRequest, UserTaskDefIdList];
  DeleteUserTaskDef: [DeleteUserTaskDefRequest, Record<string, never>];
  PutStructDef: [PutStructDefRequest, StructDef];
  GetStructDef: [StructDefId, StructDef];
  SearchStructDef: [SearchStructDefRequest, StructDefIdList];
  ValidateStructDefEvolution: [ValidateStructDefEvolutionRequest, ValidateStructDefEvolutionResponse];
  DeleteStructDef: [DeleteStructDefRequest, Record<string, never>];
  PutWfSpec: [PutWfSpecRequest, WfSpec];
  GetWfSpec: [WfSpecId, WfSpec];
  GetLatestWfSpec: [GetLatestWfSpecRequest, WfSpec];
  SearchWfSpec: [SearchWfSpecRequest, WfSpecIdList];
  DeleteWfSpec: [DeleteWfSpecRequest, Record<string, never>];
  RunWf: [RunWfRequest, WfRun];
  GetWfRun: [WfRunId, WfRun];
  SearchWfRun: [SearchWfRunRequest, WfRunIdList];
  StopWfRun: [StopWfRunRequest, Record<string, never>];
  ResumeWfRun: [ResumeWfRunRequest, Record<string, never>];
  RescueThreadRun: [RescueThreadRunRequest, WfRun];
  DeleteWfRun: [DeleteWfRunRequest, Record<string, never>];
  GetInactiveThreadRun: [InactiveThreadRunId, InactiveThreadRun];
  GetNodeRun: [NodeRunId, NodeRun];
  ListNodeRuns: [ListNodeRunsRequest, NodeRunList];
  SearchNodeRun: [SearchNodeRunRequest, NodeRunIdList];
  CountNodeRun: [CountNodeRunRequest, Count];
  GetVariable: [VariableId, Variable];
  ListVariables: [ListVariablesRequest, VariableList];
  SearchVariable: [SearchVariableRequest, VariableIdList];
  GetTaskRun: [TaskRunId, TaskRun];
  ListTaskRuns: [ListTaskRunsRequest, TaskRunList];
  SearchTaskRun: [SearchTaskRunRequest, TaskRunIdList];
  CountTaskRun: [CountTaskRunRequest, Count];
  RegisterTaskWorker: [RegisterTaskWorkerRequest, RegisterTaskWorkerResponse];
  GetTaskWorkerGroup: [TaskDefId, TaskWorkerGroup];
  ReportTask: [ReportTaskRun, Record<string, never>];
  PutCheckpoint: [PutCheckpointRequest, PutCheckpointResponse];
  GetCheckpoint: [CheckpointId, Checkpoint];
  PutExternalEvent: [PutExternalEventRequest, ExternalEvent];
  GetExternalEvent: [ExternalEventId, ExternalEvent];
  ListExternalEvents: [ListExternalEventsRequest, ExternalEventList];
  SearchExternalEvent: [SearchExternalEventRequest, ExternalEventIdList];
  PutCorrelatedEvent: [PutCorrelatedEventRequest, CorrelatedEvent];
  GetCorrelatedEvent: [CorrelatedEventId, CorrelatedEvent];
  SearchCorrelatedEvent: [SearchCorrelatedEventRequest, CorrelatedEventIdList];
  DeleteCorrelatedEvent: [DeleteCorrelatedEventRequest, Record<string, never>];
  AwaitWorkflowEvent: [AwaitWorkflowEventRequest, WorkflowEvent];
  GetWorkflowEvent: [WorkflowEventId, WorkflowEvent];
  ListWorkflowEvents: [ListWorkflowEventsRequest, WorkflowEventList];
  SearchWorkflowEvent: [SearchWorkflowEventRequest, WorkflowEventIdList];
  GetUserTaskRun: [UserTaskRunId, UserTaskRun];
  ListUserTaskRuns: [ListUserTaskRunRequest, UserTaskRunList];
  SearchUserTaskRun: [SearchUserTaskRunRequest, UserTaskRunIdList];
  AssignUserTaskRun: [AssignUserTaskRunRequest, Record<string, never>];
  SaveUserTaskRunProgress: [SaveUserTaskRunProgressRequest, UserTaskRun];
  CompleteUserTaskRun: [CompleteUserTaskRunRequest, Record<string, never>];
  CancelUserTaskRun: [CancelUserTaskRunRequest, Record<string, never>];
  PutUserTaskRunComment: [PutUserTaskRunCommentRequest, UserTaskRun];
  EditUserTaskRunComment: [EditUserTaskRunCommentRequest, UserTaskRun];
  DeleteUserTaskRunComment: [DeleteUserTaskRunCommentRequest, UserTaskRun];
  ScheduleWf: [ScheduleWfRequest, ScheduledWfRun];
  GetScheduledWfRun: [ScheduledWfRunId, ScheduledWfRun];
  SearchScheduledWfRun: [SearchScheduledWfRunRequest, ScheduledWfRunIdList];
  DeleteScheduledWfRun: [DeleteScheduledWfRunRequest, Record<string, never>];
  PutWorkflowMigrationPlan: [PutWorkflowMigrationPlanRequest, WorkflowMigrationPlan];
  GetWorkflowMigrationPlan: [WorkflowMigrationPlanId, WorkflowMigrationPlan];
  SearchWorkflowMigrationPlan: [SearchWorkflowMigrationPlanRequest, WorkflowMigrationPlanIdList];
  ApplyWorkflowMigrationPlan: [ApplyWorkflowMigrationPlanRequest, WfRun];
  DeleteWorkflowMigrationPlan: [DeleteWorkflowMigrationPlanRequest, Record<string, never>];
  MigrateWfSpec: [MigrateWfSpecRequest, WfSpec];
  CreateBulkJob: [CreateBulkJobRequest, BulkJob];
  GetBulkJob: [GetBulkJobRequest, BulkJob];
  SearchBulkJob: [SearchBulkJobRequest, BulkJobIdList];
  DeleteBulkJob: [DeleteBulkJobRequest, Record<string, never>];
  PutTenant: [PutTenantRequest, Tenant];
  GetTenant: [TenantId, Tenant];
  SearchTenant: [SearchTenantRequest, TenantIdList];
  PutPrincipal: [PutPrincipalRequest, Principal];
  GetPrincipal: [PrincipalId, Principal];
  SearchPrincipal: [SearchPrincipalRequest, PrincipalIdList];
  DeletePrincipal: [DeletePrincipalRequest, Record<string, never>];
  PutQuota: [PutQuotaRequest, Quota];
  GetQuota: [QuotaId, Quota];
  SearchQuota: [SearchQuotaRequest, QuotaIdList];
  DeleteQuota: [DeleteQuotaRequest, Record<string, never>];
  ListWfMetrics: [ListWfMetricsRequest, MetricsList];
  ListTaskMetrics: [ListTaskMetricsRequest, MetricsList];
  ListQuotaUsageMetrics: [ListQuotaUsageMetricsRequest, MetricsList];
  SearchWfMetricWindow: [SearchWfMetricWindowRequest, MetricWindowIdList];
  GetMetricWindow: [MetricWindowId, MetricWindow];
  GetTaskDefMetricsWindow: [TaskDefMetricsQueryRequest, TaskDefMetrics];
  GetWfSpecMetricsWindow: [WfSpecMetricsQueryRequest, WfSpecMetrics];
  ExplainWfRun: [ExplainWfRunRequest, ExplainWfRunResponse];
  GetWfRunView: [GetWfRunViewRequest, GetWfRunViewResponse];
  SearchWfRunView: [SearchWfRunViewRequest, SearchWfRunViewResponse];
  GetWfSpecHeat: [GetWfSpecHeatRequest, GetWfSpecHeatResponse];
  GetWfRunCounts: [GetWfRunCountsRequest, GetWfRunCountsResponse];
  GetVariableHistory: [GetVariableHistoryRequest, GetVariableHistoryResponse];
  SearchUsages: [SearchUsagesRequest, SearchUsagesResponse];
  CreateBulkRunJob: [CreateBulkRunJobRequest, CreateBulkRunJobResponse];
  GetBulkRunJob: [GetBulkRunJobRequest, GetBulkRunJobResponse];
  CancelBulkRunJob: [CancelBulkRunJobRequest, CancelBulkRunJobResponse];
}

export interface LittleHorseVersion {
  majorVersion: number;
  minorVersion: number;
  patchVersion?: number;
  preReleaseIdentifier?: string;
}

export interface Principal {
  id?: PrincipalId;
  createdAt?: string;
  perTenantAcls: Record<string, ServerACLs>;
  globalAcls?: ServerACLs;
}

export interface PutTaskDefRequest {
  name: string;
  inputVars: VariableDef[];
  returnType?: ReturnType;
  description?: string;
}

export interface TaskDef {
  id?: TaskDefId;
  inputVars: VariableDef[];
  createdAt?: string;
  returnType?: ReturnType;
  description?: string;
}

export interface TaskDefId {
  name: string;
}

export interface SearchTaskDefRequest {
  bookmark?: string;
  limit?: number;
  prefix?: string;
}

export interface TaskDefIdList {
  results: TaskDefId[];
  bookmark?: string;
}

export interface DeleteTaskDefRequest {
  id?: TaskDefId;
}

export interface PutExternalEventDefRequest {
  name: string;
  retentionPolicy?: ExternalEventRetentionPolicy;
  contentType?: ReturnType;
  correlatedEventConfig?: CorrelatedEventConfig;
}

export interface ExternalEventDef {
  id?: ExternalEventDefId;
  createdAt?: string;
  retentionPolicy?: ExternalEventRetentionPolicy;
  typeInformation?: ReturnType;
  correlatedEventConfig?: CorrelatedEventConfig;
}

export interface ExternalEventDefId {
  name: string;
}

export interface SearchExternalEventDefRequest {
  bookmark?: string;
  limit?: number;
  prefix?: string;
}

export interface ExternalEventDefIdList {
  results: ExternalEventDefId[];
  bookmark?: string;
}

export interface DeleteExternalEventDefRequest {
  id?: ExternalEventDefId;
}

export interface PutWorkflowEventDefRequest {
  name: string;
  contentType?: ReturnType;
}

export interface WorkflowEventDef {
  id?: WorkflowEventDefId;
  createdAt?: string;
  contentType?: ReturnType;
}

export interface WorkflowEventDefId {
  name: string;
}

export interface SearchWorkflowEventDefRequest {
  bookmark?: string;
  limit?: number;
  prefix?: string;
}

export interface WorkflowEventDefIdList {
  results: WorkflowEventDefId[];
  bookmark?: string;
}

export interface DeleteWorkflowEventDefRequest {
  id?: WorkflowEventDefId;
}

export interface PutUserTaskDefRequest {
  name: string;
  fields: UserTaskField[];
  description?: string;
}

export interface UserTaskDef {
  name: string;
  version: number;
  description?: string;
  fields: UserTaskField[];
  createdAt?: string;
}

export interface UserTaskDefId {
  name: string;
  version: number;
}

export interface GetLatestUserTaskDefRequest {
  name: string;
}

export interface SearchUserTaskDefRequest {
  bookmark?: string;
  limit?: number;
  prefix?: string;
  name?: string;
}

export interface UserTaskDefIdList {
  results: UserTaskDefId[];
  bookmark?: string;
}

export interface DeleteUserTaskDefRequest {
  id?: UserTaskDefId;
}

export interface PutStructDefRequest {
  name: string;
  description?: string;
  structDef?: InlineStructDef;
  allowedUpdates: StructDefCompatibilityType;
}

export interface StructDef {
  id?: StructDefId;
  description?: string;
  createdAt?: string;
  structDef?: InlineStructDef;
}

export interface StructDefId {
  name: string;
  version: number;
}

export interface SearchStructDefRequest {
  bookmark?: string;
  limit?: number;
  prefix?: string;
  name?: string;
}

export interface StructDefIdList {
  results: StructDefId[];
  bookmark?: string;
}

export interface ValidateStructDefEvolutionRequest {
  structDefId?: StructDefId;
  structDef?: InlineStructDef;
  compatibilityType: StructDefCompatibilityType;
}

export interface ValidateStructDefEvolutionResponse {
  isValid: boolean;
}

export interface DeleteStructDefRequest {
  id?: StructDefId;
}

export interface PutWfSpecRequest {
  name: string;
  threadSpecs: Record<string, ThreadSpec>;
  entrypointThreadName: string;
  retentionPolicy?: WorkflowRetentionPolicy;
  parentWfSpec?: WfSpec_ParentWfSpecReference;
  allowedUpdates: AllowedUpdateType;
}

export interface WfSpec {
  id?: WfSpecId;
  createdAt?: string;
  frozenVariables: ThreadVarDef[];
  status: MetadataStatus;
  threadSpecs: Record<string, ThreadSpec>;
  entrypointThreadName: string;
  retentionPolicy?: WorkflowRetentionPolicy;
  migration?: WfSpecVersionMigration;
  parentWfSpec?: WfSpec_ParentWfSpecReference;
}

export interface WfSpecId {
  name: string;
  majorVersion: number;
  revision: number;
}

export interface GetLatestWfSpecRequest {
  name: string;
  majorVersion?: number;
}

export interface SearchWfSpecRequest {
  bookmark?: string;
  limit?: number;
  name?: string;
  prefix?: string;
  taskDefName?: string;
}

export interface WfSpecIdList {
  results: WfSpecId[];
  bookmark?: string;
}

export interface DeleteWfSpecRequest {
  id?: WfSpecId;
}

export interface RunWfRequest {
  wfSpecName: string;
  majorVersion?: number;
  revision?: number;
  variables: Record<string, VariableValue>;
  id?: string;
  parentWfRunId?: WfRunId;
}

export interface WfRun {
  id?: WfRunId;
  wfSpecId?: WfSpecId;
  oldWfSpecVersions: WfSpecId[];
  status: LHStatus;
  greatestThreadrunNumber: number;
  startTime?: string;
  endTime?: string;
  threadRuns: ThreadRun[];
  pendingInterrupts: PendingInterrupt[];
  pendingFailures: PendingFailureHandler[];
  parentTrigger?: WfRun_ParentTriggerReference;
  workflowMigrationPlanId?: WorkflowMigrationPlanId;
  migrationVariables: Record<string, MigrationVars>;
  threadRunQueue: number[];
}

export interface WfRunId {
  id: string;
  parentWfRunId?: WfRunId;
}

export interface SearchWfRunRequest {
  bookmark?: string;
  limit?: number;
  wfSpecName: string;
  wfSpecMajorVersion?: number;
  wfSpecRevision?: number;
  status?: LHStatus;
  earliestStart?: string;
  latestStart?: string;
  variableFilters: VariableMatch[];
  parentWfRunId?: WfRunId;
  showFullTree?: boolean;
}

export interface WfRunIdList {
  results: WfRunId[];
  bookmark?: string;
}

export interface StopWfRunRequest {
  wfRunId?: WfRunId;
  threadRunNumber: number;
}

export interface ResumeWfRunRequest {
  wfRunId?: WfRunId;
  threadRunNumber: number;
}

export interface RescueThreadRunRequest {
  wfRunId?: WfRunId;
  threadRunNumber: number;
  skipCurrentNode: boolean;
}

export interface DeleteWfRunRequest {
  id?: WfRunId;
}

export interface InactiveThreadRunId {
  wfRunId?: WfRunId;
  threadRunNumber: number;
}

export interface InactiveThreadRun {
  threadRun?: ThreadRun;
  archived?: ArchivedThreadRunInfo;
  queued?: QueuedThreadRunInfo;
  id?: InactiveThreadRunId;
}

export interface NodeRunId {
  wfRunId?: WfRunId;
  threadRunNumber: number;
  position: number;
}

export interface NodeRun {
  id?: NodeRunId;
  wfSpecId?: WfSpecId;
  failureHandlerIds: number[];
  status: LHStatus;
  arrivalTime?: string;
  endTime?: string;
  threadSpecName: string;
  nodeName: string;
  errorMessage?: string;
  failures: Failure[];
  task?: TaskNodeRun;
  externalEvent?: ExternalEventNodeRun;
  entrypoint?: EntrypointRun;
  exit?: ExitRun;
  startThread?: StartThreadRun;
  waitForThreads?: WaitForThreadsRun;
  sleep?: SleepNodeRun;
  userTask?: UserTaskNodeRun;
  startMultipleThreads?: StartMultipleThreadsRun;
  throwEvent?: ThrowEventNodeRun;
  waitForCondition?: WaitForConditionRun;
  runChildWf?: RunChildWfNodeRun;
  waitForChildWf?: WaitForChildWfNodeRun;
}

export interface ListNodeRunsRequest {
  wfRunId?: WfRunId;
  threadRunNumber?: number;
  bookmark?: string;
  limit?: number;
}

export interface NodeRunList {
  results: NodeRun[];
  bookmark?: string;
}

export interface SearchNodeRunRequest {
  bookmark?: string;
  limit?: number;
  earliestStart?: string;
  latestStart?: string;
  status: LHStatus;
  externalEventDef?: ExternalEventDefId;
}

export interface NodeRunIdList {
  results: NodeRunId[];
  bookmark?: string;
}

export interface CountNodeRunRequest {
  wfSpecFilter?: CountNodeRunRequest_WfSpecFilter;
}

export interface Count {
  value: string;
}

export interface VariableId {
  wfRunId?: WfRunId;
  threadRunNumber: number;
  name: string;
}

export interface Variable {
  id?: VariableId;
  value?: VariableValue;
  createdAt?: string;
  wfSpecId?: WfSpecId;
  masked: boolean;
}

export interface ListVariablesRequest {
  wfRunId?: WfRunId;
  bookmark?: string;
  limit?: number;
}

export interface VariableList {
  results: Variable[];
  bookmark?: string;
}

export interface SearchVariableRequest {
  bookmark?: string;
  limit?: number;
  value?: VariableValue;
  wfSpecMajorVersion?: number;
  wfSpecRevision?: number;
  varName: string;
  wfSpecName: string;
}

export interface VariableIdList {
  results: VariableId[];
  bookmark?: string;
}

export interface TaskRunId {
  wfRunId?: WfRunId;
  taskGuid: string;
}

export interface TaskRun {
  id?: TaskRunId;
  taskDefId?: TaskDefId;
  attempts: TaskAttempt[];
  totalAttempts: number;
  inputVariables: VarNameAndVal[];
  source?: TaskRunSource;
  scheduledAt?: string;
  status: TaskStatus;
  timeoutSeconds: number;
  exponentialBackoff?: ExponentialBackoffRetryPolicy;
  totalCheckpoints: number;
}

export interface ListTaskRunsRequest {
  wfRunId?: WfRunId;
  bookmark?: string;
  limit?: number;
}

export interface TaskRunList {
  results: TaskRun[];
  bookmark?: string;
}

export interface SearchTaskRunRequest {
  bookmark?: string;
  limit?: number;
  taskDefName: string;
  status?: TaskStatus;
  earliestStart?: string;
  latestStart?: string;
}

export interface TaskRunIdList {
  results: TaskRunId[];
  bookmark?: string;
}

export interface CountTaskRunRequest {
  taskDefName: string;
  status: TaskStatus;
}

export interface RegisterTaskWorkerRequest {
  taskWorkerId: string;
  taskDefId?: TaskDefId;
}

export interface RegisterTaskWorkerResponse {
  yourHosts: LHHostInfo[];
  isClusterHealthy?: boolean;
}

export interface TaskWorkerGroup {
  id?: TaskWorkerGroupId;
  createdAt?: string;
  taskWorkers: Record<string, TaskWorkerMetadata>;
}

export interface ReportTaskRun {
  taskRunId?: TaskRunId;
  time?: string;
  status: TaskStatus;
  output?: VariableValue;
  error?: LHTaskError;
  exception?: LHTaskException;
  logOutput?: VariableValue;
  attemptNumber: number;
  totalCheckpoints: number;
}

export interface PutCheckpointRequest {
  taskRunId?: TaskRunId;
  taskAttempt: number;
  value?: VariableValue;
  logs?: string;
}

export interface PutCheckpointResponse {
  flowControlContinueType: PutCheckpointResponse_FlowControlContinue;
  createdCheckpoint?: Checkpoint;
}

export interface CheckpointId {
  taskRun?: TaskRunId;
  checkpointNumber: number;
}

export interface Checkpoint {
  id?: CheckpointId;
  value?: VariableValue;
  logs?: string;
  createdAt?: string;
}

export interface PutExternalEventRequest {
  wfRunId?: WfRunId;
  externalEventDefId?: ExternalEventDefId;
  guid?: string;
  content?: VariableValue;
  threadRunNumber?: number;
  nodeRunPosition?: number;
}

export interface ExternalEvent {
  id?: ExternalEventId;
  createdAt?: string;
  content?: VariableValue;
  threadRunNumber?: number;
  nodeRunPosition?: number;
  claimed: boolean;
}

export interface ExternalEventId {
  wfRunId?: WfRunId;
  externalEventDefId?: ExternalEventDefId;
  guid: string;
}

export interface ListExternalEventsRequest {
  wfRunId?: WfRunId;
  bookmark?: string;
  limit?: number;
}

export interface ExternalEventList {
  results: ExternalEvent[];
  bookmark?: string;
}

export interface SearchExternalEventRequest {
  bookmark?: string;
  limit?: number;
  earliestStart?: string;
  latestStart?: string;
  externalEventDefId?: ExternalEventDefId;
  isClaimed?: boolean;
}

export interface ExternalEventIdList {
  results: ExternalEventId[];
  bookmark?: string;
}

export interface PutCorrelatedEventRequest {
  key: string;
  externalEventDefId?: ExternalEventDefId;
  content?: VariableValue;
}

export interface CorrelatedEvent {
  id?: CorrelatedEventId;
  createdAt?: string;
  content?: VariableValue;
  externalEvents: ExternalEventId[];
}

export interface CorrelatedEventId {
  key: string;
  externalEventDefId?: ExternalEventDefId;
}

export interface SearchCorrelatedEventRequest {
  bookmark?: string;
  limit?: number;
  earliestStart?: string;
  latestStart?: string;
  externalEventDefId?: ExternalEventDefId;
  hasExternalEvents?: boolean;
}

export interface CorrelatedEventIdList {
  results: CorrelatedEventId[];
  bookmark?: string;
}

export interface DeleteCorrelatedEventRequest {
  id?: CorrelatedEventId;
}

export interface AwaitWorkflowEventRequest {
  wfRunId?: WfRunId;
  eventDefIds: WorkflowEventDefId[];
  workflowEventsToIgnore: WorkflowEventId[];
}

export interface WorkflowEvent {
  id?: WorkflowEventId;
  content?: VariableValue;
  createdAt?: string;
  nodeRunId?: NodeRunId;
}

export interface WorkflowEventId {
  wfRunId?: WfRunId;
  workflowEventDefId?: WorkflowEventDefId;
  number: number;
}

export interface ListWorkflowEventsRequest {
  wfRunId?: WfRunId;
  bookmark?: string;
  limit?: number;
}

export interface WorkflowEventList {
  results: WorkflowEvent[];
  bookmark?: string;
}

export interface SearchWorkflowEventRequest {
  bookmark?: string;
  limit?: number;
  earliestStart?: string;
  latestStart?: string;
  workflowEventDefId?: WorkflowEventDefId;
}

export interface WorkflowEventIdList {
  results: WorkflowEventId[];
  bookmark?: string;
}

export interface UserTaskRunId {
  wfRunId?: WfRunId;
  userTaskGuid: string;
}

export interface UserTaskRun {
  id?: UserTaskRunId;
  userTaskDefId?: UserTaskDefId;
  userGroup?: string;
  userId?: string;
  results: Record<string, VariableValue>;
  status: UserTaskRunStatus;
  events: UserTaskEvent[];
  notes?: string;
  scheduledTime?: string;
  nodeRunId?: NodeRunId;
  epoch: number;
}

export interface ListUserTaskRunRequest {
  wfRunId?: WfRunId;
  bookmark?: string;
  limit?: number;
}

export interface UserTaskRunList {
  results: UserTaskRun[];
  bookmark?: string;
}

export interface SearchUserTaskRunRequest {
  bookmark?: string;
  limit?: number;
  status?: UserTaskRunStatus;
  userTaskDefName?: string;
  userId?: string;
  userGroup?: string;
  earliestStart?: string;
  latestStart?: string;
}

export interface UserTaskRunIdList {
  results: UserTaskRunId[];
  bookmark?: string;
}

export interface AssignUserTaskRunRequest {
  userTaskRunId?: UserTaskRunId;
  overrideClaim: boolean;
  userGroup?: string;
  userId?: string;
}

export interface SaveUserTaskRunProgressRequest {
  userTaskRunId?: UserTaskRunId;
  results: Record<string, VariableValue>;
  userId: string;
  policy: SaveUserTaskRunProgressRequest_SaveUserTaskRunAssignmentPolicy;
}

export interface CompleteUserTaskRunRequest {
  userTaskRunId?: UserTaskRunId;
  results: Record<string, VariableValue>;
  userId: string;
}

export interface CancelUserTaskRunRequest {
  userTaskRunId?: UserTaskRunId;
}

export interface PutUserTaskRunCommentRequest {
  userTaskRunId?: UserTaskRunId;
  userId: string;
  comment: string;
}

export interface EditUserTaskRunCommentRequest {
  userCommentId: number;
  userTaskRunId?: UserTaskRunId;
  userId: string;
  comment: string;
}

export interface DeleteUserTaskRunCommentRequest {
  userTaskRunId?: UserTaskRunId;
  userCommentId: number;
  userId: string;
}

export interface ScheduleWfRequest {
  id?: string;
  wfSpecName: string;
  majorVersion?: number;
  revision?: number;
  variables: Record<string, VariableValue>;
  parentWfRunId?: WfRunId;
  cronExpression: string;
}

export interface ScheduledWfRun {
  id?: ScheduledWfRunId;
  wfSpecId?: WfSpecId;
  variables: Record<string, VariableValue>;
  parentWfRunId?: WfRunId;
  cronExpression: string;
  createdAt?: string;
}

export interface ScheduledWfRunId {
  id: string;
}

export interface SearchScheduledWfRunRequest {
  wfSpecName: string;
  majorVersion?: number;
  revision?: number;
}

export interface ScheduledWfRunIdList {
  results: ScheduledWfRunId[];
}

export interface DeleteScheduledWfRunRequest {
  id?: ScheduledWfRunId;
}

export interface PutWorkflowMigrationPlanRequest {
  name: string;
  oldWfSpec?: WfSpecId;
  majorVersion: number;
  revision: number;
  threadMigrations: Record<string, ThreadMigrationPlanRequest>;
}

export interface WorkflowMigrationPlan {
  workflowMigrationPlanId?: WorkflowMigrationPlanId;
  createdAt?: string;
  threadMigrations: Record<string, ThreadMigrationPlan>;
  oldWfSpec?: WfSpecId;
  majorVersion: number;
  revision: number;
}

export interface WorkflowMigrationPlanId {
  name: string;
}

export interface SearchWorkflowMigrationPlanRequest {
  bookmark?: string;
  limit?: number;
  wfSpecName?: string;
  prefix?: string;
}

export interface WorkflowMigrationPlanIdList {
  results: WorkflowMigrationPlanId[];
  bookmark?: string;
}

export interface ApplyWorkflowMigrationPlanRequest {
  id?: WorkflowMigrationPlanId;
  wfRunId?: WfRunId;
  migrationVarsByThread: Record<string, MigrationVars>;
}

export interface DeleteWorkflowMigrationPlanRequest {
  id?: WorkflowMigrationPlanId;
}

export interface MigrateWfSpecRequest {
  oldWfSpec?: WfSpecId;
  migration?: WfSpecVersionMigration;
}

export interface CreateBulkJobRequest {
  id?: string;
  bulkDeleteWfRun?: BulkDeleteWfRun;
}

export interface BulkJob {
  id?: BulkJobId;
  createdAt?: string;
  status: BulkJobStatus;
  bulkDeleteWfRun?: BulkDeleteWfRun;
  subprocesses: BulkJob_Subprocess[];
  totalSubprocesses: number;
}

export interface GetBulkJobRequest {
  id?: BulkJobId;
}

export interface SearchBulkJobRequest {
  bookmark?: string;
  limit?: number;
  status?: BulkJobStatus;
}

export interface BulkJobIdList {
  results: BulkJobId[];
  bookmark?: string;
}

export interface DeleteBulkJobRequest {
  id?: BulkJobId;
}

export interface PutTenantRequest {
  id: string;
  outputTopicConfig?: OutputTopicConfig;
}

export interface Tenant {
  id?: TenantId;
  createdAt?: string;
  outputTopicConfig?: OutputTopicConfig;
}

export interface TenantId {
  id: string;
}

export interface SearchTenantRequest {
  limit?: number;
  bookmark?: string;
}

export interface TenantIdList {
  results: TenantId[];
  bookmark?: string;
}

export interface PutPrincipalRequest {
  id: string;
  perTenantAcls: Record<string, ServerACLs>;
  globalAcls?: ServerACLs;
  overwrite: boolean;
}

export interface PrincipalId {
  id: string;
}

export interface SearchPrincipalRequest {
  bookmark?: string;
  limit?: number;
  earliestStart?: string;
  latestStart?: string;
  isAdmin?: boolean;
  tenantId?: string;
}

export interface PrincipalIdList {
  results: PrincipalId[];
  bookmark?: string;
}

export interface DeletePrincipalRequest {
  id?: PrincipalId;
}

export interface PutQuotaRequest {
  tenant?: TenantId;
  principal?: PrincipalId;
  writeRequestsPerSecond: number;
}

export interface Quota {
  id?: QuotaId;
  createdAt?: string;
  writeRequestsPerSecond: number;
}

export interface QuotaId {
  tenant?: TenantId;
  principal?: PrincipalId;
}

export interface SearchQuotaRequest {
  bookmark?: string;
  limit?: number;
  tenantId?: string;
  principal?: PrincipalId;
}

export interface QuotaIdList {
  results: QuotaId[];
  bookmark?: string;
}

export interface DeleteQuotaRequest {
  id?: QuotaId;
}

export interface ListWfMetricsRequest {
  wfSpec?: WfSpecId;
  windowStart?: string;
  windowEnd?: string;
}

export interface MetricsList {
  windows: MetricWindow[];
}

export interface ListTaskMetricsRequest {
  taskDef?: TaskDefId;
  windowStart?: string;
  windowEnd?: string;
}

export interface ListQuotaUsageMetricsRequest {
  quotaId?: QuotaId;
  windowStart?: string;
  windowEnd?: string;
}

export interface SearchWfMetricWindowRequest {
  bookmark?: string;
  limit?: number;
  wfSpecName: string;
  earliestStart?: string;
  latestStart?: string;
  latestOnly?: boolean;
}

export interface MetricWindowIdList {
  bookmark?: string;
  results: MetricWindowId[];
}

export interface MetricWindowId {
  wfSpecId?: WfSpecId;
  taskDefId?: TaskDefId;
  userTaskDefId?: UserTaskDefId;
  quotaId?: QuotaId;
  tenantId?: TenantId;
  windowStart?: string;
  metricType?: MetricWindowType;
}

export interface MetricWindow {
  id?: MetricWindowId;
  workflow?: WfMetrics;
  task?: TaskMetrics;
  quotaUsage?: QuotaUsageMetrics;
}

export interface TaskDefMetricsQueryRequest {
  windowStart?: string;
  windowType: MetricsWindowLength;
  taskDefName?: string;
}

export interface TaskDefMetrics {
  taskDefId?: TaskDefId;
  windowStart?: string;
  type: MetricsWindowLength;
  scheduleToStartMax: string;
  scheduleToStartAvg: string;
  startToCompleteMax: string;
  startToCompleteAvg: string;
  totalCompleted: string;
  totalErrored: string;
  totalStarted: string;
  totalScheduled: string;
}

export interface WfSpecMetricsQueryRequest {
  wfSpecId?: WfSpecId;
  windowStart?: string;
  windowLength: MetricsWindowLength;
}

export interface WfSpecMetrics {
  wfSpecId?: WfSpecId;
  windowStart?: string;
  type: MetricsWindowLength;
  totalStarted: string;
  totalCompleted: string;
  totalErrored: string;
  startToCompleteMax: string;
  startToCompleteAvg: string;
}

export interface ExplainWfRunRequest {
  wfRunId?: WfRunId;
  limit?: number;
  bookmark?: string;
}

export interface ExplainWfRunResponse {
  wfRunId?: WfRunId;
  wfSpecId?: WfSpecId;
  status: LHStatus;
  startTime?: string;
  endTime?: string;
  threads: ThreadExplanation[];
  queuedThreadRuns: number[];
  queuedThreadRunCount: number;
  timersIncomplete: boolean;
  bookmark?: string;
}

export interface GetWfRunViewRequest {
  wfRunId?: WfRunId;
  threads: number[];
  from: StepPosition[];
  limit?: number;
  bookmark?: string;
  withWfSpec: boolean;
}

export interface GetWfRunViewResponse {
  wfRun?: WfRun;
  moreThreads: boolean;
  wfSpec?: WfSpec;
  steps: Step[];
  variables: ShownVariable[];
  inherited: ShownVariable[];
  moreVariables: boolean;
  externalEvents: ExternalEvent[];
  workflowEvents: WorkflowEvent[];
  moreEvents: boolean;
  children: WfRunRow[];
  moreChildren: boolean;
  why?: ExplainWfRunResponse;
  bookmark?: string;
}

export interface SearchWfRunViewRequest {
  statuses: LHStatus[];
  wfSpecName: string;
  majorVersion?: number;
  revision?: number;
  earliestStart?: string;
  latestStart?: string;
  variableFilters: VariableMatch[];
  variables: string[];
  limit?: number;
  bookmark?: string;
  parentWfRunId?: WfRunId;
  idPrefix: string;
}

export interface SearchWfRunViewResponse {
  results: WfRunRow[];
  bookmark?: string;
}

export interface GetWfSpecHeatRequest {
  wfSpecId?: WfSpecId;
  earliestStart?: string;
  latestStart?: string;
}

export interface GetWfSpecHeatResponse {
  nodes: NodeHeat[];
  wfRuns: number;
  more: boolean;
}

export interface GetWfRunCountsRequest {
  wfSpecId?: WfSpecId;
  minutes?: number;
  parts?: number;
}

export interface GetWfRunCountsResponse {
  parts: WfRunCounts[];
}

export interface GetVariableHistoryRequest {
  id?: VariableId;
}

export interface GetVariableHistoryResponse {
  changes: VariableChange[];
  more: boolean;
}

export interface SearchUsagesRequest {
  taskDefId?: TaskDefId;
  externalEventDefId?: ExternalEventDefId;
  workflowEventDefId?: WorkflowEventDefId;
  userTaskDefId?: UserTaskDefId;
  structDefId?: StructDefId;
  wfSpecName?: string;
  limit?: number;
  bookmark?: string;
}

export interface SearchUsagesResponse {
  results: Usage[];
  bookmark?: string;
}

export interface CreateBulkRunJobRequest {
  id?: string;
  action: BulkRunAction;
  wfSpecName: string;
  earliestStart?: string;
  latestStart?: string;
  variableFilters: VariableMatch[];
  status?: LHStatus;
}

export interface CreateBulkRunJobResponse {
  job?: BulkRunJob;
}

export interface GetBulkRunJobRequest {
  id?: BulkJobId;
}

export interface GetBulkRunJobResponse {
  job?: BulkRunJob;
}

export interface CancelBulkRunJobRequest {
  id?: BulkJobId;
}

export interface CancelBulkRunJobResponse {
  job?: BulkRunJob;
}

export interface ServerACLs {
  acls: ServerACL[];
}

export interface VariableDef {
  type?: VariableType;
  name: string;
  defaultValue?: VariableValue;
  maskedValue?: boolean;
  typeDef?: TypeDefinition;
}

export interface ReturnType {
  returnType?: TypeDefinition;
}

export interface ExternalEventRetentionPolicy {
  secondsAfterPut?: string;
}

export interface CorrelatedEventConfig {
  ttlSeconds?: string;
  deleteAfterFirstCorrelation: boolean;
}

export interface UserTaskField {
  name: string;
  type: VariableType;
  description?: string;
  displayName: string;
  required: boolean;
}

export interface InlineStructDef {
  fields: Record<string, StructFieldDef>;
}

export type StructDefCompatibilityType = "NO_SCHEMA_UPDATES" | "FULLY_COMPATIBLE_SCHEMA_UPDATES";

export interface ThreadSpec {
  nodes: Record<string, Node>;
  variableDefs: ThreadVarDef[];
  interruptDefs: InterruptDef[];
  retentionPolicy?: ThreadRetentionPolicy;
}

export interface WorkflowRetentionPolicy {
  secondsAfterWfTermination?: string;
}

export interface WfSpec_ParentWfSpecReference {
  wfSpecName: string;
  wfSpecMajorVersion: number;
}

export type AllowedUpdateType = "ALL_UPDATES" | "MINOR_REVISION_UPDATES" | "NO_UPDATES";

export interface ThreadVarDef {
  varDef?: VariableDef;
  required: boolean;
  searchable: boolean;
  jsonIndexes: JsonIndex[];
  accessLevel: WfRunVariableAccessLevel;
}

export type MetadataStatus = "ACTIVE" | "ARCHIVED" | "TERMINATING";

export interface WfSpecVersionMigration {
  newMajorVersion: number;
  newRevision: number;
  threadSpecMigrations: Record<string, ThreadSpecMigration>;
}

export interface VariableValue {
  jsonObj?: string;
  jsonArr?: string;
  double?: number | string;
  bool?: boolean;
  str?: string;
  int?: string;
  bytes?: string;
  wfRunId?: WfRunId;
  utcTimestamp?: string;
  struct?: Struct;
  array?: Array;
  map?: Map;
}

export type LHStatus = "STARTING" | "RUNNING" | "COMPLETED" | "HALTING" | "HALTED" | "ERROR" | "EXCEPTION";

export interface ThreadRun {
  wfSpecId?: WfSpecId;
  number: number;
  status: LHStatus;
  threadSpecName: string;
  startTime?: string;
  endTime?: string;
  errorMessage?: string;
  childThreadIds: number[];
  parentThreadId?: number;
  haltReasons: ThreadHaltReason[];
  interruptTriggerId?: ExternalEventId;
  failureBeingHandled?: FailureBeingHandled;
  currentNodePosition: number;
  handledFailedChildren: number[];
  type: ThreadType;
  output?: VariableValue;
}

export interface PendingInterrupt {
  externalEventId?: ExternalEventId;
  handlerSpecName: string;
  interruptedThreadId: number;
}

export interface PendingFailureHandler {
  failedThreadRun: number;
  handlerSpecName: string;
}

export interface WfRun_ParentTriggerReference {
  triggeringNodeRun?: NodeRunId;
  waitingNodeRun?: NodeRunId;
}

export interface MigrationVars {
  varAssignmentByVarName: Record<string, VariableAssignment>;
}

export interface VariableMatch {
  varName: string;
  value?: VariableValue;
}

export interface ArchivedThreadRunInfo {
}

export interface QueuedThreadRunInfo {
  inputVars: Record<string, VariableValue>;
}

export interface Failure {
  failureName: string;
  message: string;
  content?: VariableValue;
  wasProperlyHandled: boolean;
  failureHandlerThreadrunId?: number;
}

export interface TaskNodeRun {
  taskRunId?: TaskRunId;
}

export interface ExternalEventNodeRun {
  externalEventDefId?: ExternalEventDefId;
  eventTime?: string;
  externalEventId?: ExternalEventId;
  timedOut: boolean;
  correlationKey?: string;
  maskCorrelationKey: boolean;
}

export interface EntrypointRun {
}

export interface ExitRun {
}

export interface StartThreadRun {
  childThreadId?: number;
  threadSpecName: string;
}

export interface WaitForThreadsRun {
  threads: WaitForThreadsRun_WaitForThread[];
}

export interface SleepNodeRun {
  maturationTime?: string;
  matured: boolean;
}

export interface UserTaskNodeRun {
  userTaskRunId?: UserTaskRunId;
}

export interface StartMultipleThreadsRun {
  threadSpecName: string;
  childThreadIds: number[];
}

export interface ThrowEventNodeRun {
  workflowEventId?: WorkflowEventId;
}

export interface WaitForConditionRun {
}

export interface RunChildWfNodeRun {
  childWfRunId?: WfRunId;
  inputs: Record<string, VariableValue>;
  wfSpecId?: WfSpecId;
}

export interface WaitForChildWfNodeRun {
  childWfRunId?: WfRunId;
}

export interface CountNodeRunRequest_WfSpecFilter {
  wfSpecName: string;
  wfSpecMajorVersion?: number;
  wfSpecRevision?: number;
}

export interface TaskAttempt {
  output?: VariableValue;
  error?: LHTaskError;
  exception?: LHTaskException;
  logOutput?: VariableValue;
  scheduleTime?: string;
  startTime?: string;
  endTime?: string;
  taskWorkerId: string;
  taskWorkerVersion?: string;
  status: TaskStatus;
  maskedValue: boolean;
}

export interface VarNameAndVal {
  varName: string;
  value?: VariableValue;
  masked: boolean;
}

export interface TaskRunSource {
  taskNode?: TaskNodeReference;
  userTaskTrigger?: UserTaskTriggerReference;
  wfSpecId?: WfSpecId;
}

export type TaskStatus = "TASK_SCHEDULED" | "TASK_RUNNING" | "TASK_SUCCESS" | "TASK_FAILED" | "TASK_TIMEOUT" | "TASK_OUTPUT_SERDE_ERROR" | "TASK_INPUT_VAR_SUB_ERROR" | "TASK_EXCEPTION" | "TASK_PENDING";

export interface ExponentialBackoffRetryPolicy {
  baseIntervalMs: number;
  maxDelayMs: string;
  multiplier: number | string;
}

export interface LHHostInfo {
  host: string;
  port: number;
}

export interface TaskWorkerGroupId {
  taskDefId?: TaskDefId;
}

export interface TaskWorkerMetadata {
  taskWorkerId: string;
  latestHeartbeat?: string;
  hosts: LHHostInfo[];
}

export interface LHTaskError {
  type: LHErrorType;
  message: string;
}

export interface LHTaskException {
  name: string;
  message: string;
  content?: VariableValue;
}

export type PutCheckpointResponse_FlowControlContinue = "CONTINUE_TASK" | "STOP_TASK";

export type UserTaskRunStatus = "UNASSIGNED" | "ASSIGNED" | "DONE" | "CANCELLED";

export interface UserTaskEvent {
  time?: string;
  taskExecuted?: UserTaskEvent_UTETaskExecuted;
  assigned?: UserTaskEvent_UTEAssigned;
  cancelled?: UserTaskEvent_UTECancelled;
  saved?: UserTaskEvent_UTESaved;
  commentAdded?: UserTaskEvent_UTECommented;
  commentEdited?: UserTaskEvent_UTECommented;
  commentDeleted?: UserTaskEvent_UTECommentDeleted;
  completed?: UserTaskEvent_UTECompleted;
}

export type SaveUserTaskRunProgressRequest_SaveUserTaskRunAssignmentPolicy = "FAIL_IF_CLAIMED_BY_OTHER" | "IGNORE_CLAIM";

export interface ThreadMigrationPlanRequest {
  newThreadName: string;
  nodeMigrations: Record<string, NodeMigrationPlan>;
}

export interface ThreadMigrationPlan {
  newThreadName: string;
  nodeMigrations: Record<string, NodeMigrationPlan>;
  threadSpecDependencies: string[];
}

export interface BulkDeleteWfRun {
  wfSpecName: string;
  earliestStart?: string;
  latestStart?: string;
  wfRunStatus?: LHStatus;
}

export interface BulkJobId {
  id: string;
}

export type BulkJobStatus = "BULK_JOB_RUNNING" | "BULK_JOB_COMPLETED" | "BULK_JOB_FAILED";

export interface BulkJob_Subprocess {
  id: number;
  status: BulkJobStatus;
  lastSeenKey?: string;
}

export interface OutputTopicConfig {
  defaultRecordingLevel: OutputTopicConfig_OutputTopicRecordingLevel;
}

export type MetricWindowType = "WORKFLOW_METRIC" | "TASK_METRIC" | "USER_TASK_METRIC" | "NODE_METRIC" | "QUOTA_USAGE_METRIC";

export interface WfMetrics {
  started?: CountAndTiming;
  runningToCompleted?: CountAndTiming;
  runningToError?: CountAndTiming;
  runningToException?: CountAndTiming;
  runningToHalting?: CountAndTiming;
  runningToHalted?: CountAndTiming;
  haltingToHalted?: CountAndTiming;
  haltedToRunning?: CountAndTiming;
}

export interface TaskMetrics {
  taskrunCreatedToCompleted?: CountAndTiming;
  taskrunCreatedToError?: CountAndTiming;
  taskrunCreatedToException?: CountAndTiming;
  taskattemptPendingToScheduled?: CountAndTiming;
  taskattemptScheduledToRunning?: CountAndTiming;
  taskattemptRunningToError?: CountAndTiming;
  taskattemptRunningToSuccess?: CountAndTiming;
  taskattemptRunningToException?: CountAndTiming;
}

export interface QuotaUsageMetrics {
  requestsObserved: number;
  requestsThrottled: number;
  totalThrottleTimeMs: string;
}

export type MetricsWindowLength = "MINUTES_5" | "HOURS_2" | "DAYS_1";

export interface ThreadExplanation {
  number: number;
  threadSpecName: string;
  status: LHStatus;
  type: ThreadType;
  parentThreadRun?: number;
  haltReasons: ThreadHaltReason[];
  errorMessage?: string;
  position: number;
  nodeName: string;
  nodeStatus: LHStatus;
  arrivalTime?: string;
  failures: Failure[];
  timers: PendingTimer[];
  task?: TaskWait;
  externalEvent?: EventWait;
  threads?: ThreadsWait;
  childWfRun?: ChildWait;
  userTask?: UserTaskWait;
  condition?: ConditionWait;
  sleep?: SleepWait;
}

export interface StepPosition {
  thread: number;
  position: number;
}

export interface Step {
  thread: number;
  position: number;
  node: string;
  status: LHStatus;
  arrivedMs: string;
  endedMs?: string;
  attempts: StepAttempt[];
  about: string;
  failure: string;
  startedThreads: number[];
  childWfRunId?: WfRunId;
}

export interface ShownVariable {
  variable?: Variable;
  leftOutBytes: number;
}

export interface WfRunRow {
  id?: WfRunId;
  wfSpecId?: WfSpecId;
  status: LHStatus;
  startTime?: string;
  endTime?: string;
  node: string;
  failure: string;
  openThreads: number;
  variables: ShownVariable[];
}

export interface NodeHeat {
  threadSpecName: string;
  node: string;
  visits: number;
  failures: number;
  ended: number;
  totalMs: string;
  maxMs: string;
}

export interface WfRunCounts {
  start?: string;
  started: string;
  completed: string;
  failed: string;
  exceptions: string;
  halted: string;
}

export interface VariableChange {
  atMs: string;
  thread: number;
  position?: number;
  node: string;
  known: boolean;
  value?: VariableValue;
  leftOutBytes: number;
}

export interface Usage {
  wfSpecId?: WfSpecId;
  structDefId?: StructDefId;
  taskDefId?: TaskDefId;
  externalEventDefId?: ExternalEventDefId;
  workflowEventDefId?: WorkflowEventDefId;
}

export type BulkRunAction = "BULK_RUN_ACTION_UNSPECIFIED" | "BULK_RUN_ACTION_DELETE" | "BULK_RUN_ACTION_STOP" | "BULK_RUN_ACTION_RESUME";

export interface BulkRunJob {
  job?: BulkJob;
  action: BulkRunAction;
  wfSpecName: string;
  earliestStart?: string;
  latestStart?: string;
  done?: string;
  status: LHStatus;
  variableFilters: VariableMatch[];
}

export interface ServerACL {
  resources: ACLResource[];
  allowedActions: ACLAction[];
  name?: string;
  prefix?: string;
}

export type VariableType = "JSON_OBJ" | "JSON_ARR" | "DOUBLE" | "BOOL" | "STR" | "INT" | "BYTES" | "WF_RUN_ID" | "TIMESTAMP";

export interface TypeDefinition {
  primitiveType?: VariableType;
  structDefId?: StructDefId;
  inlineArrayDef?: InlineArrayDef;
  inlineStructDef?: InlineStructDef;
  inlineMapDef?: InlineMapDef;
  masked: boolean;
}

export interface StructFieldDef {
  fieldType?: TypeDefinition;
  defaultValue?: VariableValue;
  isNullable: boolean;
  description?: string;
}

export interface Node {
  outgoingEdges: Edge[];
  failureHandlers: FailureHandlerDef[];
  entrypoint?: EntrypointNode;
  exit?: ExitNode;
  task?: TaskNode;
  externalEvent?: ExternalEventNode;
  startThread?: StartThreadNode;
  waitForThreads?: WaitForThreadsNode;
  nop?: NopNode;
  sleep?: SleepNode;
  userTask?: UserTaskNode;
  startMultipleThreads?: StartMultipleThreadsNode;
  throwEvent?: ThrowEventNode;
  waitForCondition?: WaitForConditionNode;
  runChildWf?: RunChildWfNode;
  waitForChildWf?: WaitForChildWfNode;
}

export interface InterruptDef {
  externalEventDefId?: ExternalEventDefId;
  handlerSpecName: string;
}

export interface ThreadRetentionPolicy {
  secondsAfterThreadTermination?: string;
}

export interface JsonIndex {
  fieldPath: string;
  fieldType: VariableType;
}

export type WfRunVariableAccessLevel = "PUBLIC_VAR" | "PRIVATE_VAR" | "INHERITED_VAR";

export interface ThreadSpecMigration {
  newThreadSpecName: string;
  nodeMigrations: Record<string, NodeMigration>;
}

export interface Struct {
  structDefId?: StructDefId;
  struct?: InlineStruct;
}

export interface Array {
  items: VariableValue[];
  elementType?: TypeDefinition;
}

export interface Map {
  entries: Map_Entry[];
  mapType?: InlineMapDef;
}

export interface ThreadHaltReason {
  parentHalted?: ParentHalted;
  interrupted?: Interrupted;
  pendingInterrupt?: PendingInterruptHaltReason;
  pendingFailure?: PendingFailureHandlerHaltReason;
  handlingFailure?: HandlingFailureHaltReason;
  manualHalt?: ManualHalt;
  haltedByParent?: HaltedByParentNodeHaltReason;
}

export interface FailureBeingHandled {
  threadRunNumber: number;
  nodeRunPosition: number;
  failureNumber: number;
}

export type ThreadType = "ENTRYPOINT" | "CHILD" | "INTERRUPT" | "FAILURE_HANDLER";

export interface VariableAssignment {
  jsonPath?: string;
  lhPath?: LHPath;
  variableName?: string;
  literalValue?: VariableValue;
  formatString?: VariableAssignment_FormatString;
  nodeOutput?: VariableAssignment_NodeOutputReference;
  expression?: VariableAssignment_Expression;
  structBuilder?: StructBuilder;
  sizeOf?: VariableAssignment_SizeOf;
  mapBuilder?: MapBuilder;
  targetType?: TypeDefinition;
}

export interface WaitForThreadsRun_WaitForThread {
  threadEndTime?: string;
  threadStatus: LHStatus;
  threadRunNumber: number;
  waitingStatus: WaitForThreadsRun_WaitingThreadStatus;
  failureHandlerThreadRunId?: number;
}

export interface TaskNodeReference {
  nodeRunId?: NodeRunId;
}

export interface UserTaskTriggerReference {
  nodeRunId?: NodeRunId;
  userTaskEventNumber: number;
  userId?: string;
  userGroup?: string;
}

export type LHErrorType = "CHILD_FAILURE" | "VAR_SUB_ERROR" | "VAR_MUTATION_ERROR" | "USER_TASK_CANCELLED" | "TIMEOUT" | "TASK_FAILURE" | "VAR_ERROR" | "TASK_ERROR" | "INTERNAL_ERROR";

export interface UserTaskEvent_UTETaskExecuted {
  taskRun?: TaskRunId;
}

export interface UserTaskEvent_UTEAssigned {
  oldUserId?: string;
  oldUserGroup?: string;
  newUserId?: string;
  newUserGroup?: string;
}

export interface UserTaskEvent_UTECancelled {
  message: string;
}

export interface UserTaskEvent_UTESaved {
  userId: string;
  results: Record<string, VariableValue>;
}

export interface UserTaskEvent_UTECommented {
  userCommentId: number;
  userId: string;
  comment: string;
}

export interface UserTaskEvent_UTECommentDeleted {
  userCommentId: number;
  userId: string;
}

export interface UserTaskEvent_UTECompleted {
}

export interface NodeMigrationPlan {
  newNodeName: string;
}

export type OutputTopicConfig_OutputTopicRecordingLevel = "ALL_ENTITY_EVENTS" | "NO_ENTITY_EVENTS";

export interface CountAndTiming {
  count: number;
  minLatencyMs: string;
  maxLatencyMs: string;
  totalLatencyMs: string;
}

export interface PendingTimer {
  kind: TimerKind;
  due?: string;
}

export interface TaskWait {
  taskRunId?: TaskRunId;
  taskDefId?: TaskDefId;
  status: TaskStatus;
  attempt: number;
  totalAttempts: number;
  taskWorkerId: string;
  lastError: string;
  ahead?: BoundedCount;
  openPolls: number;
  workers: TaskWorker[];
  moreWorkers: boolean;
}

export interface EventWait {
  externalEventDefId?: ExternalEventDefId;
  correlationKey?: string;
}

export interface ThreadsWait {
  open: WaitForThreadsRun_WaitForThread[];
  more: boolean;
}

export interface ChildWait {
  wfRunId?: WfRunId;
  status?: LHStatus;
}

export interface UserTaskWait {
  userTaskRunId?: UserTaskRunId;
  userTaskDefId?: UserTaskDefId;
  status: UserTaskRunStatus;
  userId?: string;
  userGroup?: string;
}

export interface ConditionWait {
}

export interface SleepWait {
  maturationTime?: string;
}

export interface StepAttempt {
  status: TaskStatus;
  scheduledMs?: string;
  startedMs?: string;
  endedMs?: string;
}

export type ACLResource = "ACL_WORKFLOW" | "ACL_TASK" | "ACL_EXTERNAL_EVENT" | "ACL_USER_TASK" | "ACL_PRINCIPAL" | "ACL_TENANT" | "ACL_ALL_RESOURCES" | "ACL_TASK_WORKER_GROUP" | "ACL_WORKFLOW_EVENT" | "ACL_STRUCT" | "ACL_QUOTA";

export type ACLAction = "READ" | "RUN" | "WRITE_METADATA" | "ALL_ACTIONS";

export interface InlineArrayDef {
  arrayType?: TypeDefinition;
}

export interface InlineMapDef {
  keyType?: TypeDefinition;
  valueType?: TypeDefinition;
}

export interface Edge {
  sinkNodeName: string;
  legacyCondition?: LegacyEdgeCondition;
  condition?: VariableAssignment;
  variableMutations: VariableMutation[];
}

export interface FailureHandlerDef {
  specificFailure?: string;
  anyFailureOfType?: FailureHandlerDef_LHFailureType;
  handlerSpecName: string;
}

export interface EntrypointNode {
}

export interface ExitNode {
  failureDef?: FailureDef;
  returnContent?: VariableAssignment;
}

export interface TaskNode {
  taskDefId?: TaskDefId;
  dynamicTask?: VariableAssignment;
  timeoutSeconds: number;
  retries: number;
  variables: VariableAssignment[];
  exponentialBackoff?: ExponentialBackoffRetryPolicy;
}

export interface ExternalEventNode {
  externalEventDefId?: ExternalEventDefId;
  timeoutSeconds?: VariableAssignment;
  correlationKey?: VariableAssignment;
  maskCorrelationKey: boolean;
}

export interface StartThreadNode {
  threadSpecName: string;
  variables: Record<string, VariableAssignment>;
}

export interface WaitForThreadsNode {
  threads?: WaitForThreadsNode_ThreadsToWaitFor;
  threadList?: VariableAssignment;
  perThreadFailureHandlers: FailureHandlerDef[];
  strategy: WaitForThreadsStrategy;
}

export interface NopNode {
}

export interface SleepNode {
  rawSeconds?: VariableAssignment;
  timestamp?: VariableAssignment;
  isoDate?: VariableAssignment;
}

export interface UserTaskNode {
  userTaskDefName: string;
  userGroup?: VariableAssignment;
  userId?: VariableAssignment;
  actions: UTActionTrigger[];
  userTaskDefVersion?: number;
  notes?: VariableAssignment;
  onCancellationExceptionName?: VariableAssignment;
}

export interface StartMultipleThreadsNode {
  threadSpecName: string;
  variables: Record<string, VariableAssignment>;
  iterable?: VariableAssignment;
}

export interface ThrowEventNode {
  eventDefId?: WorkflowEventDefId;
  content?: VariableAssignment;
}

export interface WaitForConditionNode {
  legacyCondition?: LegacyEdgeCondition;
  condition?: VariableAssignment;
}

export interface RunChildWfNode {
  wfSpecName?: string;
  wfSpecVar?: VariableAssignment;
  majorVersion: number;
  inputs: Record<string, VariableAssignment>;
  childId?: VariableAssignment;
}

export interface WaitForChildWfNode {
  childWfRunId?: VariableAssignment;
  childWfRunSourceNode: string;
}

export interface NodeMigration {
  newNodeName: string;
}

export interface InlineStruct {
  fields: Record<string, StructField>;
}

export interface Map_Entry {
  key?: VariableValue;
  value?: VariableValue;
}

export interface ParentHalted {
  parentThreadId: number;
}

export interface Interrupted {
  interruptThreadId: number;
}

export interface PendingInterruptHaltReason {
  externalEventId?: ExternalEventId;
}

export interface PendingFailureHandlerHaltReason {
  nodeRunPosition: number;
}

export interface HandlingFailureHaltReason {
  handlerThreadId: number;
}

export interface ManualHalt {
  meaningOfLife: boolean;
}

export interface HaltedByParentNodeHaltReason {
  parentThreadRunNumber: number;
  waitingNodeRunPosition: number;
}

export interface LHPath {
  path: LHPath_Selector[];
}

export interface VariableAssignment_FormatString {
  format?: VariableAssignment;
  args: VariableAssignment[];
}

export interface VariableAssignment_NodeOutputReference {
  nodeName: string;
}

export interface VariableAssignment_Expression {
  lhs?: VariableAssignment;
  mutationType?: VariableMutationType;
  comparator?: Comparator;
  rhs?: VariableAssignment;
}

export interface StructBuilder {
  structDefId?: StructDefId;
  value?: InlineStructBuilder;
}

export interface VariableAssignment_SizeOf {
  operand?: VariableAssignment;
}

export interface MapBuilder {
  entries: MapBuilder_Entry[];
  mapType?: InlineMapDef;
}

export type WaitForThreadsRun_WaitingThreadStatus = "THREAD_IN_PROGRESS" | "THREAD_HANDLING_FAILURE" | "THREAD_COMPLETED_OR_FAILURE_HANDLED" | "THREAD_UNSUCCESSFUL" | "THREAD_STOPPED";

export type TimerKind = "TIMER_KIND_UNSPECIFIED" | "TIMER_KIND_TASK_TIMEOUT" | "TIMER_KIND_TASK_RETRY" | "TIMER_KIND_EVENT_TIMEOUT" | "TIMER_KIND_SLEEP" | "TIMER_KIND_USER_TASK_ACTION";

export interface BoundedCount {
  count: number;
  more: boolean;
}

export interface TaskWorker {
  taskWorkerId: string;
  latestHeartbeat?: string;
}

export interface LegacyEdgeCondition {
  comparator: Comparator;
  left?: VariableAssignment;
  right?: VariableAssignment;
}

export interface VariableMutation {
  lhsName: string;
  lhsJsonPath?: string;
  operation: VariableMutationType;
  rhsAssignment?: VariableAssignment;
  literalValue?: VariableValue;
  nodeOutput?: VariableMutation_NodeOutputSource;
  lhsLhPath?: LHPath;
}

export type FailureHandlerDef_LHFailureType = "FAILURE_TYPE_ERROR" | "FAILURE_TYPE_EXCEPTION";

export interface FailureDef {
  failureName: string;
  message: string;
  content?: VariableAssignment;
}

export interface WaitForThreadsNode_ThreadsToWaitFor {
  threads: WaitForThreadsNode_ThreadToWaitFor[];
}

export type WaitForThreadsStrategy = "WAIT_FOR_ALL" | "WAIT_FOR_FIRST" | "WAIT_FOR_ANY";

export interface UTActionTrigger {
  task?: UTActionTrigger_UTATask;
  cancel?: UTActionTrigger_UTACancel;
  reassign?: UTActionTrigger_UTAReassign;
  delaySeconds?: VariableAssignment;
  hook: UTActionTrigger_UTHook;
}

export interface StructField {
  value?: VariableValue;
  masked: boolean;
}

export interface LHPath_Selector {
  key?: string;
  index?: number;
  dynamic?: VariableAssignment;
}

export type VariableMutationType = "ASSIGN" | "ADD" | "EXTEND" | "SUBTRACT" | "MULTIPLY" | "DIVIDE" | "REMOVE_IF_PRESENT" | "REMOVE_INDEX" | "REMOVE_KEY" | "AND" | "OR" | "POW";

export type Comparator = "LESS_THAN" | "GREATER_THAN" | "LESS_THAN_EQ" | "GREATER_THAN_EQ" | "EQUALS" | "NOT_EQUALS" | "IN" | "NOT_IN";

export interface InlineStructBuilder {
  fields: Record<string, InlineStructFieldValue>;
}

export interface MapBuilder_Entry {
  key?: VariableAssignment;
  value?: VariableAssignment;
}

export interface VariableMutation_NodeOutputSource {
  jsonpath?: string;
  lhPath?: LHPath;
}

export interface WaitForThreadsNode_ThreadToWaitFor {
  threadRunNumber?: VariableAssignment;
}

export interface UTActionTrigger_UTATask {
  task?: TaskNode;
  mutations: VariableMutation[];
}

export interface UTActionTrigger_UTACancel {
}

export interface UTActionTrigger_UTAReassign {
  userId?: VariableAssignment;
  userGroup?: VariableAssignment;
}

export type UTActionTrigger_UTHook = "ON_ARRIVAL" | "ON_TASK_ASSIGNED";

export interface InlineStructFieldValue {
  simpleValue?: VariableAssignment;
  subStructure?: InlineStructBuilder;
}
