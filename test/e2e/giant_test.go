package e2e

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strconv"
	"testing"

	"littlehorse/test/lhserver"
)

// giantLine is what is looked at of a line that `lh bench giant` prints.
type giantLine struct {
	Giant struct {
		Count   int
		Outcome string
	}
	PeakResidentMiB int
	Alone, Beside   ordinaryLoad
	Waiting         *ordinaryLoad
	Crowd           *ordinaryLoad
}

type ordinaryLoad struct {
	Unfinished int
	Errors     map[string]int
	Latency    struct{ WfRun struct{ Count int } } `json:"latencyMs"`
}

// TestGiantsEndBesideOthers puts each giant, small, on a server of one partition. How quick it was is for the
// benchmark to say; that it ended, and that the others did, is said here.
func TestGiantsEndBesideOthers(t *testing.T) {
	server := lhserver.New(t, t.TempDir(), "LHS_CLUSTER_PARTITIONS=1")
	server.Start(t)
	for giant, want := range map[string]string{
		"threads": "COMPLETED", "loop": "COMPLETED", "variable": "COMPLETED", "queue": "300 TASK_SCHEDULED",
	} {
		t.Run(giant, func(t *testing.T) {
			var out, said bytes.Buffer
			cmd := exec.Command(lhserver.Binary(t), "bench", "giant", giant, "--api", server.API, "--count", "300",
				"--rate", "20", "--duration", "500ms", "--warmup", "100ms", "--server-pid", strconv.Itoa(server.PID()))
			cmd.Stdout, cmd.Stderr = &out, &said
			if err := cmd.Run(); err != nil {
				t.Fatalf("%v: %s", err, said.String())
			}
			var line giantLine
			if err := json.Unmarshal(out.Bytes(), &line); err != nil {
				t.Fatalf("%v: %s", err, out.String())
			}
			if line.Giant.Outcome != want || line.Giant.Count != 300 || line.PeakResidentMiB == 0 {
				t.Errorf("giant %+v, %d MiB; want %s", line.Giant, line.PeakResidentMiB, want)
			}
			loads := []ordinaryLoad{line.Alone, line.Beside}
			if waits := giant == "queue"; waits != (line.Waiting != nil) {
				t.Errorf("a load beside a giant that waits: %+v", line.Waiting)
			} else if waits {
				loads = append(loads, *line.Waiting)
			}
			if has := giant == "threads" || giant == "loop"; has != (line.Crowd != nil) {
				t.Errorf("a load beside a crowd: %+v", line.Crowd)
			} else if has {
				loads = append(loads, *line.Crowd)
			}
			for _, load := range loads {
				delete(load.Errors, "ResourceExhausted") // as on a machine that is slow for other reasons
				if load.Unfinished > 0 || len(load.Errors) > 0 || load.Latency.WfRun.Count == 0 {
					t.Errorf("the ordinary load: %+v", load)
				}
			}
		})
	}
}
