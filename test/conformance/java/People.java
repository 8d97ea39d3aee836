import static io.littlehorse.sdk.common.proto.LHStatus.*;

import com.google.gson.JsonArray;
import io.littlehorse.sdk.common.proto.*;
import io.littlehorse.sdk.usertask.UserTaskSchema;
import io.littlehorse.sdk.usertask.annotations.UserTaskField;
import io.littlehorse.sdk.wfsdk.UserTaskOutput;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import java.util.Map;

/** User tasks: assignment, completion, cancellation. */
final class People {
    private People() {}

    /** The form, as the client's annotations describe it. */
    static final class Form {
        @UserTaskField(displayName = "Approved?", required = true)
        public boolean approved;

        @UserTaskField(displayName = "Note", required = false)
        public String note;
    }

    private static UserTaskDef putForm(Session s) {
        UserTaskDef form = s.stub.putUserTaskDef(new UserTaskSchema(new Form(), s.name("form")).compile());
        s.eventually(() -> s.stub.getLatestUserTaskDef(
                GetLatestUserTaskDefRequest.newBuilder().setName(form.getName()).build()));
        return form;
    }

    static void userTask(Session s) throws Exception {
        s.transcript.step("user-task/def", putForm(s));
        Transcript.expect(putForm(s).getVersion() == 0, "a repeated put made a new version");
        s.put("user-task", wf -> {
            WfRunVariable approved = wf.declareBool("approved");
            UserTaskOutput answer = wf.assignUserTask(s.name("form"), "ana", "finance");
            approved.assign(answer.jsonPath("$.approved"));
            wf.execute(s.name("greet"), "approver");
        });
        s.run("user-task", "user-task");
        UserTaskRunId id = UserTaskRunId.newBuilder()
                .setWfRunId(s.wfRunId("user-task"))
                .setUserTaskGuid("0-1")
                .build();

        Transcript t = s.transcript;
        AssignUserTaskRunRequest.Builder assign =
                AssignUserTaskRunRequest.newBuilder().setUserTaskRunId(id);
        t.refused("user-task/nobody", "INVALID_ARGUMENT", () -> s.stub.assignUserTaskRun(assign.build()));
        assign.setUserId("bo");
        t.refused("user-task/claimed", "FAILED_PRECONDITION", () -> s.stub.assignUserTaskRun(assign.build()));
        s.stub.assignUserTaskRun(assign.setOverrideClaim(true).build());
        t.refused("user-task/incomplete", "INVALID_ARGUMENT", () -> complete(s, id, Map.of()));
        t.refused("user-task/wrong-type", "INVALID_ARGUMENT", () -> complete(s, id, Map.of("approved", "yes")));
        Session.Pages<UserTaskRunId> found = Session.pages(
                s.stub::searchUserTaskRun,
                SearchUserTaskRunRequest.newBuilder()
                        .setUserId("bo")
                        .setUserTaskDefName(s.name("form"))
                        .build());
        t.step("user-task/search", found.sorted(r -> r.getWfRunId().getId()));
        complete(s, id, Map.of("approved", true));
        s.record("user-task/run", "user-task", COMPLETED);
        t.step("user-task/list", userTaskRuns(s, "user-task"));
        Transcript.expect(s.variable("user-task", "approved").getBool(), "the form's answer is lost");
        complete(s, id, Map.of("approved", false));
        t.step("user-task/completed-again", s.stub.getUserTaskRun(id));
    }

    private static JsonArray userTaskRuns(Session s, String wfRun) {
        ListUserTaskRunRequest request =
                ListUserTaskRunRequest.newBuilder().setWfRunId(s.wfRunId(wfRun)).build();
        return Session.json(s.stub.listUserTaskRuns(request).getResultsList());
    }

    private static Object complete(Session s, UserTaskRunId id, Map<String, ?> results) {
        CompleteUserTaskRunRequest.Builder request =
                CompleteUserTaskRunRequest.newBuilder().setUserTaskRunId(id).setUserId("bo");
        results.forEach((k, v) -> request.putResults(k, Session.value(v)));
        return s.stub.completeUserTaskRun(request.build());
    }

    static void cancelledUserTask(Session s) {
        s.put("user-task-cancelled", wf -> wf.handleError(
                wf.assignUserTask(s.name("form"), null, "finance"),
                LHErrorType.USER_TASK_CANCELLED,
                handler -> handler.execute(s.name("greet"), "handler")));
        s.run("user-task-cancelled", "user-task-cancelled");
        s.stub.cancelUserTaskRun(CancelUserTaskRunRequest.newBuilder()
                .setUserTaskRunId(UserTaskRunId.newBuilder()
                        .setWfRunId(s.wfRunId("user-task-cancelled"))
                        .setUserTaskGuid("0-1"))
                .build());
        s.record("cancelled-user-task/run", "user-task-cancelled", COMPLETED);
        s.transcript.step("cancelled-user-task/list", userTaskRuns(s, "user-task-cancelled"));
    }
}
