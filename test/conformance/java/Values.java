import static io.littlehorse.sdk.common.proto.LHStatus.*;

import io.littlehorse.sdk.common.proto.*;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Variables: types, defaults, masking, inputs that are refused, arithmetic. */
final class Values {
    private Values() {}

    static void variables(Session s) {
        WfSpec spec = s.put("variables", wf -> {
            wf.declareInt("int").withDefault(1);
            wf.declareStr("str").withDefault("default");
            wf.declareDouble("double").withDefault(1.5);
            wf.declareBool("bool").withDefault(true);
            wf.declareJsonObj("object").withDefault(Map.of("a", Map.of("b", 1)));
            wf.declareJsonArr("array").withDefault(List.of(1, "two"));
            wf.declareBytes("bytes").withDefault("raw".getBytes());
            wf.declareStr("unset");
            wf.declareStr("secret").withDefault("hush").masked();
        });
        s.transcript.step("variables/spec", spec);
        s.run("variables", "variables-defaults");
        s.record("variables/defaults", "variables-defaults", COMPLETED);
        Map<String, Object> given = new HashMap<>();
        given.put("int", -7);
        given.put("str", "ünïcode");
        given.put("double", -0.25);
        given.put("bool", false);
        given.put("object", Map.of("z", List.of(1, Map.of("y", "x"))));
        given.put("array", List.of());
        given.put("bytes", new byte[] {0, -1});
        given.put("unset", null);
        given.put("secret", "open");
        s.run("variables", "variables-given", given);
        s.record("variables/given", "variables-given", COMPLETED);
        Transcript.expect(s.variable("variables-given", "int").getInt() == -7, "int");
        Transcript.expect(s.variable("variables-given", "double").getDouble() == -0.25, "double");
        Transcript.expect(!s.variable("variables-given", "bool").getBool(), "bool");
    }

    static void inputs(Session s) throws Exception {
        s.put("inputs", wf -> {
            wf.declareInt("needed").required();
            wf.declareInt("optional").withDefault(5);
        });
        Transcript t = s.transcript;
        t.refused("inputs/missing", "INVALID_ARGUMENT", () -> s.run("inputs", "inputs-missing"));
        t.refused(
                "inputs/wrong-type",
                "INVALID_ARGUMENT",
                () -> s.run("inputs", "inputs-wrong", Map.of("needed", "seven")));
        t.refused(
                "inputs/unknown",
                "INVALID_ARGUMENT",
                () -> s.run("inputs", "inputs-unknown", Map.of("needed", 1, "other", 2)));
        t.refused("inputs/nothing-stored", "NOT_FOUND", () -> s.stub.getWfRun(s.wfRunId("inputs-missing")));
        Map<String, Object> nothing = new TreeMap<>();
        nothing.put("needed", null);
        t.step("inputs/null", s.run("inputs", "inputs-null", nothing));
        nothing.put("needed", 1);
        nothing.put("optional", null);
        s.run("inputs", "inputs-defaulted", nothing);
        Transcript.expect(
                s.variable("inputs-defaulted", "optional").getInt() == 5, "NULL did not take the default");
    }

    static void arithmetic(Session s) {
        s.put("arithmetic", wf -> {
            WfRunVariable x = wf.declareInt("x").withDefault(7);
            WfRunVariable d = wf.declareDouble("d").withDefault(1.5);
            WfRunVariable text = wf.declareStr("text").withDefault("ab");
            WfRunVariable array = wf.declareJsonArr("array").withDefault(List.of(1, 2, 3, 2));
            WfRunVariable object = wf.declareJsonObj("object").withDefault(new TreeMap<>(Map.of("keep", 1, "drop", 2)));
            WfRunVariable nested = wf.declareInt("nested");
            x.assign(x.multiply(6).subtract(2).divide(4));
            d.assign(d.add(x));
            text.assign(text.extend("cd"));
            array.assign(array.removeIfPresent(2));
            object.assign(object.removeKey("drop"));
            nested.assign(object.jsonPath("$.keep"));
            wf.execute(s.name("nothing"));
        });
        s.run("arithmetic", "arithmetic");
        s.record("arithmetic/run", "arithmetic", COMPLETED);
        Transcript.expect(s.variable("arithmetic", "x").getInt() == 10, "(7*6-2)/4 is not 10");
    }

    static void brokenMutation(Session s) {
        s.putEventDef("number");
        s.put("broken-mutation", wf -> wf.declareInt("x")
                .withDefault(1)
                .assign(wf.waitForEvent(s.name("number")).jsonPath("$.result")));
        s.run("broken-mutation", "broken-mutation");
        s.post("broken-mutation", "number", "n1", Map.of("result", "x"));
        s.record("broken-mutation/run", "broken-mutation", ERROR);
        Transcript.expect(s.variable("broken-mutation", "x").getInt() == 1, "a failed mutation was stored");
    }
}
