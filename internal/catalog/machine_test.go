package catalog

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// covers: tasks §1; api §4.1
func TestTaskDef(t *testing.T) {
	s := newStream(t)
	for _, name := range []string{"", "a_b", "a b", "-a"} {
		s.refused(s.taskDef(`{"name":"`+name+`"}`), lh.InvalidArgument, "TaskDefName must be a valid hostname")
	}
	s.refused(s.taskDef(`{"name":"t","inputVars":[{"name":"a","typeDef":{"structDefId":{"name":"nope"}}}]}`),
		lh.InvalidArgument, "Refers to non-existent StructDef nope with version 0")
	s.refused(s.taskDef(`{"name":"t","returnType":{"returnType":{"inlineArrayDef":{"arrayType":{"structDefId":{"name":"nope","version":-1}}}}}}`),
		lh.InvalidArgument, "Refers to non-existent StructDef nope")

	full := `{"name":"t","inputVars":[{"name":"a","type":"INT","maskedValue":true},{"name":"b"},{"name":"c","defaultValue":{"jsonObj":"{ \"k\" : 1 }"}}],"description":"d"}`
	first := put[*lhpb.TaskDef](s, s.taskDef(full))
	want := &lhpb.TaskDef{}
	unmarshal(t, `{"id":{"name":"t"},"description":"d","createdAt":"1970-01-01T00:00:07Z","returnType":{},"inputVars":[
		{"name":"a","typeDef":{"primitiveType":"INT","masked":true}},{"name":"b","typeDef":{"primitiveType":"JSON_OBJ"}},
		{"name":"c","typeDef":{"primitiveType":"JSON_OBJ"},"defaultValue":{"jsonObj":"{\"k\":1}"}}]}`, want)
	equal(t, first, want)

	again := put[*lhpb.TaskDef](s, s.taskDef(strings.Replace(full, `{ \"k\" : 1 }`, `{\"k\":1}`, 1)))
	equal(t, again, first)
	for _, other := range []string{
		`{"name":"t"}`,
		strings.Replace(full, `"d"`, `"e"`, 1),
		strings.Replace(full, `INT`, `STR`, 1),
		strings.Replace(full, `"b"`, `"bb"`, 1),
		strings.Replace(full, `true`, `false`, 1),
		strings.Replace(full, `1 }`, `2 }`, 1),
		strings.Replace(full, `"description"`, `"returnType":{"returnType":{"primitiveType":"INT"}},"description"`, 1),
	} {
		s.refused(s.taskDef(other), lh.AlreadyExists, "TaskDef [t] already exists and is immutable.")
	}
}

// covers: tasks §1; api §4.1
func TestTaskDefPinsTheNewestStructDef(t *testing.T) {
	s := newStream(t)
	put[*lhpb.StructDef](s, s.structDef(`{"name":"car"}`))
	def := `{"name":"t","inputVars":[{"name":"a","typeDef":{"inlineMapDef":{"keyType":{"primitiveType":"STR"},"valueType":{"structDefId":{"name":"car","version":-1}}}}}]}`
	first := put[*lhpb.TaskDef](s, s.taskDef(def))
	if v := first.InputVars[0].TypeDef.GetInlineMapDef().ValueType.GetStructDefId().Version; v != 0 {
		t.Errorf("pinned to version %d", v)
	}
	put[*lhpb.TaskDef](s, s.taskDef(def))
	put[*lhpb.StructDef](s, s.structDef(`{"name":"car","description":"newer"}`))
	s.refused(s.taskDef(def), lh.AlreadyExists, "already exists and is immutable")
}

// covers: events §1; api §4.5
func TestExternalEventDef(t *testing.T) {
	s := newStream(t)
	s.refused(s.eventDef(`{"name":"a_b"}`), lh.InvalidArgument, "ExternalEventDefName must be a valid hostname")
	s.refused(s.eventDef(`{"name":"e","contentType":{"returnType":{"structDefId":{"name":"nope"}}}}`), lh.InvalidArgument, "Refers to non-existent StructDef nope")

	first := put[*lhpb.ExternalEventDef](s, s.eventDef(`{"name":"e","contentType":{"returnType":{"primitiveType":"INT"}}}`))
	want := &lhpb.ExternalEventDef{}
	unmarshal(t, `{"id":{"name":"e"},"createdAt":"1970-01-01T00:00:03Z","retentionPolicy":{},"typeInformation":{"returnType":{"primitiveType":"INT"}}}`, want)
	equal(t, first, want)
	again := put[*lhpb.ExternalEventDef](s, s.eventDef(`{"name":"e","contentType":{"returnType":{"primitiveType":"INT"}}}`))
	equal(t, again, first)

	changed := put[*lhpb.ExternalEventDef](s, s.eventDef(`{"name":"e","retentionPolicy":{"secondsAfterPut":"9"},"correlatedEventConfig":{"ttlSeconds":"3"},"contentType":{"returnType":{"primitiveType":"INT"}}}`))
	if changed.RetentionPolicy.GetSecondsAfterPut() != 9 || changed.CorrelatedEventConfig.GetTtlSeconds() != 3 {
		t.Errorf("changed to %v", changed)
	}
	equal(t, changed.CreatedAt, first.CreatedAt)
	equal(t, s.view.Latest("acme").ExternalEventDef("e"), changed)
	dropped := put[*lhpb.ExternalEventDef](s, s.eventDef(`{"name":"e","contentType":{"returnType":{"primitiveType":"INT"}}}`))
	equal(t, dropped, first)

	for _, content := range []string{`{"name":"e"}`, `{"name":"e","contentType":{}}`, `{"name":"e","contentType":{"returnType":{"primitiveType":"STR"}}}`} {
		s.refused(s.eventDef(content), lh.AlreadyExists, "ExternalEventDef [e] already exists")
	}
	untyped := put[*lhpb.ExternalEventDef](s, s.eventDef(`{"name":"untyped"}`))
	void := put[*lhpb.ExternalEventDef](s, s.eventDef(`{"name":"void","contentType":{}}`))
	if untyped.TypeInformation != nil || void.TypeInformation == nil || void.TypeInformation.ReturnType != nil {
		t.Errorf("untyped %v, void %v", untyped, void)
	}
}

// covers: events §5; api §4.4
func TestWorkflowEventDef(t *testing.T) {
	s := newStream(t)
	s.refused(s.thrownDef(`{"name":"a_b/c d"}`), lh.InvalidArgument, "WorkflowEventDefName must be a valid hostname")
	s.refused(s.thrownDef(`{"name":"e","contentType":{"returnType":{"structDefId":{"name":"nope"}}}}`), lh.InvalidArgument, "Refers to non-existent StructDef")
	first := put[*lhpb.WorkflowEventDef](s, s.thrownDef(`{"name":"e"}`))
	if first.ContentType == nil || first.ContentType.ReturnType != nil {
		t.Errorf("an unset content type is void, not %v", first.ContentType)
	}
	equal(t, put[*lhpb.WorkflowEventDef](s, s.thrownDef(`{"name":"e","contentType":{}}`)), first)
	s.refused(s.thrownDef(`{"name":"e","contentType":{"returnType":{"primitiveType":"INT"}}}`), lh.AlreadyExists, "WorkflowEventDef with name e already exists with different type!")
}

// covers: user-tasks §1; api §4.6
func TestUserTaskDef(t *testing.T) {
	s := newStream(t)
	s.refused(s.userTask(`{"name":"a_b"}`), lh.InvalidArgument, "UserTaskDefName must be a valid hostname")
	s.refused(s.userTask(`{"name":"u","fields":[{"type":"STR"}]}`), lh.InvalidArgument, "has no name")
	s.refused(s.userTask(`{"name":"u","fields":[{"name":"a","type":"STR"},{"name":"a","type":"INT"}]}`), lh.InvalidArgument, "'a' is there twice")
	s.refused(s.userTask(`{"name":"u","fields":[{"name":"a","type":"JSON_OBJ"}]}`), lh.InvalidArgument, "'a' has type JSON_OBJ")
	a, b := `{"name":"u","fields":[{"name":"a","type":"STR"}]}`, `{"name":"u","fields":[{"name":"b","type":"INT"}]}`
	first := put[*lhpb.UserTaskDef](s, s.userTask(a))
	equal(t, put[*lhpb.UserTaskDef](s, s.userTask(a)), first)
	for i, def := range []string{b, a, strings.Replace(a, "{", `{"description":"d",`, 1)} {
		if got := put[*lhpb.UserTaskDef](s, s.userTask(def)); got.Version != int32(i+1) {
			t.Errorf("version %d, want %d", got.Version, i+1)
		}
	}
}

// What was made of a version that is gone, a UserTaskRun or a Struct, still names it, and is never read by another.
//
// covers: user-tasks §1; api §4.3; api §4.6
func TestNumbersOfVersionsAreGivenOnce(t *testing.T) {
	s := newStream(t)
	for want, def := range []string{`{"name":"x"}`, `{"name":"x"}`, `{"name":"x","description":"d"}`} {
		form, made := put[*lhpb.UserTaskDef](s, s.userTask(def)), put[*lhpb.StructDef](s, s.structDef(def))
		if form.Version != int32(want) || made.Id.Version != int32(want) {
			t.Errorf("versions %d and %d, want %d", form.Version, made.Id.Version, want)
		}
		id := fmt.Sprintf(`{"id":{"name":"x","version":%d}}`, want)
		s.done(record(t, "delete_user_task_def", id))
		s.done(record(t, "delete_struct_def", id))
	}
}

// covers: api §4.7
func TestWfSpec(t *testing.T) {
	s := newStream(t)
	first := put[*lhpb.WfSpec](s, s.wfSpec(nopSpec("w", "1")))
	equal(t, put[*lhpb.WfSpec](s, s.wfSpec(nopSpec("w", "1"))), first)
	second := put[*lhpb.WfSpec](s, s.wfSpec(nopSpec("w", "2")))
	equal(t, second.Id, wfSpecID("w", 0, 1))
	s.refused(s.wfSpec(nopSpec("w_", "1")), lh.InvalidArgument, "WfSpecName must be a valid hostname")

	// Newest first: a version that is gone is passed over, and its number is not given out again.
	s.done(record(t, "delete_wf_spec", `{"id":{"name":"w","revision":1}}`))
	equal(t, s.view.Latest("acme").LatestWfSpec("w", -1), first)
	equal(t, put[*lhpb.WfSpec](s, s.wfSpec(nopSpec("w", "1"))), first)
	third := put[*lhpb.WfSpec](s, s.wfSpec(nopSpec("w", "3")))
	equal(t, third.Id, wfSpecID("w", 0, 2))
	s.refused(record(t, "delete_wf_spec", `{"id":{"name":"w","revision":3}}`), lh.NotFound, "Couldn't find provided WfSpecModel")
}

// A number is given once. What was deleted may still run, and have its rows in indexes, under its own.
//
// covers: api §4.7; engine-1 §4
func TestNumbersOfWfSpecsAreGivenOnce(t *testing.T) {
	public := func(name string) *pb.Record {
		return record(t, "put_wf_spec", `{"name":"w","entrypointThreadName":"m","threadSpecs":{"m":{
			"variableDefs":[{"varDef":{"name":"`+name+`","typeDef":{"primitiveType":"INT"}},"accessLevel":"PUBLIC_VAR"}],
			"nodes":{"e":{"entrypoint":{},"outgoingEdges":[{"sinkNodeName":"x"}]},"x":{"exit":{}}}}}}`)
	}
	s := newStream(t)
	for _, step := range []struct {
		put             *pb.Record
		major, revision int32
		remove          string
	}{
		{s.wfSpec(nopSpec("w", "1")), 0, 0, `{"id":{"name":"w"}}`},
		{s.wfSpec(nopSpec("w", "1")), 1, 0, ""},
		{s.wfSpec(nopSpec("w", "2")), 1, 1, ""},
		{s.wfSpec(nopSpec("w", "3")), 1, 2, `{"id":{"name":"w","majorVersion":1,"revision":2}}`},
		{public("a"), 2, 0, `{"id":{"name":"w","majorVersion":2}}`},
		{s.wfSpec(nopSpec("w", "4")), 1, 3, ""},
		{public("b"), 3, 0, ""},
	} {
		equal(t, put[*lhpb.WfSpec](s, step.put).Id, wfSpecID("w", step.major, step.revision))
		if step.remove != "" {
			s.done(record(t, "delete_wf_spec", step.remove))
		}
	}
}

// covers: api §4.2
func TestDeletesOfWhatIsMissing(t *testing.T) {
	s := newStream(t)
	for command, want := range map[string]string{
		"delete_task_def":           "TaskDefModel",
		"delete_wf_spec":            "WfSpecModel",
		"delete_external_event_def": "ExternalEventDefModel",
		"delete_workflow_event_def": "WorkflowEventDefModel",
		"delete_user_task_def":      "UserTaskDefModel",
		"delete_struct_def":         "StructDefModel",
	} {
		for _, request := range []string{`{}`, `{"id":{"name":"nope"}}`} {
			s.refused(record(t, command, request), lh.NotFound, "Couldn't find provided "+want)
		}
	}
	s.refused(record(t, "delete_principal", `{"id":{"id":"nope"}}`), lh.NotFound, "Couldn't find provided PrincipalModel")
}

// covers: api §4.2
func TestDeleteAndPutAgain(t *testing.T) {
	s := newStream(t)
	put[*lhpb.TaskDef](s, s.taskDef(`{"name":"t"}`))
	s.done(record(t, "delete_task_def", `{"id":{"name":"t"}}`))
	s.refused(record(t, "delete_task_def", `{"id":{"name":"t"}}`), lh.NotFound, "Couldn't find provided TaskDefModel")
	other := put[*lhpb.TaskDef](s, s.taskDef(`{"name":"t","description":"other"}`))
	equal(t, s.view.Latest("acme").TaskDef("t"), other)

	put[*lhpb.ExternalEventDef](s, s.eventDef(`{"name":"e"}`))
	s.done(record(t, "delete_external_event_def", `{"id":{"name":"e"}}`))
	put[*lhpb.WorkflowEventDef](s, s.thrownDef(`{"name":"e"}`))
	s.done(record(t, "delete_workflow_event_def", `{"id":{"name":"e"}}`))
	if d := s.view.Latest("acme"); d.ExternalEventDef("e") != nil || d.WorkflowEventDef("e") != nil {
		t.Error("deleted definitions are there")
	}
}

func TestTenantsNeverMeet(t *testing.T) {
	s := newStream(t)
	put[*lhpb.TaskDef](s, s.taskDef(`{"name":"t"}`))
	s.tenant = "other"
	s.refused(s.wfSpec(`{"name":"w","entrypointThreadName":"m","threadSpecs":{"m":{"nodes":{"e":{"entrypoint":{}},"t":{"task":{"taskDefId":{"name":"t"}}}}}}}`),
		lh.InvalidArgument, "Refers to nonexistent TaskDef t")
	s.refused(record(t, "delete_task_def", `{"id":{"name":"t"}}`), lh.NotFound)
	put[*lhpb.TaskDef](s, s.taskDef(`{"name":"t","description":"mine"}`))
	if got := s.view.Latest("acme").TaskDef("t").GetDescription(); got != "" {
		t.Errorf("a tenant sees %q of another", got)
	}
}

func TestTooLargeDefinitionsAreRefused(t *testing.T) {
	s := newStream(t)
	big := &lhpb.PutTaskDefRequest{Name: "t", InputVars: []*lhpb.VariableDef{{Name: strings.Repeat("x", 1_100_000)}}}
	s.refused(&pb.Record{Command: &pb.Record_PutTaskDef{PutTaskDef: big}}, lh.ResourceExhausted, "at most 1047000 bytes")
	grows := `{"a":"` + strings.Repeat("<", 400_000) + `"}`
	big.InputVars = []*lhpb.VariableDef{{Name: "v", DefaultValue: &lhpb.VariableValue{Value: &lhpb.VariableValue_JsonObj{JsonObj: grows}}}}
	s.refused(&pb.Record{Command: &pb.Record_PutTaskDef{PutTaskDef: big}}, lh.ResourceExhausted, "at most 1047000 bytes")
	big.InputVars[0].DefaultValue = nil
	big.InputVars[0].Type = lhpb.VariableType(77).Enum()
	s.refused(&pb.Record{Command: &pb.Record_PutTaskDef{PutTaskDef: big}}, lh.InvalidArgument, "VariableType has no value 77")
}

func TestOtherRecordsAreRefused(t *testing.T) {
	s := newStream(t)
	s.refused(&pb.Record{}, lh.Internal)
	s.refused(&pb.Record{Command: &pb.Record_RunWf{RunWf: &pb.RunWf{}}}, lh.Internal)
}

// Reading one definition costs one row, however many there were.
func TestLookupsAreBounded(t *testing.T) {
	s := newStream(t)
	for major := range 20 {
		put[*lhpb.WfSpec](s, s.wfSpec(nopSpec("w", "1")))
		s.done(record(t, "delete_wf_spec", fmt.Sprintf(`{"id":{"name":"w","majorVersion":%d}}`, major)))
	}
	put[*lhpb.WfSpec](s, s.wfSpec(nopSpec("w", "1")))
	put[*lhpb.WfSpec](s, s.wfSpec(nopSpec("w", "2")))
	s.done(record(t, "delete_wf_spec", `{"id":{"name":"w","majorVersion":20,"revision":1}}`))
	counted := &countingView{View: s.state}
	rows := rowsOf(counted, "acme")
	if rows.LatestWfSpec("w", -1).GetId().GetRevision() != 0 || counted.rows != 2 {
		t.Errorf("the newest of two versions, one deleted, cost %d rows", counted.rows)
	}
	counted.rows = 0
	for range 2 {
		if rows.WfSpec(wfSpecID("w", 20, 0)) == nil || counted.rows != 1 {
			t.Errorf("an exact version cost %d rows", counted.rows)
		}
	}
}

type countingView struct {
	machine.View
	rows int
}

func (c *countingView) Scan(from, to keys.Key, limit int, empty func() machine.Value) iter.Seq2[keys.Key, machine.Value] {
	return func(yield func(keys.Key, machine.Value) bool) {
		for k, v := range c.View.Scan(from, to, limit, empty) {
			c.rows++
			if !yield(k, v) {
				return
			}
		}
	}
}

// covers: engine-2 §15 PutWorkflowMigrationPlan
func TestWorkflowMigrationPlan(t *testing.T) {
	s := newStream(t)
	spec := `{"name":"w","entrypointThreadName":"main","threadSpecs":{"main":{
		"nodes":{"in":{"entrypoint":{},"outgoingEdges":[{"sinkNodeName":"wait"}]},
			"wait":{"waitForCondition":{"condition":{"literalValue":{"bool":false}}},"outgoingEdges":[{"sinkNodeName":"out"}]},"out":{"exit":{}}}}}}`
	put[*lhpb.WfSpec](s, record(t, "put_wf_spec", spec))
	put[*lhpb.WfSpec](s, record(t, "put_wf_spec", strings.Replace(spec, `"bool":false`, `"bool":true`, 1)))
	plan := func(name, nodes string) *pb.Record {
		return record(t, "put_workflow_migration_plan", `{"name":"`+name+`","oldWfSpec":{"name":"w"},"revision":1,
			"threadMigrations":{"main":{"newThreadName":"main","nodeMigrations":{`+nodes+`}}}}`)
	}
	waits := `"wait":{"newNodeName":"wait"}`
	s.refused(plan("a_b", waits), lh.InvalidArgument, "WorkflowMigrationPlanName must be a valid hostname")
	s.refused(plan("p", `"in":{"newNodeName":"wait"}`), lh.InvalidArgument, "ENTRYPOINT")
	first := put[*lhpb.WorkflowMigrationPlan](s, plan("p", waits))
	want := &lhpb.WorkflowMigrationPlan{}
	unmarshal(t, `{"workflowMigrationPlanId":{"name":"p"},"createdAt":"1970-01-01T00:00:05Z","oldWfSpec":{"name":"w"},"revision":1,
		"threadMigrations":{"main":{"newThreadName":"main","nodeMigrations":{"wait":{"newNodeName":"wait"}}}}}`, want)
	equal(t, first, want)
	equal(t, s.view.MigrationPlan("acme", "p"), want)
	equal(t, put[*lhpb.WorkflowMigrationPlan](s, plan("p", waits)), first)
	s.refused(plan("p", ""), lh.AlreadyExists, "WorkflowMigrationPlan [p] already exists and is immutable.")

	s.done(record(t, "delete_wf_spec", `{"id":{"name":"w"}}`))
	equal(t, put[*lhpb.WorkflowMigrationPlan](s, plan("p", waits)), first)
	s.refused(plan("q", waits), lh.NotFound, "Couldn't find WfSpec w version 0.0")
	s.done(record(t, "delete_workflow_migration_plan", `{"id":{"name":"p"}}`))
	s.refused(record(t, "delete_workflow_migration_plan", `{"id":{"name":"p"}}`), lh.NotFound, "WorkflowMigrationPlan")
	if s.view.MigrationPlan("acme", "p") != nil {
		t.Error("a deleted plan is found")
	}
}

// covers: observability §1
func TestBulkJob(t *testing.T) {
	s := newStream(t)
	create := func(id, what string) *pb.Record {
		return record(t, "create_bulk_job", `{"request":{"id":"`+id+`","bulkDeleteWfRun":`+what+`},"partitions":2}`)
	}
	for what, text := range map[string]string{
		`{"wfSpecName":" ","wfRunStatus":"ERROR"}`:                                        "wfSpecName must be provided",
		`{"wfSpecName":"w","earliestStart":"2000-01-01T00:00:00Z","wfRunStatus":"ERROR"}`: "earliestStart must be before or equal to latestStart",
		`{"wfSpecName":"w","wfRunStatus":"RUNNING"}`:                                      "wfRunStatus must be a terminal status",
		`{"wfSpecName":"w"}`: "wfRunStatus must be provided",
	} {
		s.refused(create("j", what), lh.InvalidArgument, text)
	}
	s.refused(record(t, "create_bulk_job", `{"request":{"id":"j"},"partitions":2}`), lh.InvalidArgument, "must be provided")

	job := put[*lhpb.BulkJob](s, create("j", `{"wfSpecName":"w","earliestStart":"1970-01-01T00:00:01Z","wfRunStatus":"HALTED"}`))
	want := &lhpb.BulkJob{}
	unmarshal(t, `{"id":{"id":"j"},"createdAt":"1970-01-01T00:00:06Z","bulkDeleteWfRun":{"wfSpecName":"w","earliestStart":"1970-01-01T00:00:01Z",
		"latestStart":"1970-01-01T00:00:06Z","wfRunStatus":"HALTED"},"totalSubprocesses":2,"subprocesses":[{},{"id":1}]}`, want)
	equal(t, job, want)
	equal(t, put[*lhpb.BulkJob](s, create("j", `{}`)), want)
	s.listed("j", lhpb.BulkJobStatus_BULK_JOB_RUNNING)

	s.refused(record(t, "delete_bulk_job", `{"id":{"id":"j"}}`), lh.FailedPrecondition, "Cannot delete a RUNNING BulkJob")
	s.done(record(t, "bulk_job_progress", `{"bulkJobId":{"id":"j"},"subprocess":1,"status":"BULK_JOB_COMPLETED","lastSeenKey":"1970-01-01T00:00:02Z"}`))
	s.done(record(t, "bulk_job_progress", `{"bulkJobId":{"id":"j"},"subprocess":7,"status":"BULK_JOB_COMPLETED"}`))
	s.refused(record(t, "delete_bulk_job", `{"id":{"id":"j"}}`), lh.FailedPrecondition, "Cannot delete a RUNNING BulkJob")
	s.done(record(t, "bulk_job_progress", `{"bulkJobId":{"id":"j"},"status":"BULK_JOB_COMPLETED"}`))
	want.Status = lhpb.BulkJobStatus_BULK_JOB_COMPLETED
	for _, part := range want.Subprocesses {
		part.Status = lhpb.BulkJobStatus_BULK_JOB_COMPLETED
	}
	want.Subprocesses[1].LastSeenKey = &timestamppb.Timestamp{Seconds: 2}
	equal(t, put[*lhpb.BulkJob](s, create("j", `{}`)), want)
	s.listed("j", lhpb.BulkJobStatus_BULK_JOB_COMPLETED)
	s.done(record(t, "delete_bulk_job", `{"id":{"id":"j"}}`))
	s.refused(record(t, "delete_bulk_job", `{"id":{"id":"j"}}`), lh.NotFound, "Couldn't find BulkJob j")
	s.done(record(t, "bulk_job_progress", `{"bulkJobId":{"id":"j"}}`))
	s.listed("j")
}

// A job that stops WfRuns is a bulk job to everybody, and can be cancelled; what its partitions have done by then is still counted.
func TestBulkJobThatDoesNotDelete(t *testing.T) {
	s := newStream(t)
	create := func(id string) *pb.Record {
		return record(t, "create_bulk_act", `{"bulkJobId":{"id":"`+id+`"},"which":{"wfSpecName":"w","wfRunStatus":"RUNNING"},"deed":"BULK_DEED_STOP","partitions":2}`)
	}
	cancel := func(id string) *pb.Record { return record(t, "cancel_bulk_act", `{"id":"`+id+`"}`) }
	s.refused(record(t, "create_bulk_act", `{"bulkJobId":{"id":"j"},"which":{"wfSpecName":"w","earliestStart":"2100-01-01T00:00:00Z"},"partitions":2}`), lh.InvalidArgument, "earliestStart must be before")
	s.refused(cancel("j"), lh.NotFound, "Couldn't find BulkJob j")

	job := put[*lhpb.BulkJob](s, create("j"))
	want := &lhpb.BulkJob{}
	unmarshal(t, `{"id":{"id":"j"},"createdAt":"`+job.CreatedAt.AsTime().Format(time.RFC3339)+`","totalSubprocesses":2,"subprocesses":[{},{"id":1}]}`, want)
	equal(t, job, want)
	equal(t, put[*lhpb.BulkJob](s, create("j")), want)
	s.listed("j", lhpb.BulkJobStatus_BULK_JOB_RUNNING)
	s.done(record(t, "bulk_job_progress", `{"bulkJobId":{"id":"j"},"status":"BULK_JOB_COMPLETED","done":"3"}`))

	cancelled := put[*lhpb.BulkJob](s, cancel("j"))
	want.Status = lhpb.BulkJobStatus_BULK_JOB_FAILED
	want.Subprocesses[0].Status, want.Subprocesses[1].Status = lhpb.BulkJobStatus_BULK_JOB_COMPLETED, lhpb.BulkJobStatus_BULK_JOB_FAILED
	equal(t, cancelled, want)
	equal(t, put[*lhpb.BulkJob](s, cancel("j")), want)
	s.listed("j", lhpb.BulkJobStatus_BULK_JOB_FAILED)
	s.done(record(t, "bulk_job_progress", `{"bulkJobId":{"id":"j"},"subprocess":1,"status":"BULK_JOB_COMPLETED","done":"4"}`))
	equal(t, put[*lhpb.BulkJob](s, create("j")), want)
	act := &pb.BulkActRow{}
	unmarshal(t, `{"deed":"BULK_DEED_STOP","which":{"wfSpecName":"w","earliestStart":"1970-01-01T00:00:00Z","latestStart":"`+job.CreatedAt.AsTime().Format(time.RFC3339)+`","wfRunStatus":"RUNNING"},"done":["3","4"]}`, act)
	row := keys.In(s.tenant).BulkAct("j")
	equal(t, machine.Get[pb.BulkActRow](s.state, row), act)

	s.done(record(t, "delete_bulk_job", `{"id":{"id":"j"}}`))
	s.listed("j")
	if machine.Get[pb.BulkActRow](s.state, row) != nil {
		t.Error("what it did is still there")
	}
	put[*lhpb.BulkJob](s, record(t, "create_bulk_job", `{"request":{"id":"d","bulkDeleteWfRun":{"wfSpecName":"w","wfRunStatus":"ERROR"}},"partitions":2}`))
	before := cancel("d")
	before.Header = &pb.Header{Tenant: s.tenant, EngineVersion: machine.EndsDeletes - 1}
	if e := s.machine.Apply(s.state, before); e.Reply.Err == nil || e.Reply.Err.Code != lh.FailedPrecondition || len(e.Changes)+len(e.Emit) > 0 {
		t.Errorf("a job that deletes, as of an earlier version: %+v", e)
	}
	end := cancel("d")
	deleting := put[*lhpb.BulkJob](s, end)
	if deleting.Status != lhpb.BulkJobStatus_BULK_JOB_FAILED || deleting.GetBulkDeleteWfRun().GetWfSpecName() != "w" {
		t.Errorf("a job that deletes is %v", deleting)
	}
	s.listed("d", lhpb.BulkJobStatus_BULK_JOB_FAILED)
	s.done(record(t, "bulk_job_progress", `{"bulkJobId":{"id":"d"},"subprocess":1,"status":"BULK_JOB_COMPLETED"}`))
	equal(t, put[*lhpb.BulkJob](s, cancel("d")), deleting)
	match := record(t, "create_bulk_match", `{"job":{"bulkJobId":{"id":"m"},"which":{"wfSpecName":"w","wfRunStatus":"ERROR"},"deed":"BULK_DEED_DELETE","partitions":2},
		"conditions":[{"variable":"v","path":"$.a","value":{"int":"1"}}]}`)
	refused := match.CloneVT()
	refused.Header = &pb.Header{Tenant: s.tenant, EngineVersion: machine.BulkMatches - 1}
	if e := s.machine.Apply(s.state, refused); e.Reply.Err == nil || e.Reply.Err.Code != lh.FailedPrecondition || len(e.Changes)+len(e.Emit) > 0 {
		t.Errorf("a job by variables where servers are that know none: %+v", e)
	}
	shared := match.CloneVT()
	shared.Header = &pb.Header{Tenant: s.tenant}
	emitted := s.machine.Apply(s.state, shared).Emit
	if len(emitted) != 2 {
		t.Fatalf("%d shares", len(emitted))
	}
	for n, e := range emitted {
		share := e.Record.GetBulkMatch()
		if e.To != coreOf(int32(n)) || share.GetAct().GetShare().GetSubprocess() != int32(n) || share.GetAct().GetDeed() != pb.BulkDeed_BULK_DEED_DELETE ||
			len(share.GetConditions()) != 1 || share.Conditions[0].Path != "$.a" || share.Act.Share.What.GetWfRunStatus() != lhpb.LHStatus_ERROR {
			t.Errorf("share %d is %v", n, e)
		}
	}
	matching := put[*lhpb.BulkJob](s, match)
	equal(t, put[*lhpb.BulkJob](s, match), matching)
	s.done(record(t, "bulk_job_progress", `{"bulkJobId":{"id":"m"},"subprocess":1,"status":"BULK_JOB_COMPLETED","done":"4"}`))
	if row := machine.Get[pb.BulkActRow](s.state, keys.In(s.tenant).BulkAct("m")); row.GetDone()[1] != 4 || len(row.GetConditions()) != 1 || matching.Operation != nil {
		t.Errorf("%v of %v", row, matching)
	}

	early := create("e")
	early.Header = &pb.Header{EngineVersion: machine.BulkActs - 1}
	if e := NewMachine(DefaultConfig()).Apply(machine.NewMem(), early); e.Reply.Err == nil || e.Reply.Err.Code != lh.FailedPrecondition || len(e.Emit) > 0 {
		t.Errorf("where servers are that know no such job: %+v", e)
	}
}

// listed wants the index to know the job under these statuses and no others.
func (s *stream) listed(job string, under ...lhpb.BulkJobStatus) {
	s.t.Helper()
	for n := range lhpb.BulkJobStatus_name {
		status := lhpb.BulkJobStatus(n)
		k := keys.In(s.tenant).BulkJobIndex(&lhpb.BulkJob{Id: &lhpb.BulkJobId{Id: job}, Status: status})
		if is := s.state.Bytes(k) != nil; is != slices.Contains(under, status) {
			s.t.Errorf("job %s is listed as %s: %v", job, status, is)
		}
	}
}
