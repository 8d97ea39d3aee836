import com.google.protobuf.Empty;
import io.littlehorse.sdk.common.proto.*;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import io.littlehorse.sdk.wfsdk.Workflow;

/** Definitions: puts that repeat, versions, refusals, deletes. */
final class Definitions {
    private Definitions() {}

    static void taskDefs(Session s) throws Exception {
        PutTaskDefRequest request = PutTaskDefRequest.newBuilder()
                .setName(s.name("defined"))
                .addInputVars(VariableDef.newBuilder()
                        .setName("x")
                        .setTypeDef(TypeDefinition.newBuilder().setPrimitiveType(VariableType.INT)))
                .build();
        Transcript t = s.transcript;
        TaskDef first = s.stub.putTaskDef(request);
        t.step("task-def/put", first);
        Transcript.expect(s.stub.putTaskDef(request).equals(first), "a repeated put is not the same TaskDef");
        t.step("task-def/put-again", "same");
        s.eventually(() -> s.stub.getTaskDef(first.getId()));
        t.refused("task-def/changed", "ALREADY_EXISTS",
                () -> s.stub.putTaskDef(request.toBuilder().setDescription("another").build()));
        t.refused("task-def/bad-name", "INVALID_ARGUMENT",
                () -> s.stub.putTaskDef(request.toBuilder().setName("not_a_hostname").build()));
        t.refused("task-def/get-missing", "NOT_FOUND", () -> s.stub.getTaskDef(s.taskDefId("no-such-task")));
        DeleteTaskDefRequest.Builder delete = DeleteTaskDefRequest.newBuilder();
        t.refused("task-def/delete-missing", "NOT_FOUND",
                () -> s.stub.deleteTaskDef(delete.setId(s.taskDefId("no-such-task")).build()));
        s.stub.deleteTaskDef(delete.setId(first.getId()).build());
        t.refused("task-def/delete-again", "NOT_FOUND", () -> s.stub.deleteTaskDef(delete.build()));
    }

    private static Workflow versions(Session s, String task, boolean required, boolean extra, AllowedUpdateType allowed) {
        return Workflow.newWorkflow(s.name("versions"), wf -> {
                    WfRunVariable name = wf.declareStr("name");
                    if (required) name.required();
                    wf.execute(s.name(task), name);
                    if (extra) wf.execute(s.name("nothing"));
                })
                .withUpdateType(allowed);
    }

    private static String put(Session s, String task, boolean required, boolean extra, AllowedUpdateType allowed) {
        return version(s.put(versions(s, task, required, extra, allowed)).getId());
    }

    private static String version(WfSpecId id) {
        return id.getMajorVersion() + "." + id.getRevision();
    }

    static void wfSpecs(Session s) throws Exception {
        AllowedUpdateType all = AllowedUpdateType.ALL_UPDATES;
        AllowedUpdateType minor = AllowedUpdateType.MINOR_REVISION_UPDATES;
        AllowedUpdateType none = AllowedUpdateType.NO_UPDATES;
        Transcript t = s.transcript;
        t.step("wf-spec/first", put(s, "greet", false, false, all));
        t.step("wf-spec/same", put(s, "greet", false, false, all));
        t.step("wf-spec/same-no-updates", put(s, "greet", false, false, none));
        t.refused("wf-spec/changed-no-updates", "ALREADY_EXISTS", () -> put(s, "greet", false, true, none));
        t.step("wf-spec/changed", put(s, "greet", false, true, minor));
        t.refused("wf-spec/breaking-minor-only", "FAILED_PRECONDITION", () -> put(s, "greet", true, false, minor));
        t.step("wf-spec/breaking", put(s, "greet", true, false, all));
        GetLatestWfSpecRequest latestRequest =
                GetLatestWfSpecRequest.newBuilder().setName(s.name("versions")).build();
        WfSpec latest = s.stub.getLatestWfSpec(latestRequest);
        t.step("wf-spec/latest", latest);
        t.step("wf-spec/latest-of-major",
                s.stub.getLatestWfSpec(latestRequest.toBuilder().setMajorVersion(0).build()).getId());
        Session.Pages<WfSpecId> versions = Session.pages(
                s.stub::searchWfSpec, SearchWfSpecRequest.newBuilder().setName(s.name("versions")).build());
        t.step("wf-spec/versions", versions.inOrder(Definitions::version));

        t.refused("wf-spec/unknown-task", "INVALID_ARGUMENT", () -> put(s, "no-such-task", false, false, all));
        t.refused("wf-spec/bad-name", "INVALID_ARGUMENT", () -> s.put(Workflow.newWorkflow("bad_name", wf -> {})));
        t.refused("wf-spec/get-missing", "NOT_FOUND",
                () -> s.stub.getWfSpec(latest.getId().toBuilder().setMajorVersion(9).build()));
        t.refused("wf-spec/latest-missing", "NOT_FOUND",
                () -> s.stub.getLatestWfSpec(latestRequest.toBuilder().setName(s.name("no-such-spec")).build()));
        DeleteWfSpecRequest delete = DeleteWfSpecRequest.newBuilder().setId(latest.getId()).build();
        s.stub.deleteWfSpec(delete);
        t.refused("wf-spec/delete-again", "NOT_FOUND", () -> s.stub.deleteWfSpec(delete));
    }

    static void eventDefs(Session s) throws Exception {
        PutWorkflowEventDefRequest thrown = PutWorkflowEventDefRequest.newBuilder()
                .setName(s.name("defined-event"))
                .setContentType(Events.returns(VariableType.STR))
                .build();
        Transcript t = s.transcript;
        WorkflowEventDef first = s.stub.putWorkflowEventDef(thrown);
        t.step("event-def/thrown", first);
        Transcript.expect(
                s.stub.putWorkflowEventDef(thrown).equals(first), "a repeated put is not the same WorkflowEventDef");
        t.refused("event-def/thrown-changed", "ALREADY_EXISTS",
                () -> s.stub.putWorkflowEventDef(
                        thrown.toBuilder().setContentType(Events.returns(VariableType.INT)).build()));
        t.step("event-def/awaited", s.putEventDef("defined-event"));
        t.step("event-def/awaited-again", s.putEventDef("defined-event"));
        t.refused("event-def/bad-name", "INVALID_ARGUMENT",
                () -> s.putEventDef(PutExternalEventDefRequest.newBuilder().setName("a.b")));
        t.refused("event-def/get-missing", "NOT_FOUND",
                () -> s.stub.getExternalEventDef(s.eventDefId("no-such-event")));
    }

    static void whoami(Session s) {
        s.transcript.step("whoami/id", s.stub.whoami(Empty.getDefaultInstance()).getId());
    }
}
