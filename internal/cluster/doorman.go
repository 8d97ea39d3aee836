package cluster

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/partition"
	"littlehorse/internal/pb"
)

// DoormanConfig of a Doorman.
type DoormanConfig struct {
	Holding *Holding
	// Secret that callers must bring along.
	Secret string
	// Credentials of the connections.
	Credentials credentials.TransportCredentials
	// Stats follow the calls; nil if nobody does.
	Stats stats.Handler
	// Await waits until something may have been thrown in a WfRun, or for a while.
	Await func(ctx context.Context, tenant, wfRun string)
	// Polls counts the requests of workers for a task that lie open here.
	Polls func(tenant, taskDef string) int
	// Tell says how the server is.
	Tell func() []byte
	// MaxTime bounds a call that brings no deadline along, or a later one.
	MaxTime time.Duration
	// Log of what goes wrong; nil if nobody reads it.
	Log *slog.Logger
}

// Doorman answers the calls of other servers. Who calls is a server of the cluster, shown by the secret that only members
// are told; on whose behalf, the records say.
type Doorman struct {
	pb.UnimplementedPeerServiceServer
	cfg DoormanConfig
}

// NewDoorman makes the gRPC server of an internal port.
func NewDoorman(cfg DoormanConfig) *grpc.Server {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	d := &Doorman{cfg: cfg}
	options := []grpc.ServerOption{
		grpc.ForceServerCodecV2(careful{encoding.GetCodecV2(proto.Name)}), grpc.StreamInterceptor(d.guard),
		grpc.Creds(cfg.Credentials),
		grpc.MaxRecvMsgSize(maxPeerMessage), grpc.MaxSendMsgSize(maxPeerMessage),
		grpc.MaxConcurrentStreams(maxPeerCalls), grpc.ConnectionTimeout(greetTime),
		grpc.InTapHandle(d.admit), grpc.UnaryInterceptor(d.bound),
		grpc.WaitForHandlers(true), // they read the store, which is closed next
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: peerQuiet / 2, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: peerQuiet, Timeout: peerQuiet}),
	}
	if cfg.Stats != nil {
		options = append(options, grpc.StatsHandler(cfg.Stats))
	}
	server := grpc.NewServer(options...)
	pb.RegisterPeerServiceServer(server, d)
	return server
}

// maxPeerCalls bounds the calls of one other server that run at a time.
const maxPeerCalls = 1 << 13

// greetTime is how long a caller may take to open a connection.
const greetTime = 5 * time.Second

// admit knows a member before anything is read of what it sends.
func (d *Doorman) admit(ctx context.Context, call *tap.Info) (context.Context, error) {
	given := call.Header.Get(secretKey)
	if len(given) != 1 || subtle.ConstantTimeCompare([]byte(given[0]), []byte(d.cfg.Secret)) != 1 {
		return nil, status.Error(codes.Unauthenticated, "this port is for the servers of one cluster, and this process is not the one that was meant or the caller is no member")
	}
	return ctx, nil
}

func (d *Doorman) bound(ctx context.Context, req any, call *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (_ any, err error) {
	defer d.caught(call.FullMethod, &err)
	bounded, cancel := context.WithTimeout(ctx, d.cfg.MaxTime)
	defer cancel()
	return handle(bounded, req)
}

func (d *Doorman) guard(impl any, stream grpc.ServerStream, call *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
	defer d.caught(call.FullMethod, &err)
	return handle(impl, stream)
}

// caught turns a panic into an answer: a bug that one server meets for another ends neither.
func (d *Doorman) caught(rpc string, err *error) {
	if p := recover(); p != nil {
		d.cfg.Log.Error("call panicked", "rpc", rpc, "err", lh.Cause(p), "stack", string(debug.Stack()))
		*err = status.Error(codes.Internal, "internal error: the log of the server that was asked says more")
	}
}

// careful is a codec whose panics are errors: replies are encoded behind all interceptors.
type careful struct{ encoding.CodecV2 }

// Marshal implements encoding.CodecV2.
func (c careful) Marshal(v any) (_ mem.BufferSlice, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%T cannot be encoded: %s", v, lh.Cause(p))
		}
	}()
	return c.CodecV2.Marshal(v)
}

// Submit implements pb.PeerServiceServer.
func (d *Doorman) Submit(ctx context.Context, req *pb.SubmitRequest) (*pb.SubmitResponse, error) {
	to := streamOf(req.To)
	if req.Record.GetCommand() == nil {
		return &pb.SubmitResponse{Refusal: refusalToWire(lh.Errorf(lh.InvalidArgument, "there is no command for partition %s", to))}, nil
	}
	outcome := make(chan machine.Reply, 1)
	d.cfg.Holding.SubmitFor(ctx, to, req.Record, func(r machine.Reply) { outcome <- r })
	select {
	case r := <-outcome:
		reply := replyToWire(r)
		if to.Kind == machine.Metadata {
			reply.Version = d.cfg.Holding.Position(to)
		}
		return reply, nil
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
}

// Await implements pb.PeerServiceServer.
func (d *Doorman) Await(ctx context.Context, req *pb.AwaitRequest) (*pb.AwaitResponse, error) {
	if s := streamOf(req.From); !d.cfg.Holding.Serves(s) {
		return &pb.AwaitResponse{Refusal: refusalToWire(notHere(s))}, nil
	}
	bounded, cancel := context.WithTimeout(ctx, askTime*4/5)
	defer cancel()
	d.cfg.Await(bounded, req.Tenant, req.WfRun)
	return &pb.AwaitResponse{}, nil
}

// Polls implements pb.PeerServiceServer.
func (d *Doorman) Polls(_ context.Context, req *pb.PollsRequest) (*pb.PollsResponse, error) {
	return &pb.PollsResponse{Open: uint32(d.cfg.Polls(req.Tenant, req.TaskDef))}, nil
}

// Tell implements pb.PeerServiceServer.
func (d *Doorman) Tell(context.Context, *pb.TellRequest) (*pb.TellResponse, error) {
	return &pb.TellResponse{Server: d.cfg.Tell()}, nil
}

// View implements pb.PeerServiceServer.
func (d *Doorman) View(stream grpc.BidiStreamingServer[pb.ViewRequest, pb.ViewResponse]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	held, release := context.WithTimeout(stream.Context(), d.cfg.MaxTime)
	defer release()
	var broken error
	err = d.cfg.Holding.View(streamOf(first.From), func(v partition.View) error {
		broken = answerAll(held, stream, v)
		return nil
	})
	if broken != nil {
		return broken
	}
	last := &pb.ViewResponse{}
	if err != nil {
		last.Refusal = refusalToWire(lh.AsError(trouble(err)))
	}
	return stream.Send(last)
}

// answerAll answers the questions of one caller until there are no more.
func answerAll(ctx context.Context, stream grpc.BidiStreamingServer[pb.ViewRequest, pb.ViewResponse], v partition.View) error {
	if err := stream.Send(&pb.ViewResponse{}); err != nil {
		return err
	}
	for {
		q, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = answerOne(ctx, stream, v, q)
		}
		if err != nil {
			return err
		}
	}
}

func answerOne(ctx context.Context, stream grpc.BidiStreamingServer[pb.ViewRequest, pb.ViewResponse], v partition.View, q *pb.ViewRequest) error {
	if q.Limit == 0 {
		return answerGet(stream, v, keys.Key(q.Start))
	}
	p := parts{stream: stream, ctx: ctx, part: &pb.ViewResponse{Back: q.Back}}
	scan := v.Scan
	if q.Back {
		scan = v.ScanBack
	}
	err := scan(keys.Key(q.Start), keys.Key(q.End), func(k keys.Key, value []byte) bool {
		p.add(k, value)
		return p.rows < int(q.Limit) && p.broken == nil
	})
	if p.broken != nil {
		return p.broken
	}
	return p.end(err)
}

func answerGet(stream grpc.BidiStreamingServer[pb.ViewRequest, pb.ViewResponse], v partition.View, k keys.Key) error {
	value, err := v.Get(k)
	rows := &pb.ViewResponse{}
	switch {
	case err != nil:
		rows.Refusal = refusalToWire(lh.AsError(trouble(err)))
	case value != nil:
		rows.Rows = []*pb.PeerRow{{Key: []byte(k), Value: value}}
	}
	return stream.Send(rows)
}

// parts are a long answer, sent as it is read.
type parts struct {
	ctx    context.Context
	stream grpc.BidiStreamingServer[pb.ViewRequest, pb.ViewResponse]
	part   *pb.ViewResponse
	bytes  int
	rows   int
	broken error
}

func (p *parts) add(k keys.Key, value []byte) {
	p.part.Rows = append(p.part.Rows, &pb.PeerRow{Key: []byte(k), Value: append([]byte{}, value...)})
	p.rows++
	if p.bytes += len(k) + len(value); p.bytes < partBytes {
		return
	}
	p.part.More = true
	if p.broken = p.ctx.Err(); p.broken == nil {
		p.broken = p.stream.Send(p.part)
	}
	p.part, p.bytes = &pb.ViewResponse{Back: p.part.Back}, 0
}

func (p *parts) end(err error) error {
	if err != nil {
		p.part = &pb.ViewResponse{Refusal: refusalToWire(lh.AsError(trouble(err)))}
	}
	return p.stream.Send(p.part)
}
