import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageOrBuilder;
import com.google.protobuf.util.JsonFormat;
import io.grpc.StatusRuntimeException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.Callable;

/** One JSON object a line: {"step", "outcome"}, or {"step", "failed"}. */
final class Transcript {
    private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();

    private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    private boolean failed;

    /** An expectation that the server did not meet. */
    static final class Unmet extends RuntimeException {
        Unmet(String message) {
            super(message);
        }
    }

    static void expect(boolean condition, String message) {
        if (!condition) throw new Unmet(message);
    }

    static JsonElement json(MessageOrBuilder message) {
        try {
            return JsonParser.parseString(JsonFormat.printer().print(message));
        } catch (InvalidProtocolBufferException e) {
            throw new IllegalStateException(e);
        }
    }

    void step(String name, Object outcome) {
        JsonObject line = new JsonObject();
        line.addProperty("step", name);
        line.add("outcome", outcome instanceof MessageOrBuilder m ? json(m) : GSON.toJsonTree(outcome));
        out.println(GSON.toJson(line));
    }

    void failed(String name, Throwable why) {
        failed = true;
        JsonObject line = new JsonObject();
        line.addProperty("step", name);
        line.addProperty("failed", String.valueOf(why.getMessage()));
        out.println(GSON.toJson(line));
        why.printStackTrace();
    }

    boolean hasFailed() {
        return failed;
    }

    /** The call must be refused with exactly this status code. */
    void refused(String name, String code, Callable<?> call) throws Exception {
        Object answer;
        try {
            answer = call.call();
        } catch (StatusRuntimeException e) {
            String got = e.getStatus().getCode().name();
            expect(got.equals(code), name + ": want " + code + ", got " + e.getMessage());
            step(name, Map.of("code", code));
            return;
        }
        throw new Unmet(name + ": want " + code + ", got OK: " + answer);
    }
}
