package api

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/machine"
	"littlehorse/lhpb"
)

// zippedFace serves a face on a transport, and gives a client that compresses what it asks.
func zippedFace(t *testing.T, transport Transport) (*face, *Backlogs, lhpb.LittleHorseClient) {
	t.Helper()
	f := newFace(t)
	b, address := f.open(t, transport)
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.UseCompressor(gzip.Name)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return f, b, lhpb.NewLittleHorseClient(conn)
}

// A request may come compressed, and is what it would be if it had not; what becomes too long is refused.
func TestCompressedRequests(t *testing.T) {
	t.Parallel()
	for name, transport := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, b, client := zippedFace(t, transport(TransportConfig{}))
			f.cluster.answer = func(machine.Stream, *machine.Record) (proto.Message, error) { return &lhpb.ExternalEvent{}, nil }
			event := func(size int) (*lhpb.ExternalEvent, error) {
				return client.PutExternalEvent(t.Context(), &lhpb.PutExternalEventRequest{
					WfRunId: &lhpb.WfRunId{Id: "w"}, ExternalEventDefId: &lhpb.ExternalEventDefId{Name: "e"},
					Content: &lhpb.VariableValue{Value: &lhpb.VariableValue_Str{Str: strings.Repeat("x", size)}},
				})
			}
			for _, size := range []int{0, 10, 1000, 900_000} {
				if _, err := event(size); status.Code(err) == codes.Internal || status.Code(err) == codes.ResourceExhausted {
					t.Errorf("%d bytes: %v", size, err)
				}
			}
			_, err := event(MaxMessageBytes - 1000)
			wantStatus(t, err, codes.ResourceExhausted, "Record too large")
			_, err = event(MaxMessageBytes + 1000)
			wantStatus(t, err, codes.ResourceExhausted, "after decompression")
			stream, err := client.PollTask(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_ = stream.Send(&lhpb.PollTaskRequest{ClientId: strings.Repeat("x", MaxMessageBytes)})
			_, err = stream.Recv()
			wantStatus(t, err, codes.ResourceExhausted, "after decompression")
			b.empties(t)
		})
	}
}

// empties waits until nothing of requests is held.
func (b *Backlogs) empties(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(time.Minute); b.Incoming() != 0; {
		if time.Now().After(end) {
			t.Fatalf("%d bytes are held when all have ended", b.Incoming())
		}
	}
}

// What nobody here can decompress is refused before any handler is called, and counts no longer then.
func TestCallsThatNoHandlerGetsCountNoLonger(t *testing.T) {
	t.Parallel()
	b, address := newFace(t).open(t, NewGRPCServer(TransportConfig{}))
	framer := framesTo(t, address)
	_ = framer.WriteSettings()
	const calls = 20
	for i := range uint32(calls) {
		_ = framer.WriteHeaders(http2.HeadersFrameParam{
			StreamID: 2*i + 1, BlockFragment: headerOf("GetWfRun", [2]string{"grpc-encoding", "unheard-of"}), EndHeaders: true, EndStream: true,
		})
	}
	for refused := 0; refused < calls; {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if h, is := frame.(*http2.MetaHeadersFrame); is && h.StreamEnded() {
			refused++
		}
	}
	b.empties(t)
}

// What came compressed counts while it waits to be decompressed, of which few are at once; calls that are given up meanwhile
// hold nothing.
func TestCompressedRequestsTakeTurns(t *testing.T) {
	t.Parallel()
	const calls = 3 * maxInflating
	f, b, client := zippedFace(t, NewGRPCServer(TransportConfig{}))
	for range maxInflating {
		f.inflating <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var calling sync.WaitGroup
	call := func() error {
		_, err := client.GetWfRun(ctx, &lhpb.WfRunId{Id: strings.Repeat("x", 1000)})
		return err
	}
	for range calls {
		calling.Go(func() {
			if err := call(); status.Code(err) != codes.Canceled {
				t.Error(err)
			}
		})
	}
	for end := time.Now().Add(time.Minute); b.Incoming() <= calls*openBytes; {
		if time.Now().After(end) {
			t.Fatalf("%d bytes count of %d calls that wait", b.Incoming(), calls)
		}
	}
	cancel()
	calling.Wait()
	b.empties(t)
	ctx = t.Context()
	for range maxInflating {
		<-f.inflating
	}
	wantStatus(t, call(), codes.NotFound)
	if len(f.inflating) != 0 {
		t.Errorf("%d turns are not given back", len(f.inflating))
	}
}
