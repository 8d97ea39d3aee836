package api

import (
	"errors"
	"io"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/telemetry"
	"littlehorse/lhpb"
)

// words is a stream on which a client says these.
type words struct {
	grpc.ServerStream
	said [][]byte
}

func (w *words) RecvMsg(m any) error {
	if len(w.said) == 0 {
		return io.EOF
	}
	next := w.said[0]
	w.said = w.said[1:]
	return Codec{}.Unmarshal(mem.BufferSlice{mem.SliceBuffer(next)}, m)
}

// Requests of a worker are what he sent, whether he repeats himself or not.
func TestPollsAreReadAsTheyCome(t *testing.T) {
	poll := func(name, worker string) []byte {
		b, err := proto.Marshal(&lhpb.PollTaskRequest{TaskDefId: &lhpb.TaskDefId{Name: name}, ClientId: worker})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	long := strings.Repeat("w", keptPoll)
	said := [][]byte{
		poll("greet", "a"), poll("greet", "a"), poll("greet", "b"), poll("greet", "a"), {}, {}, poll("ship", long), poll("ship", long), poll("greet", "a"),
	}
	s := New(Config{MaxRequestBytes: DefaultMaxRequestBytes, RPCs: telemetry.NewRPCs(telemetry.NewMetrics("test"), "littlehorse.LittleHorse")})
	rpc := s.rpc(&Listener{}, lhpb.LittleHorse_ServiceDesc.ServiceName, "PollTask", "BIDI_STREAMING")
	p := &polls{call: &call{rpc: rpc, stream: &words{said: append(said, []byte{0xff})}}}
	var before *lhpb.PollTaskRequest
	for n, b := range said {
		got, err := p.Recv()
		if err != nil {
			t.Fatal(err)
		}
		want := &lhpb.PollTaskRequest{}
		if err := proto.Unmarshal(b, want); err != nil || !proto.Equal(got, want) {
			t.Errorf("request %d is %v, not %v (%v)", n, got, want, err)
		}
		if again := n == 1 || n == 5; again != (got == before) {
			t.Errorf("request %d is read once: %v", n, !again)
		}
		before = got
	}
	if _, err := p.Recv(); err == nil {
		t.Error("nonsense is a request")
	}
	if _, err := p.Recv(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}
