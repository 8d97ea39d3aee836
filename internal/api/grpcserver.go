package api

import (
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
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
	// callWorkers run calls, so that their stacks need not grow anew with each: 7 % of the server's work. Those that are
	// polls of workers are not free for others; further calls are run by goroutines of their own.
	callWorkers = 1024
	// HandshakeTimeout is how long a connection may take to become one.
	HandshakeTimeout = 20 * time.Second
)

// NewGRPCServer makes a gRPC server as all listeners have it.
func NewGRPCServer(more ...grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append([]grpc.ServerOption{
		grpc.ForceServerCodecV2(Codec{}),
		grpc.NumStreamWorkers(callWorkers),
		grpc.MaxRecvMsgSize(MaxMessageBytes),
		grpc.MaxHeaderListSize(MaxHeaderBytes),
		grpc.MaxConcurrentStreams(MaxCallsPerConnection),
		grpc.ConnectionTimeout(HandshakeTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: PingAfter, Timeout: PingTimeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 15 * time.Second, PermitWithoutStream: true}),
	}, more...)...)
}
