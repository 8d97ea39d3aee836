package server

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	grpcstatus "google.golang.org/grpc/status"

	"littlehorse/internal/cluster"
	"littlehorse/internal/log/kafka"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
	"littlehorse/test/pki"
)

// clusterConfig is of servers over brokers in this process.
func clusterConfig(t *testing.T) func() Config {
	t.Helper()
	brokers, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(brokers.Close)
	id := fmt.Sprintf("t%d", time.Now().UnixNano())
	return func() Config {
		c := testConfig(t)
		c.ClusterID, c.Partitions = id, 4
		c.Kafka.Brokers, c.Kafka.SessionTimeout = brokers.ListenAddrs(), 6*time.Second
		c.InternalHost, c.InternalBindPort, c.InternalPort = "127.0.0.1", 0, 0
		return c
	}
}

func dial(t *testing.T, s *Server) lhpb.LittleHorseClient {
	t.Helper()
	conn, err := grpc.NewClient(s.Addr("PLAIN"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return lhpb.NewLittleHorseClient(conn)
}

// reached is how a call ends that meets its partition: it may be on its way.
func reached(call func() error) (err error) {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if err = call(); grpcstatus.Code(err) != codes.Unavailable {
			break
		}
	}
	return err
}

// TestServersShareACluster starts a second server, which gets half of what the first has. Both answer for all; when the
// first stops, the second has everything.
//
// covers: operations §6 moving; dashboard C.3 cluster
func TestServersShareACluster(t *testing.T) {
	authority := pki.NewAuthority(t, "ca")
	config := clusterConfig(t)
	secured := func() Config {
		c := config()
		c.Kafka.Standbys = 1
		pair := authority.Pair("peer", &x509.Certificate{Subject: pkix.Name{CommonName: "peer"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
		c.InternalCA, c.InternalCert, c.InternalKey = authority.File(), pair.Cert, pair.Key
		return c
	}
	first := start(t, secured())
	one := dial(t, first)
	if _, err := one.PutTaskDef(t.Context(), &lhpb.PutTaskDefRequest{Name: "task"}); err != nil {
		t.Fatal(err)
	}
	second, err := Start(t.Context(), secured())
	if err != nil {
		t.Fatal(err)
	}
	two := dial(t, second)
	served := func(s *Server, n int) {
		for len(s.servedPartitions()) != n {
			time.Sleep(time.Millisecond)
			if err := t.Context().Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	served(first, 2)
	served(second, 2)
	put := func(name string) error {
		return reached(func() error {
			_, err := two.PutTaskDef(t.Context(), &lhpb.PutTaskDefRequest{Name: name})
			return err
		})
	}
	if err := put("other"); err != nil {
		t.Fatal(err)
	}
	for name, client := range map[string]lhpb.LittleHorseClient{"task": two, "other": two} {
		if _, err := client.GetTaskDef(t.Context(), &lhpb.TaskDefId{Name: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := range 8 { // each key has a partition of its own choice
		req := &lhpb.PutCorrelatedEventRequest{Key: fmt.Sprint("k", n), ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "none"}}
		by := func(client lhpb.LittleHorseClient) error {
			return reached(func() error {
				_, err := client.PutCorrelatedEvent(t.Context(), req)
				return err
			})
		}
		err, other := by(one), by(two)
		if grpcstatus.Code(err) != grpcstatus.Code(other) || grpcstatus.Code(err) == codes.Unavailable {
			t.Errorf("%d: %v, %v", n, err, other)
		}
	}
	toldBy(t, first, 2)
	toldBy(t, second, 2)
	if n := len(first.internalHosts()); n != 2 {
		t.Errorf("%d servers", n)
	}
	stop(t, first)
	served(second, 4)
	toldBy(t, second, 4)
	if err := put("alone"); err != nil {
		t.Error(err)
	}
	stop(t, second)
}

// toldBy waits until the dashboard of the server tells of all members that each has so many partitions and copies of the others, and what
// they say of themselves.
func toldBy(t *testing.T, s *Server, each int) {
	t.Helper()
	for {
		d := s.toldOfAll(t.Context())
		settled := len(d.Unowned) == 0 && len(d.Members) == s.cfg.Partitions/each
		selves, metadata := 0, 0
		for _, m := range d.Members {
			settled = settled && len(m.Owns) == each && m.Told != nil && len(m.Told.Serves) == each && m.Told.State == stateRunning && m.Version == s.cfg.Version &&
				len(m.Told.Follows) == s.cfg.Partitions-each && m.Told.Checkpoints != nil
			if m.Self {
				selves++
			}
			if m.Metadata {
				metadata++
			}
		}
		if settled && selves == 1 && metadata == 1 {
			return
		}
		if err := t.Context().Err(); err != nil {
			t.Fatalf("%v: %+v", err, d)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestInternalPortIsForMembers calls it without the secret, and with another.
//
// holds: ServersProveThemselvesToEachOther
func TestInternalPortIsForMembers(t *testing.T) {
	s := start(t, clusterConfig(t)())
	conn, err := grpc.NewClient(s.members.net.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := pb.NewPeerServiceClient(conn)
	ctx := t.Context()
	submit := &pb.SubmitRequest{To: &pb.PeerStream{Kind: uint32(cluster.MetadataStream.Kind)}, Record: &pb.Record{Header: &pb.Header{Tenant: "default", Principal: "anonymous"}}}
	if _, err := client.Submit(ctx, submit); grpcstatus.Code(err) != codes.Unauthenticated {
		t.Error(err)
	}
	wrong := metadata.AppendToOutgoingContext(ctx, "lh-peer", strings.Repeat("A", len(s.members.secret)))
	if _, err := client.Submit(wrong, submit); grpcstatus.Code(err) != codes.Unauthenticated {
		t.Error(err)
	}
	view, err := client.View(ctx)
	if err == nil {
		_, err = view.Recv()
	}
	if grpcstatus.Code(err) != codes.Unauthenticated {
		t.Error(err)
	}
	right := metadata.AppendToOutgoingContext(ctx, "lh-peer", s.members.secret)
	if _, err := client.Await(right, &pb.AwaitRequest{From: &pb.PeerStream{Kind: 'c', Partition: 99}}); err != nil {
		t.Error(err)
	}
}

// TestWhatIsReachedAgainIsSaidLate lets a server reach again what it has told others that it does not: it says so when it has reached it for a while without a
// break.
func TestWhatIsReachedAgainIsSaidLate(t *testing.T) {
	told := &unreached{units: []uint32{1, 2}}
	for round, doubtful := range [][]uint32{{1, 2}, {1}, {}, {1, 2, 3}} {
		if told.isOutdated(doubtful) {
			t.Errorf("round %d: it is said at once", round)
		}
	}
	for round := range kafka.Rounds {
		if said := told.isOutdated([]uint32{2}); said != (round == kafka.Rounds-1) {
			t.Errorf("round %d without a break: %t", round, said)
		}
	}
	if (&unreached{}).isOutdated([]uint32{1}) {
		t.Error("who has told nothing takes it back")
	}
}
