package main

import (
	"io"
	"testing"
	"time"

	"littlehorse/test/lhserver"
)

// recorded are histories of the original 1.2.1 that ours has come through.
const recorded = "testdata/recorded.zst"

func TestOursDoesWhatTheOriginalDid(t *testing.T) {
	p, err := start(t.Context(), lhserver.Binary(t))
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	c := &comparison{salt: "tested", slots: 16, patience: 20 * time.Second}
	if err := c.run(t.Context(), "", p.address, recorded, 0, 1<<62); err != nil {
		t.Fatal(err)
	}
	if len(c.transcript.Histories) == 0 {
		t.Fatal("nothing is recorded")
	}
	c.report(io.Discard, 0)
	if c.failed {
		t.Errorf("ours does not do what the original did: %v", c.verdicts)
	}
}

// The sources move on; the bugs that are put into copies of them must still fit.
func TestBugsFitTheSources(t *testing.T) {
	t.Chdir("../..")
	plants, err := readPlants("test/differential/testdata/planted/bugs.txt")
	if err != nil || len(plants) == 0 {
		t.Fatal(plants, err)
	}
	for _, p := range plants {
		if _, err := p.overlay(t.TempDir()); err != nil {
			t.Error(err)
		}
	}
}
