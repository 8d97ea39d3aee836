package cluster

import (
	"bytes"
	"net"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/partition"
	"littlehorse/internal/pb"
)

// table is a partition of a few rows.
type table struct {
	partition.View
	keys  []keys.Key
	value []byte
}

func (v table) Scan(start, end keys.Key, visit func(keys.Key, []byte) bool) error {
	for _, k := range v.keys {
		if start <= k && (end == "" || k < end) && !visit(k, v.value) {
			break
		}
	}
	return nil
}

func (v table) ScanBack(start, end keys.Key, visit func(keys.Key, []byte) bool) error {
	for _, k := range slices.Backward(v.keys) {
		if start <= k && (end == "" || k < end) && !visit(k, v.value) {
			break
		}
	}
	return nil
}

// peer serves a table; an older one knows nothing of directions.
type peer struct {
	pb.UnimplementedPeerServiceServer
	table
	older bool
}

func (p *peer) View(stream grpc.BidiStreamingServer[pb.ViewRequest, pb.ViewResponse]) error {
	if _, err := stream.Recv(); err != nil {
		return err
	}
	err := answerAll(stream.Context(), forgetful{stream, p.older}, p.table)
	if err != nil {
		return err
	}
	return stream.Send(&pb.ViewResponse{})
}

type forgetful struct {
	grpc.BidiStreamingServer[pb.ViewRequest, pb.ViewResponse]
	older bool
}

func (f forgetful) Recv() (*pb.ViewRequest, error) {
	q, err := f.BidiStreamingServer.Recv()
	if f.older && q != nil {
		q.Back = false
	}
	return q, err
}

func (p *peer) serve(t *testing.T) *pb.Member {
	t.Helper()
	n, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.MaxSendMsgSize(maxPeerMessage))
	pb.RegisterPeerServiceServer(server, p)
	go func() { _ = server.Serve(n) }()
	t.Cleanup(server.Stop)
	return &pb.Member{Incarnation: n.Addr().String(), Host: "127.0.0.1", Port: int32(n.Addr().(*net.TCPAddr).Port)}
}

// TestAnotherServerReadsBackwards asks for rows in both directions, answers in many parts among them.
func TestAnotherServerReadsBackwards(t *testing.T) {
	peers := NewPeers(PeersConfig{Credentials: insecure.NewCredentials()})
	t.Cleanup(peers.Close)
	p := &peer{table: table{keys: []keys.Key{"a", "b", "c", "d", "e"}, value: bytes.Repeat([]byte("x"), partBytes/2)}}
	err := peers.view(t.Context(), p.serve(t), MetadataStream, func(v View) error {
		for _, c := range []struct {
			start, end keys.Key
			limit      int
			want       string
		}{
			{"", "", 9, "edcba"}, {"", "", 2, "ed"}, {"b", "e", 9, "dcb"}, {"b", "e", 1, "d"}, {"f", "", 3, ""}, {"", "", 0, ""},
		} {
			rows, err := v.ScanBack(c.start, c.end, c.limit)
			if err != nil {
				return err
			}
			if got := named(rows); got != c.want {
				t.Errorf("[%q, %q), at most %d: %q instead of %q", c.start, c.end, c.limit, got, c.want)
			}
			for _, r := range rows {
				if !bytes.Equal(r.Value, p.value) {
					t.Errorf("%q has %d bytes", r.Key, len(r.Value))
				}
			}
		}
		rows, err := v.Scan("b", "", 3)
		if named(rows) != "bcd" {
			t.Errorf("forwards: %q", named(rows))
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestOlderServersGiveNoWrongOrder: what an older server reads forwards is not taken for what was asked.
func TestOlderServersGiveNoWrongOrder(t *testing.T) {
	peers := NewPeers(PeersConfig{Credentials: insecure.NewCredentials()})
	t.Cleanup(peers.Close)
	for _, rows := range [][]keys.Key{{"a", "b"}, nil} {
		p := &peer{table: table{keys: rows}, older: true}
		member := p.serve(t)
		err := peers.view(t.Context(), member, MetadataStream, func(v View) error {
			_, err := v.ScanBack("", "", 2)
			return err
		})
		if codeOf(t, err) != lh.Unavailable || !strings.Contains(err.Error(), "version") {
			t.Errorf("%v: %v", rows, err)
		}
		if err := peers.view(t.Context(), member, MetadataStream, func(v View) error {
			got, err := v.Scan("", "", 2)
			if len(got) != len(rows) {
				t.Errorf("%d rows of %d", len(got), len(rows))
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	}
}

func named(rows []Row) (out string) {
	for _, r := range rows {
		out += string(r.Key)
	}
	return out
}
