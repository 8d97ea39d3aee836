package api

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/lhpb"
)

// raw sends bytes as they are.
type raw struct{ encoding.Codec }

func (raw) Name() string                    { return "proto" }
func (raw) Marshal(v any) ([]byte, error)   { return v.([]byte), nil }
func (raw) Unmarshal(b []byte, v any) error { return proto.Unmarshal(b, v.(proto.Message)) }
func (f *face) raw(rpc string, b []byte) error {
	return f.conn.Invoke(context.Background(), "/littlehorse.LittleHorse/"+rpc, b, &emptypb.Empty{}, grpc.ForceCodec(raw{}))
}

// empties are a request of so many bytes in which a field repeats that is an empty message.
func empties(field protowire.Number, size int) []byte {
	b := protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), nil)
	return bytes.Repeat(b, size/len(b))
}

// The size of a request is judged before anything is made of it.
func TestOversizedRequestsAreNotDecoded(t *testing.T) {
	f := newFace(t)
	b := bytes.Repeat([]byte{0xff}, DefaultMaxRequestBytes+1)
	wantStatus(t, f.raw("PutExternalEvent", b), codes.ResourceExhausted, "1047000")
	wantStatus(t, f.raw("PutExternalEvent", b[1:]), codes.InvalidArgument, "decoded")
}

// What a request becomes is counted for as long as its call lasts, and who has too much of it is refused.
func TestWhatRequestsBecomeIsCounted(t *testing.T) {
	for name, transport := range map[string]func() Transport{
		"grpc-go": func() Transport { return NewGRPCServer(TransportConfig{}) },
		"h2":      func() Transport { return NewH2Server(TransportConfig{}) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFace(t)
			b, address := f.open(t, transport())
			conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			f.conn = conn
			id, err := proto.Marshal(&lhpb.AwaitWorkflowEventRequest{WfRunId: &lhpb.WfRunId{Id: "w"}})
			if err != nil {
				t.Fatal(err)
			}
			const size = 512 << 10
			request := append(id, empties(2, size)...)
			ended := make(chan error, 3)
			for range cap(ended) {
				go func() { ended <- f.raw("AwaitWorkflowEvent", request) }()
			}
			for range cap(ended) - 1 { // two would take half of all there is, and a connection may have a quarter
				wantStatus(t, <-ended, codes.ResourceExhausted, "Too many requests")
			}
			if n := b.Incoming(); n < size/2*partBytes {
				t.Errorf("%d bytes are counted", n)
			}
			f.Shut()
			wantStatus(t, <-ended, codes.Unavailable)
			for b.Incoming() != 0 {
				runtime.Gosched()
			}
		})
	}
}

// Calls that wait for an event, or for room, take memory however small their requests are: a connection has no more of
// them than it may have of that.
func TestCallsThatWaitAreBounded(t *testing.T) {
	t.Parallel()
	b := NewBacklogs(0, maxInputs)
	l := b.Open(&line{})
	l.Charge(1)
	ctx, cancel := context.WithCancel(context.Background())
	most := int64(maxInputs / (shareOfFree + 1) / openBytes)
	ended := make(chan struct{}, most)
	for range most {
		go func() {
			_ = l.enter(ctx, 0, nil)
			ended <- struct{}{}
		}()
	}
	for b.Incoming() < most*openBytes {
		runtime.Gosched()
	}
	if err := l.enter(ctx, 0, nil); err == nil || !strings.Contains(err.Message, "Too many requests") {
		t.Errorf("one more for room: %v", err)
	}
	await := &call{Context: ctx, line: l, rpc: &rpc{service: &Service{}, lasts: true, anySize: true, request: &shape{}}}
	await.request.data = mem.SliceBuffer{}
	if err := await.weigh(); err == nil || !strings.Contains(err.Error(), "Too many requests") {
		t.Errorf("one more that waits for an event: %v", err)
	}
	cancel()
	for range most {
		<-ended
	}
	if err := await.weigh(); err != nil || b.Incoming() != openBytes {
		t.Errorf("%v, %d bytes are counted", err, b.Incoming())
	}
}

// A burden is not far below what the heap has of a request, whatever it is made of.
func TestBurden(t *testing.T) {
	const size = 1 << 20
	for name, c := range map[string]struct {
		bytes []byte
		into  proto.Message
	}{
		"empty messages":  {empties(2, size), &lhpb.AwaitWorkflowEventRequest{}},
		"empty values":    {empties(1, size), &lhpb.Array{}},
		"groups between":  {append([]byte{0x23, 0x24}, empties(1, size)...), &lhpb.Array{}},
		"numbers":         {bytes.Repeat([]byte{0x0a, 2, 0x20, 1}, size/4), &lhpb.Array{}},
		"empty texts":     {bytes.Repeat([]byte{0x0a, 2, 0x32, 0}, size/4), &lhpb.Array{}},
		"nested messages": {bytes.Repeat([]byte{0x0a, 4, 0x0a, 2, 0x0a, 0}, size/6), &lhpb.WfRunId{}},
	} {
		t.Run(name, func(t *testing.T) {
			s := shapes{}.of(c.into.ProtoReflect().Descriptor())
			counted := s.burden(c.bytes, maxNesting) + size
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			if err := decodeStrictly(c.bytes, c.into); err != nil {
				t.Fatal(err)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			if there := int64(after.HeapAlloc) - int64(before.HeapAlloc); there > counted {
				t.Errorf("%d bytes are there, %d are counted", there, counted)
			}
			runtime.KeepAlive(c.into)
		})
	}
}
