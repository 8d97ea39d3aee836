package examples;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Example workflows on the official Java client: PASS or FAIL on a line for each, DONE and their number at the end.
 *
 * <p>The client takes its settings from LHC_API_HOST, LHC_API_PORT and LHW_TASK_WORKER_ID;
 * LH_CONFORMANCE_PREFIX begins every name.
 */
public final class Examples {
    private Examples() {}

    private interface Example {
        void run(Stage s) throws Exception;
    }

    private static Map<String, Example> all() {
        Map<String, Example> all = new LinkedHashMap<>();
        all.put("credit", Credit::run);
        all.put("letters", Letters::run);
        all.put("approval", Approval::run);
        all.put("escalation", Escalation::run);
        all.put("library", Library::run);
        all.put("warehouse", Warehouse::run);
        all.put("heating", Heating::run);
        all.put("race", Race::run);
        all.put("versions", Versions::run);
        all.put("repair", Repair::run);
        all.put("archive", Archive::run);
        return all;
    }

    public static void main(String[] args) {
        Stage stage = new Stage();
        for (Object tasks : List.of(
                new Credit.Tasks(),
                new Escalation.Tasks(),
                new Warehouse.Tasks(),
                new Race.Tasks(),
                new Repair.Tasks())) {
            stage.tasks(tasks);
        }
        stage.tasks(new Library.Tasks(), Library.Reader.class, Library.Loan.class);
        stage.startWorkers();
        int failures = 0;
        for (Map.Entry<String, Example> example : all().entrySet()) {
            try {
                example.getValue().run(stage);
                System.out.println("PASS " + example.getKey());
            } catch (Exception e) {
                failures++;
                e.printStackTrace();
                System.out.println("FAIL " + example.getKey() + " " + String.valueOf(e.getMessage()).replaceAll("\\s+", " "));
            }
        }
        System.out.println("DONE " + all().size());
        System.exit(failures == 0 ? 0 : 1);
    }
}
