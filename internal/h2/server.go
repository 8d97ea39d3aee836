package h2

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/stats"
)

// Config of a Server. Zero values stand for the defaults, but for Codec, which must be given.
type Config struct {
	// Codec of the messages.
	Codec encoding.CodecV2
	// Credentials of the connections; nil is none.
	Credentials credentials.TransportCredentials
	// MaxMessageBytes bounds a message that a client sends. Default 4 MiB.
	MaxMessageBytes int
	// MaxHeaderBytes bounds the header of a call, counted as HTTP/2 does. Default 64 KiB.
	MaxHeaderBytes int
	// MaxCalls bounds the calls that a connection has open. Default 4096.
	MaxCalls int
	// MaxInputBytes bounds the memory of what a connection has sent: messages that are not decoded yet, and the headers of
	// its calls. Default 16 messages of the largest size.
	MaxInputBytes int64
	// MaxInputTotal bounds the same for all connections together. Each may take a part of what is free, so that the first
	// ones do not take all of it, and leastInput in any case. Default 256 MiB.
	MaxInputTotal int64
	// Input is what of MaxInputTotal is taken. Whoever gives it may count more in it. Default a counter of the server's own.
	Input *atomic.Int64
	// Account gives the account of a connection by the address of its peer; it may give nil. It may be nil.
	Account func(net.Addr) Account
	// RequestTimeout is how long the one message of a call that takes no more may be on its way; up to twice as long is
	// possible. Default 1 min.
	RequestTimeout time.Duration
	// HandshakeTimeout is how long a connection may take to become one. Default 20 s.
	HandshakeTimeout time.Duration
	// PingAfter is how long a connection may be silent before it is asked whether anyone is there, and PingTimeout
	// how long the answer may take. Defaults 60 s and 20 s.
	PingAfter, PingTimeout time.Duration
	// MinPing is how long a client has to leave between two pings; who asks more often, again and again, is cut off.
	// Default 15 s.
	MinPing time.Duration
	// Stats is told of connections and calls as a grpc.Server would do. It may be nil.
	Stats stats.Handler
	// Log; discarding by default.
	Log *slog.Logger
}

func (c *Config) complete() {
	c.MaxMessageBytes = or(c.MaxMessageBytes, 4<<20)
	c.MaxHeaderBytes = or(c.MaxHeaderBytes, 64<<10)
	c.MaxCalls = or(c.MaxCalls, 4096)
	c.MaxInputBytes = or(c.MaxInputBytes, 16*int64(c.MaxMessageBytes))
	c.MaxInputTotal = or(c.MaxInputTotal, 256<<20)
	if c.Input == nil {
		c.Input = new(atomic.Int64)
	}
	c.RequestTimeout = or(c.RequestTimeout, time.Minute)
	c.HandshakeTimeout = or(c.HandshakeTimeout, 20*time.Second)
	c.PingAfter = or(c.PingAfter, time.Minute)
	c.PingTimeout = or(c.PingTimeout, 20*time.Second)
	c.MinPing = or(c.MinPing, 15*time.Second)
	c.Log = or(c.Log, slog.New(slog.DiscardHandler))
}

// Account is told of calls that have ended and whose ends the client does not take: no handler waits with them, and what
// they hold is memory. It is called with a lock of the connection held.
type Account interface {
	// Waits counts the memory of such a call. If it is too much, the connection is closed.
	Waits(bytes int64) bool
	// Went takes it back: it was written, or given up.
	Went(bytes int64, written bool)
}

func or[T comparable](given, usual T) T {
	var none T
	if given == none {
		return usual
	}
	return given
}

// Server serves the services that are registered, on any number of listeners.
type Server struct {
	cfg     Config
	methods map[string]*method // by path
	known   map[string]bool    // services
	pool    pool
	// inflating are the messages that are being decompressed: each may become as long as a message may be, however short it
	// came.
	inflating chan struct{}
	plain     *method // takes every request, in tests that do not speak gRPC; nil if there is none

	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	stopping  bool
	open      sync.WaitGroup // connections, and those that want to become one
	cancel    context.CancelFunc
	ctx       context.Context
	close     context.CancelFunc
	welcome   context.Context // of those that want to become connections
}

const maxInflating = 16

// method is one RPC; one of the two handlers is set.
type method struct {
	path   string
	impl   any
	unary  grpc.MethodHandler
	stream *grpc.StreamDesc
	single bool // clients send one message, and the handler starts when it is there
}

// NewServer makes a server. Services are registered before it serves.
func NewServer(c Config) *Server {
	c.complete()
	s := &Server{
		cfg: c, methods: map[string]*method{}, known: map[string]bool{},
		listeners: map[net.Listener]struct{}{}, conns: map[*conn]struct{}{},
		inflating: make(chan struct{}, maxInflating),
	}
	s.welcome, s.close = context.WithCancel(context.Background())
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// RegisterService implements grpc.ServiceRegistrar.
func (s *Server) RegisterService(desc *grpc.ServiceDesc, impl any) {
	s.known[desc.ServiceName] = true
	for _, m := range desc.Methods {
		path := "/" + desc.ServiceName + "/" + m.MethodName
		s.methods[path] = &method{path: path, impl: impl, unary: m.Handler, single: true}
	}
	for _, m := range desc.Streams {
		path := "/" + desc.ServiceName + "/" + m.StreamName
		s.methods[path] = &method{path: path, impl: impl, stream: &m, single: !m.ClientStreams}
	}
}

// ErrStopped is returned by Serve of a server that was stopped before.
var ErrStopped = errors.New("h2: the server has been stopped")

const (
	firstPause = 5 * time.Millisecond
	longPause  = time.Second
)

// Serve takes connections until the server is stopped, which ends it with nil, or the listener fails.
func (s *Server) Serve(l net.Listener) error {
	if !s.listen(l) {
		_ = l.Close()
		return ErrStopped
	}
	pause := firstPause
	for {
		c, err := l.Accept()
		if err == nil {
			pause = firstPause
			s.take(c)
			continue
		}
		if s.stopped() {
			return nil
		}
		var passing interface{ Temporary() bool }
		if !errors.As(err, &passing) || !passing.Temporary() {
			return fmt.Errorf("h2: accept: %w", err)
		}
		s.cfg.Log.Warn("cannot take connections, trying again", "err", err)
		select {
		case <-time.After(pause):
		case <-s.ctx.Done():
		}
		pause = min(2*pause, longPause)
	}
}

func (s *Server) listen(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) stopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}

// take serves a connection on a goroutine of its own.
func (s *Server) take(nc net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		_ = nc.Close()
		return
	}
	s.open.Go(func() { s.serve(nc) })
}

func (s *Server) serve(nc net.Conn) {
	cut := context.AfterFunc(s.ctx, func() { _ = nc.Close() })
	defer cut()
	defer func() { _ = nc.Close() }()
	late := context.AfterFunc(s.welcome, func() { _ = nc.Close() })
	c, err := s.handshake(nc)
	late()
	if err != nil {
		s.cfg.Log.Debug("connection refused", "from", nc.RemoteAddr(), "err", err)
		return
	}
	if !s.add(c) {
		return
	}
	defer s.remove(c)
	c.serve()
}

func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}

// GracefulStop takes no connections and no calls any more, and returns when those that run have ended.
func (s *Server) GracefulStop() {
	for _, c := range s.end() {
		c.leave()
	}
	s.open.Wait()
	s.pool.close()
}

// Stop closes all connections. What runs is told by its context.
func (s *Server) Stop() {
	s.end()
	s.cancel()
	s.open.Wait()
	s.pool.close()
}

// end closes the listeners.
func (s *Server) end() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping = true
	s.close()
	for l := range s.listeners {
		_ = l.Close()
	}
	clear(s.listeners)
	out := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		out = append(out, c)
	}
	return out
}
