package examples;

import static examples.Stage.*;
import static io.littlehorse.sdk.common.proto.LHStatus.*;

import io.grpc.Status.Code;
import io.littlehorse.sdk.common.proto.*;
import java.util.List;
import java.util.Map;

/** Orders are found by what they are about, by their customer inside an object, and by their end. */
final class Archive {
    private Archive() {}

    static void run(Stage s) {
        s.event("ship");
        s.put("purchase", wf -> {
            wf.declareStr("article").searchable().required();
            wf.declareJsonObj("customer").searchableOn("$.city", VariableType.STR).required();
            wf.waitForEvent(s.name("ship"));
        });
        WfRunId pens = purchase(s, "pens", "pen", "Brno");
        WfRunId ink = purchase(s, "ink", "ink", "Brno");
        WfRunId more = purchase(s, "more-pens", "pen", "Graz");
        s.post(pens, "ship", null);
        s.ended(pens, COMPLETED);

        until("the pens to be found", () -> found(s, "article", "pen").equals(List.of(more.getId(), pens.getId())));
        until("Brno to be found", () -> found(s, "customer_$.city", "Brno").equals(List.of(ink.getId(), pens.getId())));
        until("the open pens to be found", () -> {
            SearchWfRunRequest open = SearchWfRunRequest.newBuilder()
                    .setWfSpecName(s.name("purchase"))
                    .setStatus(RUNNING)
                    .addVariableFilters(VariableMatch.newBuilder().setVarName("article").setValue(value("pen")))
                    .build();
            return s.client.searchWfRun(open).getResultsList().equals(List.of(more));
        });
        for (WfRunId run : List.of(ink, more)) {
            s.post(run, "ship", null);
            s.ended(run, COMPLETED);
        }
        s.client.deleteWfRun(DeleteWfRunRequest.newBuilder().setId(ink).build());
        refused("the deleted order", Code.NOT_FOUND, () -> s.client.getWfRun(ink));
        until("the deleted order to be gone", () -> found(s, "article", "ink").isEmpty());
    }

    private static WfRunId purchase(Stage s, String run, String article, String city) {
        return s.start("purchase", run, Map.of("article", article, "customer", Map.of("city", city)));
    }

    private static List<String> found(Stage s, String variable, String text) {
        return s.client
                .searchVariable(SearchVariableRequest.newBuilder()
                        .setWfSpecName(s.name("purchase"))
                        .setVarName(variable)
                        .setValue(value(text))
                        .build())
                .getResultsList()
                .stream()
                .map(v -> v.getWfRunId().getId())
                .sorted()
                .toList();
    }
}
