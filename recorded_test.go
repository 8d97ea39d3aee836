package tidy_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"littlehorse/internal/machine"
	"littlehorse/internal/sim"
)

var recordAnew = flag.Bool("record", false, "record anew, as of the latest engine version, what TestRecordedLogsAreAppliedAsTheyWere replays")

// recordedLogs are histories of the simulator, a file for each engine version, made by a program of that version.
const recordedLogs = "internal/sim/testdata/recorded-%v.gob.gz"

// recordedSeeds come, together, to nearly everything that records can do.
const recordedSeeds = 40

// An acknowledged command never gets another outcome, not by another build, Go, library or time-zone table: logs that were recorded change every
// byte as they did. Who means to change what a record does raises machine.EngineVersion, keeps what it did before for records of earlier versions, and
// records those of the new one: go test . -run RecordedLogs -record.
//
// survives: 12 recorded
func TestRecordedLogsAreAppliedAsTheyWere(t *testing.T) {
	if *recordAnew {
		var seeds []uint64
		for s := range uint64(recordedSeeds) {
			seeds = append(seeds, s+1)
		}
		recorded, err := sim.Record(seeds...)
		if err == nil {
			err = os.WriteFile(fmt.Sprintf(recordedLogs, machine.EngineVersion), recorded, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(fmt.Sprintf(recordedLogs, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		recorded, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n, err := sim.Replay(recorded)
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if n < 5_000 {
			t.Errorf("%s: only %d records were replayed", file, n)
		}
	}
	if _, err := os.Stat(fmt.Sprintf(recordedLogs, machine.EngineVersion)); err != nil {
		t.Errorf("nothing is recorded of the latest engine version: %v", err)
	}
}
