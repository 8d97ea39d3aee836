import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.littlehorse.sdk.common.LHLibUtil;
import io.littlehorse.sdk.common.config.LHConfig;
import io.littlehorse.sdk.common.proto.*;
import io.littlehorse.sdk.common.proto.LittleHorseGrpc.LittleHorseBlockingStub;
import io.littlehorse.sdk.wfsdk.ThreadFunc;
import io.littlehorse.sdk.wfsdk.Workflow;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** A client of one server, whose objects all carry one prefix in their names. */
final class Session {
    private static final long WAIT_MS = 120_000; // for hangs alone
    private static final long POLL_MS = 30;
    /** A server may show the writes of one command one after the other; this long after the first, all are there. */
    private static final long SETTLE_MS =
            Long.parseLong(System.getenv().getOrDefault("LH_CONFORMANCE_SETTLE_MS", "0"));

    final LHConfig config = new LHConfig();
    final LittleHorseBlockingStub stub = config.getBlockingStub();
    final Transcript transcript = new Transcript();
    final String prefix;

    Session(String prefix) {
        this.prefix = prefix;
    }

    String name(String suffix) {
        return prefix + "-" + suffix;
    }

    WfRunId wfRunId(String suffix) {
        return WfRunId.newBuilder().setId(name(suffix)).build();
    }

    NodeRunId nodeRunId(String wfRun, int thread, int position) {
        return NodeRunId.newBuilder()
                .setWfRunId(wfRunId(wfRun))
                .setThreadRunNumber(thread)
                .setPosition(position)
                .build();
    }

    TaskDefId taskDefId(String suffix) {
        return TaskDefId.newBuilder().setName(name(suffix)).build();
    }

    ExternalEventDefId eventDefId(String suffix) {
        return ExternalEventDefId.newBuilder().setName(name(suffix)).build();
    }

    static VariableValue value(Object o) {
        return LHLibUtil.objToVarVal(o);
    }

    static void pause(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Definitions reach the readers a moment after the write was answered. */
    <T> T eventually(Supplier<T> call) {
        long deadline = System.currentTimeMillis() + WAIT_MS;
        while (true) {
            try {
                return call.get();
            } catch (StatusRuntimeException e) {
                if (e.getStatus().getCode() != Status.Code.NOT_FOUND || System.currentTimeMillis() > deadline) throw e;
            }
            pause(POLL_MS);
        }
    }

    WfSpec put(Workflow workflow) {
        PutWfSpecRequest request = workflow.compileWorkflow();
        WfSpec spec = stub.putWfSpec(request);
        return eventually(() -> stub.getWfSpec(spec.getId()));
    }

    WfSpec put(String suffix, ThreadFunc entrypoint) {
        return put(Workflow.newWorkflow(name(suffix), entrypoint));
    }

    ExternalEventDef putEventDef(String suffix) {
        return putEventDef(PutExternalEventDefRequest.newBuilder().setName(name(suffix)));
    }

    ExternalEventDef putEventDef(PutExternalEventDefRequest.Builder request) {
        ExternalEventDef def = stub.putExternalEventDef(request.build());
        eventually(() -> stub.getExternalEventDef(def.getId()));
        return def;
    }

    WfRun run(String spec, String wfRun, Map<String, ?> variables) {
        return stub.runWf(runRequest(spec, wfRun, variables).build());
    }

    WfRun run(String spec, String wfRun) {
        return run(spec, wfRun, Map.of());
    }

    RunWfRequest.Builder runRequest(String spec, String wfRun, Map<String, ?> variables) {
        RunWfRequest.Builder request =
                RunWfRequest.newBuilder().setWfSpecName(name(spec)).setId(name(wfRun));
        variables.forEach((k, v) -> request.putVariables(k, value(v)));
        return request;
    }

    ExternalEvent post(String wfRun, String event, String guid, Object content) {
        return stub.putExternalEvent(PutExternalEventRequest.newBuilder()
                .setWfRunId(wfRunId(wfRun))
                .setExternalEventDefId(eventDefId(event))
                .setGuid(guid)
                .setContent(value(content))
                .build());
    }

    /** Polls until the check holds. */
    void waitFor(String what, Supplier<Boolean> check) {
        long deadline = System.currentTimeMillis() + WAIT_MS;
        while (!check.get()) {
            Transcript.expect(System.currentTimeMillis() < deadline, "waited " + WAIT_MS + " ms for " + what);
            pause(POLL_MS);
        }
        pause(SETTLE_MS);
    }

    WfRun waitStatus(String wfRun, LHStatus want) {
        List<LHStatus> last = List.of(LHStatus.COMPLETED, LHStatus.ERROR, LHStatus.EXCEPTION);
        long deadline = System.currentTimeMillis() + WAIT_MS;
        while (true) {
            WfRun run = stub.getWfRun(wfRunId(wfRun));
            if (run.getStatus() == want) {
                pause(SETTLE_MS);
                return run;
            }
            if (last.contains(run.getStatus()) || System.currentTimeMillis() > deadline) {
                throw new Transcript.Unmet("WfRun " + wfRun + " is " + run.getStatus() + ", want " + want);
            }
            pause(POLL_MS);
        }
    }

    void waitNode(String wfRun, int thread, int position, LHStatus want) {
        waitFor(wfRun + " " + thread + "/" + position + " to be " + want, () -> {
            try {
                return stub.getNodeRun(nodeRunId(wfRun, thread, position)).getStatus() == want;
            } catch (StatusRuntimeException e) {
                if (e.getStatus().getCode() == Status.Code.NOT_FOUND) return false;
                throw e;
            }
        });
    }

    /** Waits for the status and writes down everything the WfRun consists of. */
    void record(String step, String wfRun, LHStatus status) {
        waitStatus(wfRun, status);
        transcript.step(step, describe(wfRun));
    }

    JsonObject describe(String wfRun) {
        WfRun run = stub.getWfRun(wfRunId(wfRun));
        WfRunId id = run.getId();
        JsonObject story = new JsonObject();
        story.add("wfRun", Transcript.json(run));
        add(story, "nodeRuns", stub.listNodeRuns(ListNodeRunsRequest.newBuilder().setWfRunId(id).build()).getResultsList());
        add(story, "taskRuns", stub.listTaskRuns(ListTaskRunsRequest.newBuilder().setWfRunId(id).build()).getResultsList());
        add(story, "variables", stub.listVariables(ListVariablesRequest.newBuilder().setWfRunId(id).build()).getResultsList());
        add(story, "externalEvents", stub.listExternalEvents(ListExternalEventsRequest.newBuilder().setWfRunId(id).build()).getResultsList());
        add(story, "workflowEvents", stub.listWorkflowEvents(ListWorkflowEventsRequest.newBuilder().setWfRunId(id).build()).getResultsList());
        return story;
    }

    private static void add(JsonObject story, String key, List<? extends Message> parts) {
        if (parts.isEmpty()) return;
        story.add(key, json(parts));
    }

    static JsonArray json(List<? extends Message> parts) {
        JsonArray list = new JsonArray();
        parts.forEach(p -> list.add(Transcript.json(p)));
        return list;
    }

    VariableValue variable(String wfRun, String name) {
        return stub.getVariable(VariableId.newBuilder()
                        .setWfRunId(wfRunId(wfRun))
                        .setName(name)
                        .build())
                .getValue();
    }

    TaskRun taskRun(String wfRun, String guid) {
        return stub.getTaskRun(taskRunId(wfRun, guid));
    }

    TaskRunId taskRunId(String wfRun, String guid) {
        return TaskRunId.newBuilder().setWfRunId(wfRunId(wfRun)).setTaskGuid(guid).build();
    }

    /** The pages of a search or list. */
    record Pages<T>(List<Integer> sizes, List<T> results) {
        List<String> sorted(Function<T, String> text) {
            return results.stream().map(text).sorted().collect(Collectors.toList());
        }

        List<String> inOrder(Function<T, String> text) {
            return results.stream().map(text).collect(Collectors.toList());
        }
    }

    /** Follows the bookmarks to the end. An empty last page is left out. */
    @SuppressWarnings("unchecked")
    static <Q extends Message, R extends Message, T> Pages<T> pages(Function<Q, R> rpc, Q request) {
        Pages<T> pages = new Pages<>(new ArrayList<>(), new ArrayList<>());
        while (true) {
            R reply = rpc.apply(request);
            List<T> results = (List<T>) reply.getField(field(reply, "results"));
            if (!results.isEmpty()) pages.sizes.add(results.size());
            pages.results.addAll(results);
            if (!reply.hasField(field(reply, "bookmark"))) return pages;
            ByteString bookmark = (ByteString) reply.getField(field(reply, "bookmark"));
            request = (Q) request.toBuilder().setField(field(request, "bookmark"), bookmark).build();
        }
    }

    private static FieldDescriptor field(Message m, String name) {
        return m.getDescriptorForType().findFieldByName(name);
    }
}
