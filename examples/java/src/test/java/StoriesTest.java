import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Each example must say what the README of the same example in Go promises. The test needs a server: lh serve. */
class StoriesTest {
    private static final Pattern PROMISED = Pattern.compile("```text\n(.*?)```", Pattern.DOTALL);

    @Test
    void orders() throws Exception {
        tell("orders", Orders::story);
    }

    @Test
    void alerts() throws Exception {
        tell("alerts", Alerts::story);
    }

    @Test
    void approval() throws Exception {
        tell("approval", Approval::story);
    }

    private static void tell(String name, Consumer<Stage> story) throws Exception {
        Matcher promised = PROMISED.matcher(Files.readString(Path.of("..", name, "README.md")));
        assertTrue(promised.find());
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        try (Stage s = new Stage(new PrintStream(said, true, StandardCharsets.UTF_8))) {
            story.accept(s);
        }
        assertEquals(even(promised.group(1)), even(said.toString(StandardCharsets.UTF_8)));
    }

    /** Ids differ in each run. */
    private static String even(String text) {
        return text.replaceAll("[0-9a-f]{32}", "<id>").replace(System.lineSeparator(), "\n");
    }
}
