package examples;

import static examples.Stage.*;
import static io.littlehorse.sdk.common.proto.LHStatus.*;

import io.grpc.Status.Code;
import io.littlehorse.sdk.common.LHLibUtil;
import io.littlehorse.sdk.common.proto.*;
import io.littlehorse.sdk.wfsdk.WfRunVariable;
import io.littlehorse.sdk.worker.LHStructDef;
import io.littlehorse.sdk.worker.LHStructField;
import io.littlehorse.sdk.worker.LHTaskMethod;
import java.util.Map;

/** A loan of a book: structs of structs from classes, built in the workflow, through a task, read field by field. */
final class Library {
    private Library() {}

    @LHStructDef("${prefix}-reader")
    public static final class Reader {
        private String name;
        private String card;

        public String getName() {
            return name;
        }

        public void setName(String name) {
            this.name = name;
        }

        @LHStructField(masked = true)
        public String getCard() {
            return card;
        }

        public void setCard(String card) {
            this.card = card;
        }
    }

    @LHStructDef("${prefix}-loan")
    public static final class Loan {
        private String title;
        private int weeks;
        private Reader reader;

        public String getTitle() {
            return title;
        }

        public void setTitle(String title) {
            this.title = title;
        }

        public int getWeeks() {
            return weeks;
        }

        public void setWeeks(int weeks) {
            this.weeks = weeks;
        }

        public Reader getReader() {
            return reader;
        }

        public void setReader(Reader reader) {
            this.reader = reader;
        }
    }

    public static final class Tasks {
        @LHTaskMethod("${prefix}-lend")
        public Loan lend(Loan loan) {
            loan.setWeeks(loan.getWeeks() + loan.getReader().getCard().length());
            return loan;
        }
    }

    static void run(Stage s) throws Exception {
        s.put("library", wf -> {
            WfRunVariable title = wf.declareStr("title").required();
            WfRunVariable reader = wf.declareStruct("reader", Reader.class).required();
            WfRunVariable loan = wf.declareStruct("loan", Loan.class);
            WfRunVariable weeks = wf.declareInt("weeks");
            WfRunVariable name = wf.declareStr("name");
            loan.assign(wf.buildStruct(s.name("loan"))
                    .put("title", title)
                    .put("weeks", 2)
                    .put("reader", reader));
            loan.assign(wf.execute(s.name("lend"), loan));
            weeks.assign(loan.get("weeks"));
            name.assign(loan.get("reader").get("name"));
        });
        Reader ana = new Reader();
        ana.setName("Ana");
        ana.setCard("4711");
        VariableValue reader = VariableValue.newBuilder()
                .setStruct(LHLibUtil.serializeToStruct(ana, s.config.getTypeAdapterRegistry(), s.placeholders))
                .build();
        WfRunId run = s.start("library", "library", Map.of("title", "Emma", "reader", reader));
        s.ended(run, COMPLETED);
        same("weeks", 6L, s.variable(run, "weeks").getInt());
        same("name", "Ana", s.variable(run, "name").getStr());
        Map<String, StructField> loan =
                s.variable(run, "loan").getStruct().getStruct().getFieldsMap();
        same("title", "Emma", loan.get("title").getValue().getStr());
        same(
                "card as others see it",
                "*****",
                loan.get("reader").getValue().getStruct().getStruct().getFieldsOrThrow("card").getValue().getStr());

        Struct incomplete = Struct.newBuilder()
                .setStructDefId(StructDefId.newBuilder().setName(s.name("reader")).setVersion(0))
                .setStruct(InlineStruct.newBuilder()
                        .putFields("name", StructField.newBuilder().setValue(value("Bo")).build()))
                .build();
        refused("a reader without a card", Code.INVALID_ARGUMENT, () -> s.start(
                "library",
                "library-refused",
                Map.of("title", "Emma", "reader", VariableValue.newBuilder().setStruct(incomplete).build())));
    }
}
