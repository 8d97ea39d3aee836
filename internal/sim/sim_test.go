package sim

import (
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"littlehorse/internal/keys"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

var seed = flag.Uint64("seed", 0, "play only this seed")

// seeds to play; LH_SIM_SEEDS sets another number.
func seeds(t *testing.T) uint64 {
	s := os.Getenv("LH_SIM_SEEDS")
	if s == "" {
		return 300
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("LH_SIM_SEEDS: %v", err)
	}
	return n
}

// TestSeeds plays many seeds and wants no violation in any.
func TestSeeds(t *testing.T) {
	if *seed != 0 {
		report(t, *seed, NoFault)
		return
	}
	n := seeds(t)
	seen := map[string]int{}
	var mu sync.Mutex
	var next atomic.Uint64
	var crashes, runs, deliveries, records atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for s := next.Add(1); s <= n && !t.Failed(); s = next.Add(1) {
				r := report(t, s, NoFault)
				crashes.Add(int64(r.Crashes))
				runs.Add(int64(r.Runs))
				deliveries.Add(int64(r.Deliveries))
				records.Add(int64(r.Records))
				mu.Lock()
				for what, times := range r.Seen {
					seen[what] += times
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	t.Logf("%d seeds, %d crashes, %d acknowledged runs, %d delivered attempts, %d records replayed",
		n, crashes.Load(), runs.Load(), deliveries.Load(), records.Load())
	if runs.Load() == 0 || deliveries.Load() == 0 || crashes.Load() == 0 {
		t.Error("the seeds did nothing that could go wrong")
	}
	if n >= enoughSeeds && !t.Failed() {
		for _, what := range everything() {
			if seen[what] == 0 {
				t.Errorf("no seed had a %s", what)
			}
		}
	}
}

// enoughSeeds come to everything.
const enoughSeeds = 300

// everything is what the workloads have to drive, and what has to come of it: each command of the core streams, each kind of
// node, failure, halt, end of an attempt and timer.
func everything() []string {
	var out []string
	oneof := func(what string, m protoreflect.ProtoMessage, name protoreflect.Name, upTo protoreflect.FieldNumber) {
		fields := m.ProtoReflect().Descriptor().Oneofs().ByName(name).Fields()
		for i := range fields.Len() {
			if f := fields.Get(i); f.Number() < upTo {
				out = append(out, what+" "+string(f.Name()))
			}
		}
	}
	const firstOfMetadata, last = 100, math.MaxInt32
	oneof("command", &pb.Record{}, "command", firstOfMetadata)
	oneof("node", &lhpb.NodeRun{}, "node_type", last)
	oneof("halt", &lhpb.ThreadHaltReason{}, "reason", last)
	for name := range lhpb.LHErrorType_value {
		out = append(out, "failure "+name)
	}
	for name := range lhpb.TaskStatus_value {
		out = append(out, "attempt "+name)
	}
	for _, kind := range []keys.TimerKind{
		keys.TimerTaskTimeout, keys.TimerTaskRetry, keys.TimerEventTimeout, keys.TimerSleep, keys.TimerRetention, keys.TimerEventExpiry,
		keys.TimerSchedule, keys.TimerCorrelated, keys.TimerUserTask, keys.TimerFlushMetrics, keys.TimerTrimOutput, keys.TimerLost,
	} {
		out = append(out, fmt.Sprint("timer ", kind))
	}
	slices.Sort(out)
	return out
}

func report(t *testing.T, seed uint64, fault Fault) Result {
	t.Helper()
	r, err := Run(Options{Seed: seed, Fault: fault})
	if err != nil {
		t.Errorf("seed %d: %v", seed, err)
	}
	for _, v := range r.Violations {
		t.Errorf("seed %d: %v\n  again: make sim SEED=%d", seed, v, seed)
	}
	return r
}

// TestPlantedFaultsAreFound plants a bug of each class and wants the judge that is there for it to see it.
func TestPlantedFaultsAreFound(t *testing.T) {
	judges := map[Fault]string{
		ReplyBeforeSync: "acknowledged",
		DoubleDelivery:  "delivery",
		LostTimer:       "state",
		LostWatch:       "state",
		StaleIndex:      "state",
		Restless:        "replay",
	}
	for _, fault := range Faults {
		t.Run(string(fault), func(t *testing.T) {
			for s := uint64(1); s <= 200; s++ {
				if r, err := Run(Options{Seed: s, Fault: fault}); err == nil && found(r, judges[fault]) {
					return
				}
			}
			t.Errorf("200 seeds with %s planted, and %q saw nothing", fault, judges[fault])
		})
	}
}

func found(r Result, judge string) bool {
	for _, v := range r.Violations {
		if v.Judge == judge {
			return true
		}
	}
	return false
}

// TestASeedIsReproducible plays a seed twice and wants the same story.
func TestASeedIsReproducible(t *testing.T) {
	for s := uint64(1); s <= 5; s++ {
		a, errA := Run(Options{Seed: s})
		b, errB := Run(Options{Seed: s})
		if fmt.Sprint(a, errA) != fmt.Sprint(b, errB) {
			t.Errorf("seed %d: %+v %v, then %+v %v", s, a, errA, b, errB)
		}
	}
}
