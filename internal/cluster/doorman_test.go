package cluster

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
)

// payloads counts the messages that were read.
type payloads struct{ read atomic.Int64 }

func (p *payloads) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (p *payloads) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (p *payloads) HandleConn(context.Context, stats.ConnStats) {}

func (p *payloads) HandleRPC(_ context.Context, s stats.RPCStats) {
	if _, ok := s.(*stats.InPayload); ok {
		p.read.Add(1)
	}
}

// door opens the internal port of a server that serves nothing.
func door(t *testing.T) (*Peers, *pb.Member, *payloads) {
	t.Helper()
	seen := &payloads{}
	peers, m := openDoor(t, DoormanConfig{
		Holding: NewHolding(HoldingConfig{Partitions: 1}), Stats: seen,
		Polls: func(tenant, taskDef string) int { return len(tenant) + len(taskDef) },
	})
	return peers, m, seen
}

// openDoor opens the internal port of a server, and gives what another needs to call it.
func openDoor(t *testing.T, c DoormanConfig) (*Peers, *pb.Member) {
	t.Helper()
	n, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Secret, c.Credentials, c.MaxTime = "secret", insecure.NewCredentials(), time.Minute
	server := NewDoorman(c)
	go func() { _ = server.Serve(n) }()
	t.Cleanup(server.Stop)
	peers := NewPeers(PeersConfig{Credentials: insecure.NewCredentials()})
	t.Cleanup(peers.Close)
	return peers, &pb.Member{Incarnation: "b", Host: "127.0.0.1", Port: int32(n.Addr().(*net.TCPAddr).Port), Secret: c.Secret}
}

// TestNothingIsReadOfStrangers sends something large without the secret.
//
// holds: ServersProveThemselvesToEachOther
func TestNothingIsReadOfStrangers(t *testing.T) {
	peers, m, seen := door(t)
	m.Secret = "another"
	client, ctx, refusal := peers.reach(t.Context(), m, MetadataStream)
	if refusal != nil {
		t.Fatal(refusal)
	}
	_, err := client.Await(ctx, &pb.AwaitRequest{WfRun: strings.Repeat("x", 1<<20)})
	if codeOf(t, callFailed(ctx, err)) != lh.Unavailable || !callFailed(ctx, err).Again {
		t.Error(err)
	}
	if n := seen.read.Load(); n != 0 {
		t.Errorf("%d messages were read", n)
	}
}

// TestWhoDoesNotServeSaysSo asks a server for what it does not have, and gives it what is no record.
func TestWhoDoesNotServeSaysSo(t *testing.T) {
	peers, m, _ := door(t)
	if refusal := lh.AsError(peers.await(t.Context(), m, MetadataStream, "default", "run")); refusal == nil || !refusal.Again {
		t.Errorf("await: %v", refusal)
	}
	rec := &pb.Record{Command: &pb.Record_RunWf{RunWf: &pb.RunWf{}}}
	if _, _, err := peers.submit(t.Context(), m, MetadataStream, rec); codeOf(t, err) != lh.Unavailable || !lh.AsError(err).Again {
		t.Error(err)
	}
	for _, rec := range []*pb.Record{nil, {}} {
		if _, _, err := peers.submit(t.Context(), m, MetadataStream, rec); codeOf(t, err) != lh.InvalidArgument {
			t.Error(err)
		}
	}
}

// TestPanicsAreAnswered: a bug that one server meets for another costs an answer.
func TestPanicsAreAnswered(t *testing.T) {
	var log strings.Builder
	peers, m := openDoor(t, DoormanConfig{Log: slog.New(slog.NewTextHandler(&log, nil))}) // it has nothing to ask
	client, ctx, refusal := peers.reach(t.Context(), m, MetadataStream)
	if refusal != nil {
		t.Fatal(refusal)
	}
	for range 2 {
		_, err := client.Await(ctx, &pb.AwaitRequest{})
		if status.Code(err) != codes.Internal {
			t.Error(err)
		}
		stream, err := client.View(ctx)
		if err != nil {
			t.Fatal(err)
		}
		_ = stream.Send(&pb.ViewRequest{})
		if _, err := stream.Recv(); status.Code(err) != codes.Internal {
			t.Error(err)
		}
	}
	if !strings.Contains(log.String(), "Await") || !strings.Contains(log.String(), "View") {
		t.Errorf("the log says %s", log.String())
	}
	if _, err := (careful{}).Marshal(nil); err == nil {
		t.Error("what cannot be encoded is")
	}
}

// TestPollsAreSummedUp asks two servers and one that is not there.
func TestPollsAreSummedUp(t *testing.T) {
	peers, a, _ := door(t)
	_, b, _ := door(t)
	b.Incarnation = "c"
	gone := &pb.Member{Incarnation: "gone", Host: "127.0.0.1", Port: 1, Secret: "secret"}
	if n := peers.Polls(t.Context(), []*pb.Member{a, b, gone}, "ten", "task"); n != 2*7 {
		t.Errorf("%d", n)
	}
}

// TestWhoHasLeftStillAnswers lets a server be no member any more while it answers a call.
func TestWhoHasLeftStillAnswers(t *testing.T) {
	var peers *Peers
	peers, m := openDoor(t, DoormanConfig{
		Holding: NewHolding(HoldingConfig{Partitions: 1}),
		Polls:   func(string, string) int { peers.Keep(nil); return 7 },
	})
	if n := peers.Polls(t.Context(), []*pb.Member{m}, "ten", "task"); n != 7 {
		t.Errorf("%d polls are told", n)
	}
}
