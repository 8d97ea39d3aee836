import io.littlehorse.sdk.common.LHLibUtil;
import io.littlehorse.sdk.common.proto.CancelUserTaskRunRequest;
import io.littlehorse.sdk.common.proto.CompleteUserTaskRunRequest;
import io.littlehorse.sdk.common.proto.UserTaskRunId;
import io.littlehorse.sdk.common.proto.WfRunId;
import io.littlehorse.sdk.usertask.UserTaskSchema;
import io.littlehorse.sdk.usertask.annotations.UserTaskField;
import io.littlehorse.sdk.wfsdk.UserTaskOutput;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import io.littlehorse.sdk.wfsdk.WorkflowThread;
import io.littlehorse.sdk.worker.LHTaskMethod;
import io.littlehorse.sdk.worker.WorkerContext;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * People decide about expenses. Who takes long is reminded, who takes longer loses the task, and what nobody wants is
 * withdrawn.
 */
final class Approval {
    private static final String PATIENT = "java-approval";
    private static final String HURRIED = "java-approval-hurried";
    private static final String FORM = "java-approval-form";
    private static final String REMIND = "java-approval-remind";
    private static final String TELL = "java-approval-tell";

    private Approval() {}

    /** What an approver fills in. */
    static final class Form {
        @UserTaskField(displayName = "Approved", required = true)
        public boolean approved;

        @UserTaskField(displayName = "Reason", required = false)
        public String reason;
    }

    /** The workflow, with days of any number of seconds. */
    static void approval(WorkflowThread wf, int day) {
        WfRunVariable employee = wf.declareStr("employee").required().searchable();
        WfRunVariable purpose = wf.declareStr("purpose").required();
        WfRunVariable approver = wf.declareStr("approver").required();
        WfRunVariable decision = wf.declareJsonObj("decision");

        UserTaskOutput form = wf.assignUserTask(FORM, approver, "managers")
                .withNotes(wf.format("{0} asks for {1}", employee, purpose))
                .withOnCancellationException("withdrawn");
        wf.scheduleReminderTask(form, day, REMIND, purpose);
        wf.reassignUserTask(form, "director", null, 3 * day);
        wf.cancelUserTaskRunAfter(form, 90 * day);
        wf.handleException(form, "withdrawn", handler -> {
            handler.execute(TELL, employee, "nobody has decided");
            handler.fail("withdrawn", "nobody has decided");
        });
        decision.assign(form);
        wf.doIfElse(
                decision.jsonPath("$.approved").isEqualTo(true),
                then -> then.execute(TELL, employee, "approved"),
                otherwise -> otherwise.execute(TELL, employee, decision.jsonPath("$.reason")));
    }

    private static final List<String> letters = new CopyOnWriteArrayList<>();

    public static final class Tasks {
        @LHTaskMethod(REMIND)
        public void remind(String purpose, WorkerContext ctx) {
            letters.add("to " + ctx.getUserId() + ": please decide about " + purpose);
        }

        @LHTaskMethod(TELL)
        public void tell(String employee, String text) {
            letters.add("to " + employee + ": " + text);
        }
    }

    static void story(Stage s) {
        s.work(new Tasks());
        s.client.putUserTaskDef(new UserTaskSchema(new Form(), FORM).compile());
        s.put(PATIENT, wf -> approval(wf, 24 * 3600));
        s.put(HURRIED, wf -> approval(wf, 1));

        WfRunId train = ask(s, PATIENT, "Ana", "a train ticket");
        decide(s, train, "manager", true, "");
        tell(s, train);

        WfRunId helicopter = ask(s, HURRIED, "Bo", "a helicopter");
        has(s, helicopter, "director");
        Stage.until("the reminder, a task of its own", () -> !letters.isEmpty());
        decide(s, helicopter, "director", false, "take the train");
        tell(s, helicopter);

        WfRunId desk = ask(s, PATIENT, "Cleo", "a new desk");
        s.client.cancelUserTaskRun(
                CancelUserTaskRunRequest.newBuilder().setUserTaskRunId(formOf(desk)).build());
        tell(s, desk);
    }

    /** The user task of a run: it stands at the first node of thread 0. */
    private static UserTaskRunId formOf(WfRunId run) {
        return UserTaskRunId.newBuilder().setWfRunId(run).setUserTaskGuid("0-1").build();
    }

    private static WfRunId ask(Stage s, String spec, String employee, String purpose) {
        WfRunId run = s.start(spec, Map.of("employee", employee, "purpose", purpose, "approver", "manager"));
        s.say(employee + " asks for " + purpose);
        Stage.until(
                "a user task",
                () -> !s.client.getUserTaskRun(formOf(run)).getUserId().isEmpty());
        return run;
    }

    private static void has(Stage s, WfRunId run, String user) {
        Stage.until(
                user + " to have it",
                () -> s.client.getUserTaskRun(formOf(run)).getUserId().equals(user));
    }

    private static void decide(Stage s, WfRunId run, String user, boolean approved, String reason) {
        s.client.completeUserTaskRun(CompleteUserTaskRunRequest.newBuilder()
                .setUserTaskRunId(formOf(run))
                .setUserId(user)
                .putResults("approved", LHLibUtil.objToVarVal(approved))
                .putResults("reason", LHLibUtil.objToVarVal(reason))
                .build());
    }

    private static void tell(Stage s, WfRunId run) {
        s.say("WfRun " + run.getId() + "\n    " + s.end(run));
        letters.forEach(letter -> s.say("    " + letter));
        letters.clear();
    }

    public static void main(String[] args) {
        try (Stage s = new Stage(System.out)) {
            story(s);
        }
    }
}
