package machine

import (
	"testing"

	"littlehorse/internal/lh"
)

// TestPartitionsNeverChange holds the hash against the vectors of Kafka's own tests, and placement against
// what the first release computed.
//
// covers: operations §6 keys
func TestPartitionsNeverChange(t *testing.T) {
	for key, want := range map[string]int32{
		"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string": -1486304829, "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
		"abc": 479470107,
	} {
		if got := int32(murmur2([]byte(key))); got != want {
			t.Errorf("murmur2(%q) = %d, want %d", key, got, want)
		}
	}
	for key, want := range map[string]uint16{"": 10, "wf-1": 4, "5d7b1c3ab0f94e0ea94b5a4d7a0a3a5e": 5} {
		if got := PartitionOf("default", key, 12); got != want {
			t.Errorf("%q is on partition %d, was on %d", key, got, want)
		}
	}
}

func TestPartitionsAreEven(t *testing.T) {
	const runs, partitions = 12_000, 12
	count := make([]int, partitions)
	for n := range runs {
		count[PartitionOf("default", lh.DerivedID(nil, uint32(n)), partitions)]++
	}
	for p, n := range count {
		if n < runs/partitions*8/10 || n > runs/partitions*12/10 {
			t.Errorf("partition %d has %d of %d runs", p, n, runs)
		}
	}
	if PartitionOf("a", "b", 1<<16) == PartitionOf("ab", "", 1<<16) {
		t.Error("tenant and key run into one another")
	}
}
