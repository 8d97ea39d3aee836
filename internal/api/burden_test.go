package api

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
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
	for name, transport := range transports {
		t.Run(name, func(t *testing.T) {
			f := newFace(t)
			b := f.connected(t, transport, maxInputs)
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

// transports are all there are.
var transports = map[string]func(TransportConfig) Transport{
	"grpc-go": func(c TransportConfig) Transport { return NewGRPCServer(c) },
	"h2":      func(c TransportConfig) Transport { return NewH2Server(c) },
}

// connected gives the face a transport whose connections take so many bytes of requests together, and one of them.
func (f *face) connected(t *testing.T, transport func(TransportConfig) Transport, inputs int64) *Backlogs {
	t.Helper()
	b := NewBacklogs(1<<20, inputs)
	address := f.openFor(t, b, transport(TransportConfig{Backlogs: b}))
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	f.conn, f.client = conn, lhpb.NewLittleHorseClient(conn)
	return b
}

// A report whose result is too large, or of more parts than there is ever room for, is told the engine without it; one that
// fits has all the room that is free.
func TestReportsAreNotLost(t *testing.T) {
	for name, transport := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFace(t)
			b := f.connected(t, transport, maxInputs)
			var got *pb.ReportTask
			f.cluster.answer = func(_ machine.Stream, r *machine.Record) (proto.Message, error) {
				got = r.GetReportTask()
				return nil, nil
			}
			id, err := proto.Marshal(&lhpb.ReportTaskRun{
				TaskRunId: &lhpb.TaskRunId{WfRunId: &lhpb.WfRunId{Id: "w"}, TaskGuid: "0-1"}, Status: lhpb.TaskStatus_TASK_EXCEPTION, AttemptNumber: 2,
			})
			if err != nil {
				t.Fatal(err)
			}
			report := func(field protowire.Number, size int) []byte {
				array := protowire.AppendBytes(protowire.AppendTag(nil, 12, protowire.BytesType), empties(1, size))
				if field == 8 {
					array = protowire.AppendBytes(protowire.AppendTag(nil, 3, protowire.BytesType), array)
				}
				return append(protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), array), id...)
			}
			fits := report(8, DefaultMaxRequestBytes-200)
			for what, c := range map[string]struct {
				request []byte
				inputs  int64
				short   bool
			}{
				"many parts, all of a small room": {fits, partBytes * int64(len(fits)) * 3 / 4, false},
				"more parts than there is room":   {fits, partBytes * int64(len(fits)) / 3, true},
				"too large":                       {report(8, 2<<20), maxInputs, true},
				"the largest there is":            {report(5, MaxMessageBytes-200), maxInputs, true},
			} {
				b.inputs = c.inputs
				if err := f.raw("ReportTask", c.request); err != nil {
					t.Errorf("%s: %v", what, err)
					continue
				}
				r := got.GetReport()
				if r.GetTaskRunId().GetTaskGuid() != "0-1" || r.AttemptNumber != 2 || r.Status != lhpb.TaskStatus_TASK_EXCEPTION {
					t.Errorf("%s: the report is %v", what, r)
				}
				if got.Oversized != c.short || c.short != (r.SizeVT() < 100) {
					t.Errorf("%s: oversized: %v, with %d bytes", what, got.Oversized, r.SizeVT())
				}
			}
			b.inputs = maxInputs
			wantStatus(t, f.raw("ReportTask", empties(1, 2<<20)), codes.ResourceExhausted, "too large")
			for b.Incoming() != 0 {
				runtime.Gosched()
			}
		})
	}
}

// A request waits for room only while it is the one that is too much: of many that came compressed none waits.
func TestRequestsDoNotWaitInCrowds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := shapes{}.of((&lhpb.Array{}).ProtoReflect().Descriptor())
		for _, reports := range []bool{false, true} {
			b := NewBacklogs(1<<20, maxInputs)
			l := b.Open(&line{})
			weigh := func() time.Duration {
				c := &call{Context: t.Context(), line: l, rpc: &rpc{service: &Service{cfg: Config{MaxRequestBytes: 4 << 20}}, reports: reports, request: s}}
				c.request.data = mem.SliceBuffer(empties(1, 3<<20))
				begun := time.Now()
				if c.weigh() == nil {
					t.Errorf("report: %v: there is room", reports)
				}
				return time.Since(begun)
			}
			l.keep(maxInputs / 6)
			b.Open(&line{}).keep(maxInputs / 6)
			if weigh() == 0 {
				t.Errorf("report: %v: one that is too much does not wait", reports)
			}
			l.keep(maxInputs)
			if weigh() != 0 {
				t.Errorf("report: %v: one waits behind others", reports)
			}
		}
	})
}

// Calls that run count, each once, until they end; who has too many is refused. Streams of workers do not.
func TestCallsThatRunCount(t *testing.T) {
	for name, transport := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFace(t)
			b := f.connected(t, transport, 1)
			const most = leastInput/openBytes - 1
			ended := make(chan error, most+2)
			wait := func() {
				_, err := f.client.AwaitWorkflowEvent(context.Background(), &lhpb.AwaitWorkflowEventRequest{WfRunId: &lhpb.WfRunId{Id: "w"}})
				ended <- err
			}
			for n := range most {
				go wait()
				for b.Incoming() < int64(n+1)*openBytes {
					runtime.Gosched()
				}
			}
			if n := b.Incoming(); n > most*(openBytes+500) {
				t.Errorf("%d bytes are counted", n)
			}
			go wait()
			go wait()
			wantStatus(t, <-ended, codes.ResourceExhausted, "on their way")
			f.Shut()
			for range most + 1 {
				<-ended
			}
			for b.Incoming() != 0 {
				runtime.Gosched()
			}
		})
	}
}

// Calls wait for room with what came with them: a connection that has too much of it is refused.
func TestCallsThatWaitAreBounded(t *testing.T) {
	t.Parallel()
	b := NewBacklogs(0, maxInputs)
	l := b.Open(&line{})
	l.Charge(1)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.enter(ctx, 0, nil); err == nil || !strings.Contains(err.Message, "Too many replies") {
		t.Errorf("with nothing: %v", err)
	}
	l.Came(maxInputs/(shareOfFree+1) + 1)
	if err := l.enter(ctx, 0, nil); err == nil || !strings.Contains(err.Message, "Too many requests") {
		t.Errorf("with too much: %v", err)
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
