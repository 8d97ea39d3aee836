package bench

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
)

// echo answers with what it was sent.
type echo struct {
	lhpb.UnimplementedLittleHorseServer
}

func (echo) RunWf(ctx context.Context, req *lhpb.RunWfRequest) (*lhpb.WfRun, error) {
	if req.WfSpecName == "refused" {
		s, err := status.New(codes.ResourceExhausted, "100 % busy: try again").WithDetails(
			&errdetails.RetryInfo{RetryDelay: durationpb.New(time.Second)})
		if err != nil {
			return nil, err
		}
		return nil, s.Err()
	}
	md, _ := metadata.FromIncomingContext(ctx)
	return &lhpb.WfRun{
		Id: &lhpb.WfRunId{Id: strings.Join(md.Get("tenantid"), ",")}, WfSpecId: &lhpb.WfSpecId{Name: req.Variables["x"].GetStr()},
	}, nil
}

func (echo) PollTask(stream lhpb.LittleHorse_PollTaskServer) error {
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		task := &lhpb.ScheduledTask{TaskDefId: &lhpb.TaskDefId{Name: req.ClientId}}
		if err := stream.Send(&lhpb.PollTaskResponse{Result: task}); err != nil {
			return err
		}
	}
}

// serveEcho serves on the address until the function is called.
func serveEcho(t *testing.T, address string) (at string, stop func()) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	for end := time.Now().Add(time.Minute); errors.Is(err, syscall.EADDRINUSE) && time.Now().Before(end); {
		listener, err = net.Listen("tcp", address) // somebody has the port for a moment
	}
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(grpc.MaxConcurrentStreams(8), grpc.MaxRecvMsgSize(64<<20))
	lhpb.RegisterLittleHorseServer(s, echo{})
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.Serve(listener)
	}()
	return listener.Addr().String(), func() {
		s.Stop()
		<-served
	}
}

func textRun(text string) *lhpb.RunWfRequest {
	value := &lhpb.VariableValue{Value: &lhpb.VariableValue_Str{Str: text}}
	return &lhpb.RunWfRequest{WfSpecName: "echo", Variables: map[string]*lhpb.VariableValue{"x": value}}
}

func TestWireSpeaksTheProtocol(t *testing.T) {
	ctx := t.Context()
	address, stop := serveEcho(t, "127.0.0.1:0")
	defer func() { stop() }()
	ws := newWires(lh.Config{TenantID: "someone"})
	defer ws.close()
	api := lhpb.NewLittleHorseClient(ws.at(0, address))

	// More calls than the server takes at a time, some of them larger than any window.
	var calling sync.WaitGroup
	for i := range 40 {
		calling.Go(func() {
			text := strings.Repeat("x", 100)
			if i%4 == 0 {
				text = strings.Repeat("y", 3<<20+i)
			}
			r, err := api.RunWf(ctx, textRun(text))
			if err != nil || r.WfSpecId.Name != text || r.Id.Id != "someone" {
				t.Errorf("call %d: %d bytes for %q, want %d, %v", i, len(r.GetWfSpecId().GetName()), r.GetId().GetId(), len(text), err)
			}
		})
	}
	calling.Wait()

	_, err := api.RunWf(ctx, &lhpb.RunWfRequest{WfSpecName: "refused"})
	s := status.Convert(err)
	if s.Code() != codes.ResourceExhausted || s.Message() != "100 % busy: try again" || len(s.Details()) != 1 {
		t.Errorf("a refusal is %v with %v", err, s.Details())
	}
	if got := pauseAfter(err); got != time.Second {
		t.Errorf("who is told to wait for a second waits for %s", got)
	}
	if _, err := api.GetWfRun(ctx, &lhpb.WfRunId{Id: "x"}); status.Code(err) != codes.Unimplemented {
		t.Errorf("what the server has not is %v", err)
	}

	stream, err := api.PollTask(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", strings.Repeat("b", 200_000), "c"} {
		if err := stream.Send(&lhpb.PollTaskRequest{ClientId: name}); err != nil {
			t.Fatal(err)
		}
		got, err := stream.Recv()
		if err != nil || got.Result.TaskDefId.Name != name {
			t.Fatalf("%d bytes came back, %v", len(got.GetResult().GetTaskDefId().GetName()), err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ended with %v", err)
	}

	stop()
	if _, err := api.RunWf(ctx, textRun("x")); status.Code(err) != codes.Unavailable {
		t.Errorf("without a server: %v", err)
	}
	_, stop = serveEcho(t, address)
	if _, err := api.RunWf(ctx, textRun("x")); err != nil {
		t.Errorf("with a server again: %v", err)
	}
}

func TestWireCallsEndWithTheirContext(t *testing.T) {
	address, stop := serveEcho(t, "127.0.0.1:0")
	defer stop()
	ws := newWires(lh.Config{})
	defer ws.close()
	api := lhpb.NewLittleHorseClient(ws.at(0, address))
	ctx, cancel := context.WithCancel(t.Context())
	stream, err := api.PollTask(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := stream.Recv(); status.Code(err) != codes.Canceled {
		t.Errorf("the stream ended with %v", err)
	}
	if _, err := api.RunWf(t.Context(), textRun("x")); err != nil {
		t.Errorf("another call: %v", err)
	}
}

func TestWireIsForCallsInClear(t *testing.T) {
	if newWires(lh.Config{TLS: true}) != nil || newWires(lh.Config{OAuthTokenURL: "x"}) != nil {
		t.Error("a wire took what it cannot do")
	}
}
