package kafka

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"littlehorse/internal/log"
	"littlehorse/internal/log/logtest"
	"littlehorse/internal/store"
	"littlehorse/test/still"
)

// brokers of a real cluster, if LH_TEST_KAFKA names some; else each test has brokers of its own in this process.
var brokers = os.Getenv("LH_TEST_KAFKA")

func TestMain(m *testing.M) { still.Main(m) }

// survives: 1 doubles; 2 outbox
func TestContract(t *testing.T) { logtest.Run(t, newMedium) }

// survives: 2 outbox
func TestRandom(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { logtest.RunRandom(t, newMedium, seed) })
	}
}

// TestRandomWithCheckpoints forgets at once what is covered, and loses every other disk.
//
// survives: 2 outbox
func TestRandomWithCheckpoints(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			logtest.RunRandom(t, func(t testing.TB) logtest.Medium {
				m := newTestMedium(t)
				m.change = func(c *Config) { c.CheckpointEvery, c.KeepCommands = time.Millisecond, 0 }
				m.loses = true
				return m
			}, seed)
		})
	}
}

// medium is a cluster of brokers, and a file system that can crash.
type medium struct {
	brokers []string
	cluster string
	fs      *vfs.MemFS
	rng     *rand.Rand
	process int
	change  func(*Config)
	loses   bool // its disk, in half of the crashes
	store   *store.Store
	log     *Log
}

var clusters atomic.Int64

func newMedium(t testing.TB) logtest.Medium { return newTestMedium(t) }

func newTestMedium(t testing.TB) *medium {
	m := &medium{fs: vfs.NewCrashableMem(), rng: rand.New(rand.NewPCG(1, 2))}
	m.cluster = fmt.Sprintf("t%d-%d", time.Now().UnixNano(), clusters.Add(1))
	m.brokers = testBrokers(t)
	t.Cleanup(func() { m.stop(t) })
	return m
}

func testBrokers(t testing.TB) []string {
	if brokers != "" {
		return strings.Split(brokers, ",")
	}
	return fakeBrokers(t, 1).ListenAddrs()
}

// fakeBrokers are in this process.
func fakeBrokers(t testing.TB, count int) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(count))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func (m *medium) Start(t testing.TB) log.Log {
	m.store = openStore(t, m.fs)
	l, err := Open(t.Context(), m.config())
	if err != nil {
		t.Fatal(err)
	}
	m.log = l
	return l
}

func (m *medium) config() Config {
	m.process++
	cfg := DefaultConfig()
	cfg.Store, cfg.Streams, cfg.Partitions = m.store, logtest.Streams(), 3
	cfg.Brokers, cfg.Cluster, cfg.Incarnation = m.brokers, m.cluster, fmt.Sprintf("process-%d", m.process)
	if m.change != nil {
		m.change(&cfg)
	}
	return cfg
}

func (m *medium) Store() *store.Store { return m.store }

// Crash takes the store back by some of what is not synced.
func (m *medium) Crash(t testing.TB) {
	crashed := m.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: m.rng})
	m.stop(t)
	m.fs = crashed
	if m.loses && m.rng.IntN(2) == 0 {
		m.fs = vfs.NewCrashableMem()
	}
}

func (m *medium) stop(t testing.TB) {
	if m.log != nil {
		if err := m.log.Close(); err != nil {
			t.Error(err)
		}
	}
	if m.store != nil {
		if err := m.store.Close(); err != nil {
			t.Error(err)
		}
	}
	m.log, m.store = nil, nil
}

func openStore(t testing.TB, fs vfs.FS) *store.Store {
	t.Helper()
	o := store.DefaultOptions()
	o.Dir, o.FS, o.Partitions, o.MemoryBytes, o.Mode = "store", fs, 3, 4<<20, store.Kafka
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestBrokersThatHaveNotHeardYet opens a log while some broker does not know the topics that another has just made.
func TestBrokersThatHaveNotHeardYet(t *testing.T) {
	c := fakeBrokers(t, 1)
	unheard := func(key kmsg.Key, answer func(kmsg.Request) kmsg.Response) {
		left := 3
		c.ControlKey(int16(key), func(r kmsg.Request) (kmsg.Response, error, bool) {
			c.KeepControl()
			if left--; left < 0 {
				return nil, nil, false
			}
			return answer(r), nil, true
		})
	}
	unheard(kmsg.ListOffsets, func(r kmsg.Request) kmsg.Response {
		resp := r.ResponseKind().(*kmsg.ListOffsetsResponse)
		for _, asked := range r.(*kmsg.ListOffsetsRequest).Topics {
			of := kmsg.NewListOffsetsResponseTopic()
			of.Topic = asked.Topic
			for _, p := range asked.Partitions {
				part := kmsg.NewListOffsetsResponseTopicPartition()
				part.Partition, part.ErrorCode = p.Partition, kerr.UnknownTopicOrPartition.Code
				of.Partitions = append(of.Partitions, part)
			}
			resp.Topics = append(resp.Topics, of)
		}
		return resp
	})
	unheard(kmsg.DescribeConfigs, func(r kmsg.Request) kmsg.Response {
		resp := r.ResponseKind().(*kmsg.DescribeConfigsResponse)
		for _, asked := range r.(*kmsg.DescribeConfigsRequest).Resources {
			of := kmsg.NewDescribeConfigsResponseResource()
			of.ResourceType, of.ResourceName, of.ErrorCode = asked.ResourceType, asked.ResourceName, kerr.UnknownTopicOrPartition.Code
			resp.Resources = append(resp.Resources, of)
		}
		return resp
	})
	m := newTestMedium(t)
	m.brokers = c.ListenAddrs()
	m.Start(t)
}

// TestBoundsAreAskedForTogether lets many ask where a topic begins and ends while the brokers answer the first of them: all others share one question.
func TestBoundsAreAskedForTogether(t *testing.T) {
	m := newTestMedium(t)
	c := fakeBrokers(t, 1)
	m.brokers = c.ListenAddrs()
	l := m.Start(t).(*Log)
	const askers = 50
	var asked atomic.Int32
	all := make(chan struct{})
	c.ControlKey(int16(kmsg.ListOffsets), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if asked.Add(1) == 1 {
			<-all
		}
		return nil, nil, false
	})
	answers := make(chan error, askers)
	ask := func() {
		go func() {
			b, err := l.boundsOf(t.Context(), []*stream{l.streams[logtest.A]})
			if end := b.end(l.streams[logtest.A]); err == nil && end != 1 {
				err = fmt.Errorf("it ends at %d", end)
			}
			answers <- err
		}()
	}
	ask()
	for asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	for range askers - 1 {
		ask()
	}
	for joined := 0; joined < askers-1; time.Sleep(time.Millisecond) {
		l.questions.mu.Lock()
		if l.questions.next != nil {
			joined = l.questions.next.askers
		}
		l.questions.mu.Unlock()
	}
	close(all)
	for range askers {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	if n := asked.Load(); n > 4 {
		t.Errorf("the brokers were asked %d times", n)
	}
}
