package examples;

import static examples.Stage.*;
import static io.littlehorse.sdk.common.proto.LHStatus.*;

import io.littlehorse.sdk.common.proto.*;
import io.littlehorse.sdk.wfsdk.UserTaskOutput;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import io.littlehorse.sdk.worker.LHTaskMethod;
import io.littlehorse.sdk.worker.WorkerContext;
import java.util.List;
import java.util.Map;

/** A ticket that nobody answers: its owner is reminded, it goes to another, and in the end it is called off. */
final class Escalation {
    private Escalation() {}

    public static final class Tasks {
        @LHTaskMethod("${prefix}-nudge")
        public String nudge(String ticket, WorkerContext ctx) {
            return ctx.getUserId() + ": " + ticket;
        }
    }

    static void run(Stage s) {
        UserTaskDef form = s.client.putUserTaskDef(PutUserTaskDefRequest.newBuilder()
                .setName(s.name("ticket-form"))
                .addFields(io.littlehorse.sdk.common.proto.UserTaskField.newBuilder()
                        .setName("answer")
                        .setDisplayName("Answer")
                        .setType(VariableType.STR)
                        .setRequired(true))
                .build());
        s.known(() -> s.client.getUserTaskDef(
                UserTaskDefId.newBuilder().setName(form.getName()).setVersion(form.getVersion()).build()));
        s.put("ticket", wf -> {
            WfRunVariable ticket = wf.declareStr("ticket").required();
            WfRunVariable owner = wf.declareStr("owner").required();
            WfRunVariable patience = wf.declareInt("patience").required();
            WfRunVariable outcome = wf.declareStr("outcome").withDefault("answered");
            UserTaskOutput answer = wf.assignUserTask(s.name("ticket-form"), owner, "support")
                    .withOnCancellationException("given-up");
            wf.scheduleReminderTask(answer, 1, s.name("nudge"), ticket);
            wf.reassignUserTask(answer, "mia", "experts", 2);
            wf.cancelUserTaskRunAfter(answer, patience);
            wf.handleException(answer, "given-up", handler -> outcome.assign("given up"));
        });
        WfRunId run = s.start("ticket", "ticket", Map.of("ticket", "printer on fire", "owner", "sam", "patience", 3));
        s.ended(run, COMPLETED);
        same("outcome", "given up", s.variable(run, "outcome").getStr());
        same("failure", "given-up", s.node(run, 0, 1).getFailures(0).getFailureName());
        UserTaskRun task = s.client.getUserTaskRun(
                UserTaskRunId.newBuilder().setWfRunId(run).setUserTaskGuid("0-1").build());
        same("status", UserTaskRunStatus.CANCELLED, task.getStatus());
        same("what happened", List.of("to sam", "reminder", "sam to mia", "cancelled"), story(task));
        same("group", "experts", task.getUserGroup());

        until("the reminder", () -> s.taskRuns(run).get(0).getStatus() == TaskStatus.TASK_SUCCESS);
        TaskRun reminder = s.taskRuns(run).get(0);
        same("reminder", "sam: printer on fire", reminder.getAttempts(0).getOutput().getStr());
        same("source of the reminder", "sam", reminder.getSource().getUserTaskTrigger().getUserId());

        WfRunId answered = s.start("ticket", "ticket-answered", Map.of("ticket", "no paper", "owner", "sam", "patience", 60));
        s.waitsAt(answered, 0, 1);
        s.client.completeUserTaskRun(CompleteUserTaskRunRequest.newBuilder()
                .setUserTaskRunId(UserTaskRunId.newBuilder().setWfRunId(answered).setUserTaskGuid("0-1"))
                .setUserId("sam")
                .putResults("answer", value("buy some"))
                .build());
        s.ended(answered, COMPLETED);
        same("outcome", "answered", s.variable(answered, "outcome").getStr());
    }

    private static List<String> story(UserTaskRun task) {
        return task.getEventsList().stream()
                .map(e -> switch (e.getEventCase()) {
                    case ASSIGNED -> (e.getAssigned().getOldUserId() + " to " + e.getAssigned().getNewUserId()).strip();
                    case TASK_EXECUTED -> "reminder";
                    case CANCELLED -> "cancelled";
                    default -> e.toString();
                })
                .toList();
    }
}
