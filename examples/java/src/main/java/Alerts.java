import static io.littlehorse.sdk.common.proto.LHErrorType.TIMEOUT;

import io.littlehorse.sdk.common.proto.AwaitWorkflowEventRequest;
import io.littlehorse.sdk.common.proto.WfRunId;
import io.littlehorse.sdk.common.proto.WorkflowEvent;
import io.littlehorse.sdk.common.proto.WorkflowEventDefId;
import io.littlehorse.sdk.wfsdk.ExternalEventNodeOutput;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import io.littlehorse.sdk.wfsdk.WorkflowThread;
import io.littlehorse.sdk.worker.LHTaskMethod;
import java.util.Locale;
import java.util.Map;

/** An alert of a machine that is too hot: readings of its sensor interrupt whatever the alert waits for. */
final class Alerts {
    private static final String PATIENT = "java-sensor-alert";
    private static final String HURRIED = "java-sensor-alert-hurried";
    private static final String WARN = "java-alert-warn";
    private static final String CALL = "java-alert-call";
    private static final String READING = "java-sensor-reading";
    private static final String ACKNOWLEDGED = "java-alert-acknowledged";
    private static final String COOLED = "java-machine-cooled";
    private static final double COOL = 70;

    private Alerts() {}

    static void alert(WorkflowThread wf, int patienceSeconds) {
        WfRunVariable machine = wf.declareStr("machine").required().searchable();
        WfRunVariable temperature = wf.declareDouble("temperature").required();
        WfRunVariable peak = wf.declareDouble("peak").withDefault(0.0);
        WfRunVariable readings = wf.declareInt("readings").withDefault(0);
        WfRunVariable by = wf.declareStr("acknowledgedBy");
        WfRunVariable called = wf.declareStr("called");

        // The handler runs whenever the event comes, as often as it comes, wherever the alert stands.
        wf.registerInterruptHandler(READING, handler -> {
                    WfRunVariable reading = handler.declareDouble(WorkflowThread.HANDLER_INPUT_VAR);
                    temperature.assign(reading);
                    handler.doIf(reading.isGreaterThan(peak), then -> peak.assign(reading));
                    readings.assign(readings.add(1));
                })
                .withEventType(Double.class);
        peak.assign(temperature);
        wf.execute(WARN, machine, temperature).withRetries(3);
        ExternalEventNodeOutput acknowledged =
                wf.waitForEvent(ACKNOWLEDGED).timeout(patienceSeconds).registeredAs(String.class);
        wf.handleError(
                acknowledged, TIMEOUT, handler -> called.assign(handler.execute(CALL, machine, peak).withRetries(3)));
        by.assign(acknowledged);
        wf.waitForCondition(temperature.isLessThan(COOL));
        wf.throwEvent(COOLED, machine).registeredAs(String.class);
    }

    public static final class Tasks {
        @LHTaskMethod(WARN)
        public void warn(String machine, double temperature) {}

        @LHTaskMethod(CALL)
        public String call(String machine, double peak) {
            return "the technician on duty";
        }
    }

    static void story(Stage s) {
        s.work(new Tasks());
        s.put(PATIENT, wf -> alert(wf, 600));
        s.put(HURRIED, wf -> alert(wf, 1));

        // Somebody takes care of the first.
        WfRunId seen = s.start(PATIENT, Map.of("machine", "press-1", "temperature", 91.5));
        double[] temperatures = {97.0, 104.5};
        for (int n = 0; n < temperatures.length; n++) {
            int readings = n + 1;
            s.post(seen, READING, temperatures[n]);
            Stage.until("the reading", () -> s.variable(seen, "readings").getInt() == readings);
        }
        s.post(seen, ACKNOWLEDGED, "Ines");
        cooled(s, seen);

        // Nobody answers the second.
        WfRunId unseen = s.start(HURRIED, Map.of("machine", "press-2", "temperature", 120.0));
        Stage.until("the technician", () -> !s.variable(unseen, "called").getStr().isEmpty());
        cooled(s, unseen);
    }

    /** Lets the machine cool down, and waits for the WorkflowEvent that tells. */
    private static void cooled(Stage s, WfRunId run) {
        s.post(run, READING, 65.0);
        WorkflowEvent event = s.client.awaitWorkflowEvent(AwaitWorkflowEventRequest.newBuilder()
                .setWfRunId(run)
                .addEventDefIds(WorkflowEventDefId.newBuilder().setName(COOLED))
                .build());
        s.say(event.getContent().getStr() + " (WfRun " + run.getId() + ")\n    " + s.end(run));
        for (String name : new String[] {"acknowledgedBy", "called"}) {
            String who = s.variable(run, name).getStr();
            if (!who.isEmpty()) s.say("    " + name + ": " + who);
        }
        s.say(String.format(Locale.ROOT, "    peak: %.1f", s.variable(run, "peak").getDouble()));
    }

    public static void main(String[] args) {
        try (Stage s = new Stage(System.out)) {
            story(s);
        }
    }
}
