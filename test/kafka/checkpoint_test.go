package kafka

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"littlehorse/internal/cluster"
	"littlehorse/internal/keys"
	"littlehorse/internal/log/kafka"
	"littlehorse/internal/machine"
	"littlehorse/internal/store"
	"littlehorse/lhpb"
	"littlehorse/test/chain"
	"littlehorse/test/lhserver"
)

// often makes a server write checkpoints all the time.
const often = "LHS_X_CHECKPOINT_INTERVAL_MS=20"

// TestKilledServerIsRebuiltFromItsCheckpoints kills the server while it writes checkpoints and its command topics forget at
// once; every other time its disk is lost too.
//
// holds: LostDisksAreRebuilt
// covers: operations §5
// survives: 9 whole
func TestKilledServerIsRebuiltFromItsCheckpoints(t *testing.T) {
	data := t.TempDir()
	s := newServer(t, data, newCluster())
	s.Setenv(often, "LHS_X_COMMAND_RETENTION_MS=0")
	chain.New().KillAgain(t, s, rounds(t), func(round int) {
		if round%2 != 1 {
			return
		}
		if err := os.RemoveAll(data); err != nil {
			t.Fatal(err)
		}
	})
}

// TestRebuiltStateIsTheAppliedState rebuilds the partitions of a server that has applied every command itself: the rows are the
// same, byte by byte.
//
// survives: 9 values
func TestRebuiltStateIsTheAppliedState(t *testing.T) {
	name, data := newCluster(), t.TempDir()
	s := newServer(t, data, name)
	s.Setenv(often)
	s.Start(t)
	work(t, s)
	awaitCheckpoints(t, s)
	s.Stop(t)
	for !covered(t, data) { // something was written at the last moment
		s.Start(t)
		awaitCheckpoints(t, s)
		s.Stop(t)
	}

	applied, rebuilt := openStore(t, data), openStore(t, t.TempDir())
	c := kafka.DefaultConfig()
	c.Store, c.Streams, c.Partitions = rebuilt, streams(), partitions
	c.Brokers, c.Cluster, c.Incarnation = strings.Split(brokers(t), ","), name, "rebuilt"
	l, err := kafka.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = l.Follow(t.Context(), streams()); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, of := range streams() {
		want, got := state(t, applied, of), state(t, rebuilt, of)
		total += len(want)
		for k, v := range want {
			if is, ok := got[k]; !ok || !bytes.Equal(is, v) {
				t.Errorf("%s %q: %x, applied %x", of, k, is, v)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s has %d rows, applied %d", of, len(got), len(want))
		}
	}
	if total < 500 {
		t.Errorf("there were only %d rows", total)
	}
}

// awaitCheckpoints waits until the server says that they cover everything.
func awaitCheckpoints(t *testing.T, s *lhserver.Server) {
	t.Helper()
	for !behind.MatchString(s.Told(t, "/metrics")) {
		time.Sleep(20 * time.Millisecond)
	}
}

var behind = regexp.MustCompile(`(?m)^lh_checkpoint_behind_seconds.* 0$`)

const partitions = 4 // as newServer has

func streams() []machine.Stream {
	all := append([]machine.Stream{cluster.MetadataStream}, cluster.CoreStreams(partitions)...)
	return append(all, cluster.RepartitionStreams(partitions)...)
}

// work lets a load of runs come to their ends.
func work(t *testing.T, s *lhserver.Server) {
	t.Helper()
	conn := s.Dial(t)
	defer conn.Close()
	client := lhpb.NewLittleHorseClient(conn)
	chain.Register(t, client)
	ctx, cancel := context.WithCancel(t.Context())
	load := chain.New()
	stopped := load.Start(ctx, client, 0)
	load.WaitFor(t, 200)
	cancel()
	stopped()
}

func openStore(t *testing.T, dir string) *store.Store {
	t.Helper()
	o := store.DefaultOptions()
	o.Dir, o.Mode, o.Partitions, o.MemoryBytes = dir, store.Kafka, partitions, 16<<20
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// covered tells whether the change log has all that lies in the folder.
func covered(t *testing.T, dir string) bool {
	t.Helper()
	o := store.DefaultOptions()
	o.Dir, o.Mode, o.Partitions = dir, store.Kafka, partitions
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, of := range streams() {
		rows, err := s.Rows(of, keys.AllChanged(), keys.AllChanged().End())
		if err != nil {
			t.Fatal(err)
		}
		left := rows.Valid()
		if err := rows.Close(); err != nil {
			t.Fatal(err)
		}
		if left {
			return false
		}
	}
	return true
}

// state is what a partition holds, without what says how far it is.
func state(t *testing.T, s *store.Store, of machine.Stream) map[string][]byte {
	t.Helper()
	rows, err := s.Rows(of, "", "")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	err = rows.Each(func(k keys.Key, value []byte) bool {
		if k != keys.Position() && k != keys.Covered() {
			out[string(k)] = bytes.Clone(value)
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestCompactionErasesWhatWasDeleted looks for a run in the change log, deletes it, and looks until it is gone: values and keys,
// and what said that they are deleted.
//
// holds: DeletesErase
// covers: operations §5
// survives: 16 compacted
func TestCompactionErasesWhatWasDeleted(t *testing.T) {
	name := newCluster()
	s := newServer(t, t.TempDir(), name)
	s.Setenv(often)
	s.Start(t)
	conn := s.Dial(t)
	defer conn.Close()
	client := lhpb.NewLittleHorseClient(conn)
	registerSecret(t, client)

	topic := name + "-core-store-changelog"
	kafka := newClient(t)
	compactAtOnce(t, kafka, topic)
	secret := &lhpb.VariableValue{Value: &lhpb.VariableValue_Str{Str: "the-secret-of-the-run"}}
	id := "run-to-erase"
	_, err := client.RunWf(t.Context(), &lhpb.RunWfRequest{WfSpecName: "secret", Id: &id, Variables: map[string]*lhpb.VariableValue{"s": secret}})
	if err != nil {
		t.Fatal(err)
	}
	for !in(t, kafka, topic, "the-secret-of-the-run") {
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := client.DeleteWfRun(t.Context(), &lhpb.DeleteWfRunRequest{Id: &lhpb.WfRunId{Id: id}}); err != nil {
		t.Fatal(err)
	}
	// The segment that is written to is not compacted: something else has to be written for it to end.
	for n := 0; in(t, kafka, topic, "the-secret-of-the-run") || in(t, kafka, topic, id); n++ {
		for other := range 20 {
			start(t, client, fmt.Sprintf("other-%d-%d", n, other))
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.Stop(t)
}

// registerSecret puts a WfSpec that waits, with a variable, and one named as start wants it.
func registerSecret(t *testing.T, client lhpb.LittleHorseClient) {
	t.Helper()
	chain.Register(t, client)
	_, err := client.PutWfSpec(t.Context(), &lhpb.PutWfSpecRequest{
		Name: "secret", EntrypointThreadName: "main", ThreadSpecs: map[string]*lhpb.ThreadSpec{"main": {
			VariableDefs: []*lhpb.ThreadVarDef{{VarDef: &lhpb.VariableDef{Name: "s", TypeDef: &lhpb.TypeDefinition{
				DefinedType: &lhpb.TypeDefinition_PrimitiveType{PrimitiveType: lhpb.VariableType_STR},
			}}}},
			Nodes: map[string]*lhpb.Node{
				"0-entrypoint-ENTRYPOINT": {Node: &lhpb.Node_Entrypoint{Entrypoint: &lhpb.EntrypointNode{}}, OutgoingEdges: chain.Edge("exit")},
				"exit":                    {Node: &lhpb.Node_Exit{Exit: &lhpb.ExitNode{}}},
			},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func newClient(t *testing.T) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers(t), ",")...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// compactAtOnce lets the brokers compact what they would in days.
func compactAtOnce(t *testing.T, client *kgo.Client, topic string) {
	t.Helper()
	var changes []kadm.AlterConfig
	for name, value := range map[string]string{
		"segment.ms": "100", "max.compaction.lag.ms": "100", "min.cleanable.dirty.ratio": "0.001", "delete.retention.ms": "100",
	} {
		changes = append(changes, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: &value})
	}
	all, err := kadm.NewClient(client).AlterTopicConfigs(t.Context(), changes, topic)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.Err != nil {
			t.Fatal(r.Err, r.ErrMessage)
		}
	}
}

// in tells whether a key or value of the topic contains the text, whether it is committed or not.
func in(t *testing.T, client *kgo.Client, topic, text string) bool {
	t.Helper()
	all, err := kadm.NewClient(client).ListTopics(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all[topic].Partitions {
		for next := int64(0); ; {
			fp, to := fetch(t, client, p, all[topic].ID, next)
			for _, r := range fp.Records {
				if bytes.Contains(r.Key, []byte(text)) || bytes.Contains(r.Value, []byte(text)) {
					return true
				}
			}
			if next = to; next >= fp.HighWatermark {
				break
			}
		}
	}
	return false
}

// fetch reads on by itself: a consumer would wait for the last offset, whose record may be compacted away.
func fetch(t *testing.T, client *kgo.Client, from kadm.PartitionDetail, id kadm.TopicID, next int64) (kgo.FetchPartition, int64) {
	t.Helper()
	req := kmsg.NewPtrFetchRequest()
	req.MinBytes, req.MaxBytes, req.SessionEpoch = 1, 8<<20, -1
	topic, p := kmsg.NewFetchRequestTopic(), kmsg.NewFetchRequestTopicPartition()
	topic.Topic, topic.TopicID = from.Topic, id
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = from.Partition, next, 8<<20
	topic.Partitions = append(topic.Partitions, p)
	req.Topics = append(req.Topics, topic)
	resp, err := client.Broker(int(from.Leader)).RetriableRequest(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	fp, to := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Offset: next, Topic: from.Topic, Partition: from.Partition},
		&resp.(*kmsg.FetchResponse).Topics[0].Partitions[0], kgo.DefaultDecompressor(), nil)
	if fp.Err != nil {
		t.Fatal(fp.Err)
	}
	return fp, to
}
