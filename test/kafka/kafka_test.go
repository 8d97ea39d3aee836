package kafka

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"littlehorse/lhpb"
	"littlehorse/test/chain"
	"littlehorse/test/lhserver"
	"littlehorse/test/page"
)

func brokers(t *testing.T) string {
	t.Helper()
	b := os.Getenv("LH_TEST_KAFKA")
	if b == "" {
		t.Fatal("LH_TEST_KAFKA names no brokers: run this by make kafka")
	}
	return b
}

// newServer prepares a server of a cluster of its own.
func newServer(t *testing.T, data, cluster string) *lhserver.Server {
	t.Helper()
	return lhserver.New(t, data, "LHS_CLUSTER_PARTITIONS=4", "LHS_KAFKA_BOOTSTRAP_SERVERS="+brokers(t), "LHS_CLUSTER_ID="+cluster)
}

func newCluster() string { return fmt.Sprintf("test-%d", time.Now().UnixNano()) }

// TestKilledServerLosesNothing kills the server under load; every third time its disk is lost too.
//
// covers: operations §5
func TestKilledServerLosesNothing(t *testing.T) {
	data := t.TempDir()
	s := newServer(t, data, newCluster())
	chain.New().KillAgain(t, s, rounds(t), func(round int) {
		if round%3 != 2 {
			return
		}
		if err := os.RemoveAll(data); err != nil {
			t.Fatal(err)
		}
	})
}

// rounds of kill and restart; LH_KAFKA_ROUNDS sets another number.
func rounds(t *testing.T) int {
	s := os.Getenv("LH_KAFKA_ROUNDS")
	if s == "" {
		return 6
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatalf("LH_KAFKA_ROUNDS: %v", err)
	}
	return n
}

// TestOrderlyRestart stops a server as an operator does: everything is there, on the same disk and on an empty one.
func TestOrderlyRestart(t *testing.T) {
	cluster := newCluster()
	s := newServer(t, t.TempDir(), cluster)
	s.Start(t)
	conn := s.Dial(t)
	client := lhpb.NewLittleHorseClient(conn)
	chain.Register(t, client)
	id := "run"
	start(t, client, id)
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	s.Stop(t)
	has(t, s, id)
	has(t, newServer(t, t.TempDir(), cluster), id)
}

// TestPageOnKafkaWorksAsPrinted starts a server as the page says, with the broker at hand in place of three.
func TestPageOnKafkaWorksAsPrinted(t *testing.T) {
	own := strings.NewReplacer("kafka-1:9092,kafka-2:9092", brokers(t), "LHS_REPLICATION_FACTOR=3", "LHS_REPLICATION_FACTOR=1")
	var settings []string
	for _, s := range page.Of(t, "docs/ops/kafka.md").Serves(t) {
		settings = append(settings, own.Replace(s))
	}
	cluster := newCluster()
	s := lhserver.New(t, t.TempDir(), append(settings, "LHS_CLUSTER_ID="+cluster, "LHS_CLUSTER_PARTITIONS=4")...)
	s.Start(t)
	conn := s.Dial(t)
	client := lhpb.NewLittleHorseClient(conn)
	chain.Register(t, client)
	start(t, client, "printed")
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	s.Stop(t)
	// The log lies in Kafka: a server without that folder has it, too.
	has(t, newServer(t, t.TempDir(), cluster), "printed")
}

// has starts the server, looks for the WfRun and stops it.
func has(t *testing.T, s *lhserver.Server, id string) {
	t.Helper()
	s.Start(t)
	conn := s.Dial(t)
	defer conn.Close()
	run, err := lhpb.NewLittleHorseClient(conn).GetWfRun(t.Context(), &lhpb.WfRunId{Id: id})
	if err != nil || run.GetStatus() != lhpb.LHStatus_RUNNING {
		t.Errorf("%v, %v", run, err)
	}
	s.Stop(t)
}

func start(t *testing.T, client lhpb.LittleHorseClient, id string) {
	t.Helper()
	chain.Insist(t, func() error {
		_, err := client.RunWf(t.Context(), &lhpb.RunWfRequest{WfSpecName: "chain", Id: &id})
		if status.Code(err) == codes.AlreadyExists { // whose answer was lost
			return nil
		}
		return err
	})
}

// TestModesDoNotMix refuses a folder of the other mode, and topics of a cluster of another size.
func TestModesDoNotMix(t *testing.T) {
	data, cluster := t.TempDir(), newCluster()
	s := newServer(t, data, cluster)
	s.Start(t)
	s.Stop(t)
	if code, said := lhserver.New(t, data, "LHS_CLUSTER_PARTITIONS=4").TryStart(t); code == 0 || !strings.Contains(said, "was made in kafka mode") {
		t.Errorf("without brokers: %d, %s", code, said)
	}
	other := newServer(t, t.TempDir(), cluster)
	other.Setenv("LHS_CLUSTER_PARTITIONS=5")
	if code, said := other.TryStart(t); code == 0 || !strings.Contains(said, "it has 4 partitions and the server is configured for 5") {
		t.Errorf("with another number of partitions: %d, %s", code, said)
	}
}
