package partition

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// typist is a machine that costs the store about what a step of a task does: it reads three objects and writes
// six of 200 bytes, one of them for the first time, and deletes one.
type typist struct{}

func (m *typist) Apply(v machine.View, r *pb.Record) machine.Effects {
	run := lineOf(r)
	text := func(n uint64) *pb.Header {
		return &pb.Header{Source: run, Number: n, RequestId: make([]byte, 160)}
	}
	at := machine.Get[pb.Header](v, keys.Key("r"+run+"/0")).GetNumber()
	machine.Get[pb.Header](v, keys.Key("r"+run+"/1"))
	machine.Get[pb.Header](v, keys.Key("r"+run+"/2"))
	e := machine.Effects{Changes: make([]machine.Change, 0, 7)}
	for n := range 4 {
		e.Changes = append(e.Changes, machine.Change{Key: keys.Key(fmt.Sprint("r", run, "/", n)), Value: text(at + 1)})
	}
	e.Changes = append(e.Changes,
		machine.Change{Key: keys.Key(fmt.Sprintf("r%s/t%08d", run, at)), Value: text(at)},
		machine.Change{Key: keys.Key(fmt.Sprintf("q%s/%08d", run, at)), Value: text(at)},
		machine.Change{Key: keys.Key(fmt.Sprintf("q%s/%08d", run, at-1))},
	)
	return e
}

// BenchmarkCommit runs closed-loop clients against one partition on the real disk, every reply after a sync.
//
// holds: AThousandTaskRunsASecond
func BenchmarkCommit(b *testing.B) {
	for _, clients := range []int{1, 16, 64, 256, 1024} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) { benchmarkCommit(b, clients, 1, 1) })
	}
}

// BenchmarkLanes spreads 256 clients over four partitions and more lanes.
//
// holds: OneStoreManyPartitions
func BenchmarkLanes(b *testing.B) {
	for _, lanes := range []int{1, 2} {
		b.Run(fmt.Sprintf("lanes=%d", lanes), func(b *testing.B) { benchmarkCommit(b, 256, 4, lanes) })
	}
}

func benchmarkCommit(b *testing.B, clients, partitions, lanes int) {
	r := newRig(b, func(c *Config) {
		c.Lanes, c.Clock = lanes, SystemClock{}
		c.Machines = map[machine.Kind]machine.Machine{machine.Core: &typist{}}
	})
	r.memory, r.dir, r.fs = 512<<20, filepath.Join(b.TempDir(), "store"), vfs.Default
	r.streams = nil
	for n := range partitions {
		r.streams = append(r.streams, core(uint16(n)))
	}
	r.start()
	defer r.stop()

	took := make([][]time.Duration, clients)
	var left atomic.Int64
	left.Store(int64(b.N))
	var running sync.WaitGroup
	var submit func(c int)
	submit = func(c int) {
		if left.Add(-1) < 0 {
			running.Done()
			return
		}
		began := time.Now()
		r.host.Submit(r.streams[c%len(r.streams)], ongoingWork(fmt.Sprintf("run%04d", c)), func(reply machine.Reply) {
			if reply.Err != nil {
				b.Error(reply.Err)
			}
			took[c] = append(took[c], time.Since(began))
			submit(c)
		})
	}
	before, cpu := r.host.Stats(), cpuTime(b)
	b.ReportAllocs()
	b.ResetTimer()
	running.Add(clients)
	for c := range clients {
		submit(c)
	}
	running.Wait()
	b.StopTimer()
	after := r.host.Stats()
	all := slices.Concat(took...)
	slices.Sort(all)
	at := func(p float64) float64 { return float64(all[int(float64(len(all)-1)*p)].Microseconds()) }
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(after.Commits-before.Commits)/b.Elapsed().Seconds(), "commits/s")
	b.ReportMetric(float64((cpuTime(b)-cpu).Microseconds())/float64(b.N), "cpu-µs/op")
	b.ReportMetric(at(0.5), "p50-µs")
	b.ReportMetric(at(0.99), "p99-µs")
	b.ReportMetric(at(0.999), "p99.9-µs")
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
