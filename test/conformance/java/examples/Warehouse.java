package examples;

import static examples.Stage.*;
import static io.littlehorse.sdk.common.proto.LHStatus.*;

import io.grpc.Status.Code;
import io.littlehorse.sdk.common.LHLibUtil;
import io.littlehorse.sdk.common.proto.*;
import io.littlehorse.sdk.wfsdk.SpawnedThreads;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import io.littlehorse.sdk.worker.LHTaskMethod;
import io.littlehorse.sdk.worker.LHType;
import java.util.List;
import java.util.Map;

/** Stock in typed arrays and maps: filled by the workflow, given to a task, taken apart by a fan-out. */
final class Warehouse {
    private Warehouse() {}

    public static final class Tasks {
        @LHTaskMethod("${prefix}-heaviest")
        public long heaviest(@LHType(isLHArray = true) Long[] weights) {
            long most = 0;
            for (long w : weights) most = Math.max(most, w);
            return most;
        }
    }

    static void run(Stage s) {
        s.put("warehouse", wf -> {
            WfRunVariable weights = wf.declareArray("weights", Long.class).required();
            WfRunVariable heaviest = wf.declareInt("heaviest");
            WfRunVariable total = wf.declareInt("total").withDefault(0);
            WfRunVariable count = wf.declareInt("count");
            heaviest.assign(wf.execute(s.name("heaviest"), weights));
            SpawnedThreads boxes = wf.spawnThreadForEach(weights, "box", box -> {
                WfRunVariable weight = box.declareInt("INPUT");
                total.assign(total.add(weight));
            });
            wf.waitForThreads(boxes);
            count.assign(weights.size());
        });
        WfRunId run = s.start("warehouse", "warehouse", Map.of("weights", array(3L, 12L, 5L)));
        s.ended(run, COMPLETED);
        same("heaviest", 12L, s.variable(run, "heaviest").getInt());
        same("total", 20L, s.variable(run, "total").getInt());
        same("count", 3L, s.variable(run, "count").getInt());
        refused("weights that are words", Code.INVALID_ARGUMENT, () -> s.start(
                "warehouse", "warehouse-refused", Map.of("weights", array("three", "twelve"))));

        s.put("stock", wf -> {
            WfRunVariable stock = wf.declareMap("stock", String.class, Long.class).required();
            WfRunVariable known = wf.declareStr("known").withDefault("no");
            wf.doIf(stock.doesContain("pen"), then -> known.assign("yes"));
            stock.assign(stock.removeKey("pen"));
            wf.doIf(stock.doesContain("pen"), then -> known.assign("still"));
            wf.complete(stock);
        });
        Map<String, Long> goods = Map.of("pen", 10L, "ink", 4L);
        VariableValue stock = LHLibUtil.objToVarValAsNativeMap(goods, s.config.getTypeAdapterRegistry());
        WfRunId counted = s.start("stock", "stock", Map.of("stock", stock));
        s.ended(counted, COMPLETED);
        same("known", "yes", s.variable(counted, "known").getStr());
        VariableValue rest = s.variable(counted, "stock");
        check(rest.hasMap(), rest);
        same("kinds left", 1, rest.getMap().getEntriesCount());
    }

    private static VariableValue array(Object... items) {
        io.littlehorse.sdk.common.proto.Array.Builder array = io.littlehorse.sdk.common.proto.Array.newBuilder();
        List.of(items).forEach(i -> array.addItems(value(i)));
        return VariableValue.newBuilder().setArray(array).build();
    }
}
