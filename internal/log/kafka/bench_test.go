package kafka

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"littlehorse/internal/log/logtest"
	"littlehorse/internal/store"
)

// BenchmarkRebuild writes a state of so many MB (LH_BENCH_MB, default 64) as a checkpoint, and rebuilds it on an empty disk: rows
// of 40 and 200 bytes, half of them random.
func BenchmarkRebuild(b *testing.B) {
	m := newTestMedium(b)
	m.store = openDisk(b)
	defer m.stop(b)
	p := &process{TB: b, medium: m}
	bytes := fill(b, m.store)
	l, err := Open(b.Context(), m.config())
	if err != nil {
		b.Fatal(err)
	}
	m.log = l
	p.open(logtest.A)
	p.do(logtest.A, nil)
	began, cpu := time.Now(), cpuTime()
	p.cover(l.streams[logtest.A])
	took, used := time.Since(began), cpuTime()-cpu

	var spent time.Duration
	b.SetBytes(bytes)
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		other := &medium{brokers: m.brokers, cluster: m.cluster, process: int(clusters.Add(1)) * 1000}
		other.store = openDisk(b)
		l, err := Open(b.Context(), other.config())
		if err != nil {
			b.Fatal(err)
		}
		other.log = l
		b.StartTimer()
		cpu := cpuTime()
		if _, err := l.rebuildAll(b.Context(), []*stream{l.streams[logtest.A]}); err != nil {
			b.Fatal(err)
		}
		spent += cpuTime() - cpu
		b.StopTimer()
		other.stop(b)
	}
	b.ReportMetric(float64(bytes)/1e6*float64(b.N)/spent.Seconds(), "MB/cpu-s")
	b.ReportMetric(float64(bytes)/1e6/took.Seconds(), "MB/s-written")
	b.ReportMetric(float64(bytes)/1e6/used.Seconds(), "MB/cpu-s-written")
}

func openDisk(b *testing.B) *store.Store {
	b.Helper()
	o := store.DefaultOptions()
	o.Dir, o.Partitions, o.Mode = b.TempDir(), 3, store.Kafka
	s, err := store.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func fill(b *testing.B, s *store.Store) (bytes int64) {
	b.Helper()
	mb, err := strconv.Atoi(os.Getenv("LH_BENCH_MB"))
	if err != nil {
		mb = 64
	}
	rng := rand.New(rand.NewPCG(1, 1))
	l := s.NewLoader(logtest.A)
	for n := 0; bytes < int64(mb)<<20; n++ {
		key := fmt.Sprintf("rdefault/%016x/%014d", rng.Uint64(), n)
		value := make([]byte, 200)
		for i := 0; i < 100; i++ {
			value[i] = byte(rng.Uint32())
		}
		copy(value[100:], "name of the workflow, status of the task and other text that comes again in each of the rows, or so it seems")
		if err := l.Put(b.Context(), []byte(key), value); err != nil {
			b.Fatal(err)
		}
		bytes += int64(len(key) + len(value))
	}
	if err := l.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	return bytes
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
