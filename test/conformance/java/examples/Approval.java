package examples;

import static examples.Stage.*;
import static io.littlehorse.sdk.common.proto.LHStatus.*;

import io.grpc.Status.Code;
import io.littlehorse.sdk.common.proto.*;
import io.littlehorse.sdk.usertask.UserTaskSchema;
import io.littlehorse.sdk.usertask.annotations.UserTaskField;
import io.littlehorse.sdk.wfsdk.UserTaskOutput;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import java.util.List;
import java.util.Map;

/** A journey is approved by somebody of a group, who claims the form, talks about it, saves a draft and decides. */
final class Approval {
    private Approval() {}

    static final class Form {
        @UserTaskField(displayName = "Approved?", description = "May they travel?", required = true)
        public boolean approved;

        @UserTaskField(displayName = "Why?", required = false)
        public String reason;
    }

    static void run(Stage s) {
        UserTaskDef form = s.client.putUserTaskDef(new UserTaskSchema(new Form(), s.name("journey-form")).compile());
        s.known(() -> s.client.getUserTaskDef(
                UserTaskDefId.newBuilder().setName(form.getName()).setVersion(form.getVersion()).build()));
        s.put("journey", wf -> {
            WfRunVariable traveller = wf.declareStr("traveller").required();
            WfRunVariable decision = wf.declareStr("decision");
            WfRunVariable reason = wf.declareStr("reason");
            UserTaskOutput answer = wf.assignUserTask(s.name("journey-form"), null, "managers")
                    .withNotes(wf.format("{0} wants to travel", traveller));
            WfRunVariable approved = wf.declareBool("approved");
            approved.assign(answer.jsonPath("$.approved"));
            reason.assign(answer.jsonPath("$.reason"));
            wf.doIfElse(
                    approved.isEqualTo(true), then -> decision.assign("go"), otherwise -> decision.assign("stay"));
        });
        decided(s, "ana", true, "go");
        decided(s, "bo", false, "stay");
    }

    private static void decided(Stage s, String traveller, boolean approved, String decision) {
        WfRunId run = s.start("journey", "journey-" + traveller, Map.of("traveller", traveller));
        UserTaskRunId id =
                UserTaskRunId.newBuilder().setWfRunId(run).setUserTaskGuid("0-1").build();
        s.waitsAt(run, 0, 1);
        UserTaskRun task = s.client.getUserTaskRun(id);
        same("status", UserTaskRunStatus.UNASSIGNED, task.getStatus());
        same("group", "managers", task.getUserGroup());
        same("notes", traveller + " wants to travel", task.getNotes());

        AssignUserTaskRunRequest.Builder claim =
                AssignUserTaskRunRequest.newBuilder().setUserTaskRunId(id).setUserId("mia").setUserGroup("managers");
        s.client.assignUserTaskRun(claim.build());
        refused("a claim of what is claimed", Code.FAILED_PRECONDITION, () -> s.client.assignUserTaskRun(
                claim.setUserId("max").build()));
        until("the task to be found", () -> found(s, "mia").contains(id));

        s.client.putUserTaskRunComment(PutUserTaskRunCommentRequest.newBuilder()
                .setUserTaskRunId(id)
                .setUserId("max")
                .setComment("too dear")
                .build());
        s.client.editUserTaskRunComment(EditUserTaskRunCommentRequest.newBuilder()
                .setUserTaskRunId(id)
                .setUserCommentId(1)
                .setUserId("max")
                .setComment("quite dear")
                .build());
        s.client.saveUserTaskRunProgress(SaveUserTaskRunProgressRequest.newBuilder()
                .setUserTaskRunId(id)
                .setUserId("mia")
                .putResults("reason", value("thinking"))
                .build());
        refused("a form without what it must have", Code.INVALID_ARGUMENT, () -> complete(s, id, Map.of()));
        refused("a text for a yes or no", Code.INVALID_ARGUMENT, () -> complete(s, id, Map.of("approved", "yes")));
        complete(s, id, Map.of("approved", approved, "reason", "that is why"));

        s.ended(run, COMPLETED);
        same("decision", decision, s.variable(run, "decision").getStr());
        same("reason", "that is why", s.variable(run, "reason").getStr());
        task = s.client.getUserTaskRun(id);
        same("status", UserTaskRunStatus.DONE, task.getStatus());
        same(
                "what happened",
                List.of("ASSIGNED", "ASSIGNED", "COMMENT_ADDED", "COMMENT_EDITED", "SAVED", "COMPLETED"),
                task.getEventsList().stream().map(e -> e.getEventCase().name()).toList());
    }

    private static List<UserTaskRunId> found(Stage s, String user) {
        return s.client
                .searchUserTaskRun(SearchUserTaskRunRequest.newBuilder()
                        .setUserId(user)
                        .setUserTaskDefName(s.name("journey-form"))
                        .setStatus(UserTaskRunStatus.ASSIGNED)
                        .build())
                .getResultsList();
    }

    private static Object complete(Stage s, UserTaskRunId id, Map<String, ?> results) {
        CompleteUserTaskRunRequest.Builder request =
                CompleteUserTaskRunRequest.newBuilder().setUserTaskRunId(id).setUserId("mia");
        results.forEach((k, v) -> request.putResults(k, value(v)));
        return s.client.completeUserTaskRun(request.build());
    }
}
