package api

import (
	"context"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip" // of requests, on both transports
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/tap"

	"littlehorse/internal/h2"
)

// Bounds of the transport.
const (
	// MaxMessageBytes bounds what a client may send in one message.
	MaxMessageBytes = 4 << 20
	// MaxHeaderBytes bounds the metadata of one call.
	MaxHeaderBytes = 64 << 10
	// MaxCallsPerConnection bounds the calls that one connection has open; clients hold further ones back. For each
	// a reply may wait in memory as long as its client gives it no window. A worker has some poll streams open for
	// each TaskDef, for good, and the calls of a whole process often share one connection.
	MaxCallsPerConnection = 4096
	// PingAfter is how long a connection may be silent before the server asks whether anyone is there, and
	// PingTimeout how long the answer may take: a worker that is gone must not be handed tasks for long.
	PingAfter   = time.Minute
	PingTimeout = 20 * time.Second
	// callWorkers run calls of grpc-go, so that their stacks need not grow anew with each: 7 % of the server's work. Those that
	// are polls of workers are not free for others; further calls are run by goroutines of their own.
	callWorkers = 1024
	// MinPing is how long a client has to leave between two pings.
	MinPing = 15 * time.Second
	// HandshakeTimeout is how long a connection may take to become one.
	HandshakeTimeout = 20 * time.Second
)

// Transport carries the calls of one listener: frames, flow control, deadlines and metadata on one side, the handlers
// of services on the other.
type Transport interface {
	grpc.ServiceRegistrar
	// Serve takes connections until the transport is stopped.
	Serve(net.Listener) error
	// GracefulStop lets running calls end.
	GracefulStop()
	// Stop cuts them off.
	Stop()
}

// TransportConfig is what differs between the transports of a server.
type TransportConfig struct {
	// Credentials of the connections; nil is none.
	Credentials credentials.TransportCredentials
	// Stats is told of connections and calls; nil is nobody.
	Stats stats.Handler
	// Backlogs of the connections; nil if nobody counts what comes in over all of them.
	Backlogs *Backlogs
	// Log of what goes wrong with connections.
	Log *slog.Logger
}

// NewGRPCServer makes a transport of grpc-go.
func NewGRPCServer(c TransportConfig) *grpc.Server {
	options := []grpc.ServerOption{
		grpc.ForceServerCodecV2(Codec{}),
		grpc.NumStreamWorkers(callWorkers),
		grpc.MaxRecvMsgSize(MaxMessageBytes),
		grpc.MaxHeaderListSize(MaxHeaderBytes),
		grpc.MaxConcurrentStreams(MaxCallsPerConnection),
		grpc.ConnectionTimeout(HandshakeTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: PingAfter, Timeout: PingTimeout}),
		grpc.InTapHandle(welcome),
		grpc.RPCDecompressor(unopened{}), //nolint:staticcheck // nothing else comes between what came and what it becomes
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: MinPing, PermitWithoutStream: true}),
	}
	if c.Credentials != nil {
		options = append(options, grpc.Creds(c.Credentials))
	}
	if c.Stats != nil {
		options = append(options, grpc.StatsHandler(c.Stats))
	}
	return grpc.NewServer(options...)
}

// welcome counts a call of grpc-go before it has a stack, until it has ended, or is a stream that is served. Package h2
// counts what it runs itself.
func welcome(ctx context.Context, about *tap.Info) (context.Context, error) {
	l := backlogOf(ctx)
	if l == nil || !paths[about.FullMethodName] || ctx.Err() != nil {
		return ctx, nil
	}
	if !l.begin() {
		refused, _ := statusOf(tooMuchInput())
		return ctx, refused.Err()
	}
	// grpc-go may end it without calling its handler: what cannot be decompressed, or was given up early.
	w := &welcomed{line: l, untilEnd: context.AfterFunc(ctx, l.over)}
	return context.WithValue(ctx, welcomedKey{}, w), nil
}

// welcomed is a call that counts.
type welcomed struct {
	line     *Backlog
	untilEnd func() bool // stops what counts it no longer when its context ends
}

type welcomedKey struct{}

// settled counts it no longer.
func (w *welcomed) settled() {
	if w.untilEnd() {
		w.line.over()
	}
}

// paths are those of all RPCs: only what has a handler of ours is known to end.
var paths = func() map[string]bool {
	out := map[string]bool{}
	for _, service := range services {
		for _, m := range service.Methods {
			out["/"+service.ServiceName+"/"+m.MethodName] = true
		}
		for _, m := range service.Streams {
			out["/"+service.ServiceName+"/"+m.StreamName] = true
		}
	}
	return out
}()

// NewH2Server makes the transport of our own.
func NewH2Server(c TransportConfig) *h2.Server {
	config := h2.Config{
		Codec: Codec{}, Credentials: c.Credentials, Stats: c.Stats, Log: c.Log,
		MaxMessageBytes: MaxMessageBytes, MaxHeaderBytes: MaxHeaderBytes, MaxCalls: MaxCallsPerConnection,
		HandshakeTimeout: HandshakeTimeout, PingAfter: PingAfter, PingTimeout: PingTimeout, MinPing: MinPing, Account: accountOf,
	}
	if b := c.Backlogs; b != nil {
		config.Input, config.MaxInputTotal = &b.input, b.inputs
	}
	return h2.NewServer(config)
}

// accountOf is nil for connections that have no backlog.
func accountOf(peer net.Addr) h2.Account {
	if a, ok := peer.(Address); ok {
		return a.Backlog()
	}
	return nil
}
