package crash

import (
	"os"
	"strconv"
	"testing"

	"littlehorse/test/chain"
	"littlehorse/test/lhserver"
)

// rounds of kill and restart; LH_CRASH_ROUNDS sets another number.
func rounds(t *testing.T) int {
	s := os.Getenv("LH_CRASH_ROUNDS")
	if s == "" {
		return 200
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("LH_CRASH_ROUNDS: %v", err)
	}
	return n
}

// TestKilledServerLosesNothing kills the server under load again and again, and restarts it on the same
// data. Every acknowledged RunWf must be there, every run must complete, and no attempt of a task may reach
// a worker twice.
func TestKilledServerLosesNothing(t *testing.T) {
	s := lhserver.New(t, t.TempDir(), "LHS_CLUSTER_PARTITIONS=4")
	chain.New().KillAgain(t, s, rounds(t), func(int) {})
}
