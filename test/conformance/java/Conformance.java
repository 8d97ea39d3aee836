import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The official Java client against a LittleHorse server: a transcript on standard output.
 *
 * <p>LHC_API_HOST, LHC_API_PORT and LHW_TASK_WORKER_ID are the client's own settings;
 * LH_CONFORMANCE_PREFIX begins every name this program makes. Exit status 1: an expectation was not
 * met.
 */
public final class Conformance {
    private Conformance() {}

    private interface Scenario {
        void run(Session s) throws Exception;
    }

    private static Map<String, Scenario> scenarios() {
        Map<String, Scenario> all = new LinkedHashMap<>();
        all.put("greet", Tasks::greet);
        all.put("generated-id", Tasks::generatedId);
        all.put("arguments", Tasks::arguments);
        all.put("void", Tasks::nothing);
        all.put("context", Tasks::context);
        all.put("dynamic", Tasks::dynamic);
        all.put("retries", Tasks::retries);
        all.put("repeated-report", Tasks::repeatedReport);
        all.put("backoff", Tasks::backoff);
        all.put("timeout", Tasks::timeout);
        all.put("timeout-exhausted", Tasks::timeoutExhausted);
        all.put("exceptions", Tasks::exceptions);
        all.put("errors", Tasks::errors);
        all.put("checkpoints", Tasks::checkpoints);
        all.put("worker-group", Tasks::workerGroup);
        all.put("if-else", Flow::ifElse);
        all.put("loop", Flow::loop);
        all.put("threads", Flow::threads);
        all.put("failing-threads", Flow::failingThreads);
        all.put("for-each", Flow::forEach);
        all.put("first-of", Flow::firstOf);
        all.put("sleep", Flow::sleep);
        all.put("condition", Flow::condition);
        all.put("fail", Flow::fail);
        all.put("output", Flow::output);
        all.put("child-workflow", Flow::childWorkflow);
        all.put("lineage", Flow::lineage);
        all.put("external-event", Events::externalEvent);
        all.put("event-timeout", Events::eventTimeout);
        all.put("typed-event", Events::typedEvent);
        all.put("interrupt", Events::interrupt);
        all.put("correlated-event", Events::correlatedEvent);
        all.put("workflow-event", Events::workflowEvent);
        all.put("variables", Values::variables);
        all.put("inputs", Values::inputs);
        all.put("arithmetic", Values::arithmetic);
        all.put("broken-mutation", Values::brokenMutation);
        all.put("user-task", People::userTask);
        all.put("cancelled-user-task", People::cancelledUserTask);
        all.put("search-wf-run", Searches::wfRuns);
        all.put("search-variable", Searches::variables);
        all.put("search-task-run", Searches::taskRuns);
        all.put("lists", Searches::lists);
        all.put("search-definitions", Searches::definitions);
        all.put("search-events", Searches::events);
        all.put("refusals", Control::refusals);
        all.put("stop-and-resume", Control::stopAndResume);
        all.put("rescue", Control::rescue);
        all.put("delete", Control::delete);
        all.put("task-def", Definitions::taskDefs);
        all.put("wf-spec", Definitions::wfSpecs);
        all.put("event-def", Definitions::eventDefs);
        all.put("whoami", Definitions::whoami);
        return all;
    }

    public static void main(String[] args) {
        Session session = new Session(System.getenv("LH_CONFORMANCE_PREFIX"));
        Tasks.startWorkers(session);
        scenarios().forEach((name, scenario) -> {
            try {
                scenario.run(session);
            } catch (Exception e) {
                session.transcript.failed(name, e);
            }
        });
        System.exit(session.transcript.hasFailed() ? 1 : 0);
    }
}
