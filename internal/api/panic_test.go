package api

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/internal/auth"
	"littlehorse/lhpb"
)

// buggy serves RPCs that have bugs, by their names.
type buggy struct {
	*face
	listener *Listener
	desc     grpc.ServiceDesc
	welcomes bool
}

func (b *buggy) rpc(name string, change func(*rpc), handler func(*rpc) grpc.StreamHandler) {
	r := b.face.rpc(b.listener, lhpb.LittleHorse_ServiceDesc.ServiceName, name, "UNARY")
	r.welcomed = b.welcomes
	change(r)
	b.desc.Streams = append(b.desc.Streams, grpc.StreamDesc{
		StreamName: name, Handler: handler(r), ServerStreams: r.stream != nil, ClientStreams: r.stream != nil,
	})
}

func (b *buggy) call(name string, call grpc.MethodHandler) {
	b.rpc(name, func(r *rpc) { r.call = call }, (*rpc).unary)
}

func (b *buggy) stream(name string, stream grpc.StreamHandler) {
	b.rpc(name, func(r *rpc) { r.stream = stream }, func(r *rpc) grpc.StreamHandler { return r.streaming })
}

// unspeakable is a value that no encoder takes.
func unspeakable() *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: (*lhpb.VariableValue_Str)(nil)}
}

// TestPanicsEndNoServer: whatever panics while a call is served, on either transport, its caller is told INTERNAL, the log names
// the RPC and nothing of what it was about, nothing is held any more, and the connection goes on.
func TestPanicsEndNoServer(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for name, newTransport := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := newTransport(TransportConfig{})
			_, welcomes := transport.(*grpc.Server)
			b := &buggy{face: newFace(t), listener: &Listener{Name: "PLAIN", Authenticator: auth.None{}}, welcomes: welcomes}
			b.desc.ServiceName = lhpb.LittleHorse_ServiceDesc.ServiceName
			b.call("GetWfRun", func(any, context.Context, func(any) error, grpc.UnaryServerInterceptor) (any, error) {
				panic(secret)
			})
			b.call("GetVariable", func(any, context.Context, func(any) error, grpc.UnaryServerInterceptor) (any, error) {
				return &lhpb.Variable{Value: unspeakable()}, nil
			})
			b.rpc("ReportTask", func(r *rpc) {
				r.direct = &direct{fresh: func() any { panic(secret) }}
			}, (*rpc).unary)
			b.stream("PollTask", func(any, grpc.ServerStream) error { panic(secret) })
			b.stream("GetTaskRun", func(_ any, s grpc.ServerStream) error {
				return s.SendMsg(&lhpb.Variable{Value: unspeakable()})
			})
			b.stream("GetNodeRun", func(_ any, s grpc.ServerStream) error {
				s.(*admitted).ServerStream = nil
				heard := make(chan error, 1)
				go func() { heard <- s.RecvMsg(&lhpb.NodeRunId{}) }() // as the queues do
				return <-heard
			})
			b.call("GetServerVersion", func(any, context.Context, func(any) error, grpc.UnaryServerInterceptor) (any, error) {
				return &lhpb.LittleHorseVersion{}, nil
			})
			transport.RegisterService(&b.desc, nil)
			backlogs := NewBacklogs(1<<20, maxInputs)
			conn, err := grpc.NewClient(serveFor(t, backlogs, transport), grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			for _, m := range b.desc.Streams {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				for range 2 {
					s, err := conn.NewStream(ctx, &m, "/"+b.desc.ServiceName+"/"+m.StreamName)
					if err != nil {
						t.Fatal(err)
					}
					_ = s.SendMsg(&lhpb.WfRunId{Id: secret})
					_ = s.CloseSend()
					err = s.RecvMsg(&emptypb.Empty{})
					if m.StreamName == "GetServerVersion" {
						wantStatus(t, err, codes.OK)
						continue
					}
					wantStatus(t, err, codes.Internal)
					if strings.Contains(err.Error(), secret) || !strings.Contains(b.log.String(), "rpc="+m.StreamName+" ") {
						t.Errorf("%s: %v, and the log says %.500s", m.StreamName, err, b.log)
					}
				}
				cancel()
			}
			if strings.Contains(b.log.String(), secret) {
				t.Errorf("the log says %.500s", b.log)
			}
			for end := time.Now().Add(time.Minute); backlogs.Incoming() != 0 || backlogs.Bytes() != 0; {
				if time.Now().After(end) {
					t.Fatalf("%d and %d bytes are held when all have ended", backlogs.Incoming(), backlogs.Bytes())
				}
			}
		})
	}
}
