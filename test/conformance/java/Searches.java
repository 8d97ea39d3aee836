import io.littlehorse.sdk.common.proto.*;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Searches and lists: criteria, pages, refusals. */
final class Searches {
    private Searches() {}

    static void wfRuns(Session s) throws Exception {
        s.putEventDef("search-wait");
        s.put("search", wf -> {
            WfRunVariable colour = wf.declareStr("colour").searchable();
            WfRunVariable size = wf.declareInt("size").searchable();
            wf.declareJsonObj("details").searchableOn("$.city", VariableType.STR);
            wf.doIf(size.isGreaterThan(4), body -> body.waitForEvent(s.name("search-wait")));
            colour.assign(wf.format("{0}", colour));
        });
        List<String> colours = List.of("red", "blue"), cities = List.of("Oslo", "Lima", "Pune");
        for (int i = 0; i < 7; i++) {
            s.run("search", "search-" + i, Map.of(
                    "colour", colours.get(i % 2), "size", i, "details", Map.of("city", cities.get(i % 3))));
        }

        Transcript t = s.transcript;
        VariableMatch blue = VariableMatch.newBuilder().setVarName("colour").setValue(Session.value("blue")).build();
        t.step("search-wf-run/name", found(s, q -> {}));
        t.step("search-wf-run/completed", found(s, q -> q.setStatus(LHStatus.COMPLETED)));
        t.step("search-wf-run/running", found(s, q -> q.setStatus(LHStatus.RUNNING)));
        t.step("search-wf-run/error", found(s, q -> q.setStatus(LHStatus.ERROR)));
        t.step("search-wf-run/version", found(s, q -> q.setWfSpecMajorVersion(0).setWfSpecRevision(0)));
        t.step("search-wf-run/major-and-status", found(s, q -> q.setWfSpecMajorVersion(0).setStatus(LHStatus.RUNNING)));
        t.step("search-wf-run/variable", found(s, q -> q.addVariableFilters(blue)));
        t.step("search-wf-run/variable-and-status",
                found(s, q -> q.addVariableFilters(blue).setStatus(LHStatus.RUNNING)));

        Session.Pages<WfRunId> pages = Session.pages(
                s.stub::searchWfRun,
                SearchWfRunRequest.newBuilder().setWfSpecName(s.name("search")).setLimit(3).build());
        List<String> all = pages.sorted(WfRunId::getId);
        Transcript.expect(all.stream().distinct().count() == 7, "pages repeat or lose WfRuns");
        t.step("search-wf-run/pages", Map.of("sizes", pages.sizes(), "found", all));

        refused(s, "unknown-name", q -> q.setWfSpecName(s.name("no-such-spec")));
        refused(s, "version-without-name", q -> q.clearWfSpecName().setWfSpecMajorVersion(0));
        refused(s, "revision-without-major", q -> q.setWfSpecRevision(0));
        refused(s, "unknown-variable", q -> q.addVariableFilters(blue.toBuilder().setVarName("nope")));
    }

    private static List<String> found(Session s, Consumer<SearchWfRunRequest.Builder> criteria) {
        SearchWfRunRequest.Builder request = SearchWfRunRequest.newBuilder().setWfSpecName(s.name("search"));
        criteria.accept(request);
        Session.Pages<WfRunId> pages = Session.pages(s.stub::searchWfRun, request.build());
        return pages.sorted(WfRunId::getId);
    }

    private static void refused(Session s, String step, Consumer<SearchWfRunRequest.Builder> criteria)
            throws Exception {
        s.transcript.refused("search-wf-run/" + step, "INVALID_ARGUMENT", () -> found(s, criteria));
    }

    static void variables(Session s) throws Exception {
        Transcript t = s.transcript;
        t.step("search-variable/str", found(s, "colour", "red", q -> {}));
        t.step("search-variable/case", found(s, "colour", "Red", q -> {}));
        t.step("search-variable/int", found(s, "size", 3, q -> {}));
        t.step("search-variable/json", found(s, "details_$.city", "Oslo", q -> {}));
        t.step("search-variable/version",
                found(s, "size", 3, q -> q.setWfSpecMajorVersion(0).setWfSpecRevision(0)));
        t.refused("search-variable/unknown-variable", "INVALID_ARGUMENT", () -> found(s, "nope", "x", q -> {}));
        t.refused("search-variable/wrong-type", "INVALID_ARGUMENT", () -> found(s, "size", "three", q -> {}));
        t.refused("search-variable/no-index", "INVALID_ARGUMENT",
                () -> found(s, "details_$.street", "x", q -> {}));
    }

    private static List<String> found(
            Session s, String name, Object value, Consumer<SearchVariableRequest.Builder> criteria) {
        SearchVariableRequest.Builder request = SearchVariableRequest.newBuilder()
                .setWfSpecName(s.name("search"))
                .setVarName(name)
                .setValue(Session.value(value));
        criteria.accept(request);
        Session.Pages<VariableId> pages = Session.pages(s.stub::searchVariable, request.build());
        return pages.sorted(v -> v.getWfRunId().getId() + " " + v.getThreadRunNumber() + " " + v.getName());
    }

    static void taskRuns(Session s) {
        Transcript t = s.transcript;
        t.step("search-task-run/name", tasks(s, "charge", q -> {}));
        t.step("search-task-run/exception", tasks(s, "charge", q -> q.setStatus(TaskStatus.TASK_EXCEPTION)));
        t.step("search-task-run/failed", tasks(s, "flaky", q -> q.setStatus(TaskStatus.TASK_FAILED)));
        t.step("search-task-run/timeout", tasks(s, "slow", q -> q.setStatus(TaskStatus.TASK_TIMEOUT)));
        t.step("search-task-run/unknown", tasks(s, "no-such-task", q -> {}));
        Session.Pages<TaskRunId> pages = Session.pages(
                s.stub::searchTaskRun,
                SearchTaskRunRequest.newBuilder().setTaskDefName(s.name("charge")).setLimit(3).build());
        t.step("search-task-run/pages", Map.of("sizes", pages.sizes(), "found", pages.results().size()));
    }

    private static List<String> tasks(Session s, String task, Consumer<SearchTaskRunRequest.Builder> criteria) {
        SearchTaskRunRequest.Builder request = SearchTaskRunRequest.newBuilder().setTaskDefName(s.name(task));
        criteria.accept(request);
        Session.Pages<TaskRunId> pages = Session.pages(s.stub::searchTaskRun, request.build());
        return pages.sorted(r -> r.getWfRunId().getId() + " " + r.getTaskGuid());
    }

    /** The run of the while loop has many NodeRuns and four TaskRuns. */
    static void lists(Session s) {
        Transcript t = s.transcript;
        Session.Pages<NodeRun> nodes = Session.pages(
                s.stub::listNodeRuns,
                ListNodeRunsRequest.newBuilder().setWfRunId(s.wfRunId("loop")).setLimit(4).build());
        t.step("lists/node-runs", Map.of(
                "sizes", nodes.sizes(),
                "positions", nodes.results().stream().map(n -> n.getId().getPosition()).sorted().toList()));
        Session.Pages<TaskRun> tasks = Session.pages(
                s.stub::listTaskRuns,
                ListTaskRunsRequest.newBuilder().setWfRunId(s.wfRunId("loop")).setLimit(3).build());
        t.step("lists/task-runs", Map.of("sizes", tasks.sizes(), "guids", tasks.sorted(r -> r.getId().getTaskGuid())));
        WfRunId unknown = s.wfRunId("no-such-run");
        t.step("lists/unknown-run", Map.of(
                "nodeRuns", s.stub.listNodeRuns(ListNodeRunsRequest.newBuilder().setWfRunId(unknown).build()).getResultsCount(),
                "taskRuns", s.stub.listTaskRuns(ListTaskRunsRequest.newBuilder().setWfRunId(unknown).build()).getResultsCount(),
                "variables", s.stub.listVariables(ListVariablesRequest.newBuilder().setWfRunId(unknown).build()).getResultsCount()));
    }

    static void definitions(Session s) {
        Transcript t = s.transcript;
        Session.Pages<WfSpecId> specs = Session.pages(
                s.stub::searchWfSpec, SearchWfSpecRequest.newBuilder().setPrefix(s.name("errors")).build());
        t.step("search-definitions/wf-spec-prefix", specs.inOrder(WfSpecId::getName));
        Session.Pages<WfSpecId> byTask = Session.pages(
                s.stub::searchWfSpec, SearchWfSpecRequest.newBuilder().setTaskDefName(s.name("charge")).build());
        t.step("search-definitions/wf-spec-task", byTask.sorted(WfSpecId::getName));
        Session.Pages<TaskDefId> taskDefs = Session.pages(
                s.stub::searchTaskDef,
                SearchTaskDefRequest.newBuilder().setPrefix(s.name("")).setLimit(4).build());
        t.step("search-definitions/task-def-pages",
                Map.of("sizes", taskDefs.sizes(), "found", taskDefs.inOrder(TaskDefId::getName)));
        Session.Pages<ExternalEventDefId> events = Session.pages(
                s.stub::searchExternalEventDef,
                SearchExternalEventDefRequest.newBuilder().setPrefix(s.name("s")).build());
        t.step("search-definitions/event-def-prefix", events.inOrder(ExternalEventDefId::getName));
    }

    static void events(Session s) throws Exception {
        Transcript t = s.transcript;
        t.step("search-events/all", events(s, q -> {}));
        t.step("search-events/claimed", events(s, q -> q.setIsClaimed(true)));
        t.step("search-events/unclaimed", events(s, q -> q.setIsClaimed(false)));
        t.refused("search-events/unknown-def", "INVALID_ARGUMENT",
                () -> events(s, q -> q.setExternalEventDefId(s.eventDefId("no-such-event"))));
    }

    private static List<String> events(Session s, Consumer<SearchExternalEventRequest.Builder> criteria) {
        SearchExternalEventRequest.Builder request =
                SearchExternalEventRequest.newBuilder().setExternalEventDefId(s.eventDefId("signed"));
        criteria.accept(request);
        Session.Pages<ExternalEventId> pages = Session.pages(s.stub::searchExternalEvent, request.build());
        return pages.sorted(e -> e.getWfRunId().getId() + " " + e.getGuid());
    }
}
