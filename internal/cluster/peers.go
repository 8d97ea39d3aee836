package cluster

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// PeersConfig of Peers.
type PeersConfig struct {
	// Credentials of the connections.
	Credentials credentials.TransportCredentials
	// Stats follow the calls; nil if nobody does.
	Stats stats.Handler
}

// Peers are the other servers of the cluster, as they can be called. There is one connection to each, made when it is
// needed first and closed a while after the server is no member any more; that ends the calls that wait for it.
type Peers struct {
	cfg PeersConfig

	mu    sync.Mutex
	conns map[string]*grpc.ClientConn // by incarnation
}

// NewPeers makes Peers without connections.
func NewPeers(cfg PeersConfig) *Peers { return &Peers{cfg: cfg, conns: map[string]*grpc.ClientConn{}} }

// lastAnswers is how long the answers of a server may take that is no member any more: one that leaves gives all that it owes, and the others may know
// that it has left before these have come.
const lastAnswers = time.Second

// Keep closes the connections to all but these, after lastAnswers.
func (p *Peers) Keep(members []*pb.Member) {
	keep := map[string]bool{}
	for _, m := range members {
		keep[m.Incarnation] = true
	}
	for _, conn := range p.drop(func(incarnation string) bool { return !keep[incarnation] }) {
		time.AfterFunc(lastAnswers, func() { _ = conn.Close() })
	}
}

// Close closes all connections.
func (p *Peers) Close() {
	for _, conn := range p.drop(func(string) bool { return true }) {
		_ = conn.Close()
	}
}

// drop gives the connections that are not to be used any more.
func (p *Peers) drop(is func(incarnation string) bool) (out []*grpc.ClientConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, conn := range p.conns {
		if is(name) {
			out = append(out, conn)
			delete(p.conns, name)
		}
	}
	return out
}

// Bounds of messages between servers: a value and what goes with it, or a part of an answer.
const (
	maxPeerMessage = 64 << 20
	partBytes      = 1 << 20
)

func (p *Peers) conn(m *pb.Member) (*grpc.ClientConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if conn := p.conns[m.Incarnation]; conn != nil {
		return conn, nil
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(p.cfg.Credentials),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxPeerMessage), grpc.MaxCallSendMsgSize(maxPeerMessage)),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: connectTime,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: peerQuiet, Timeout: peerQuiet / 2}),
		grpc.WithDisableServiceConfig(), grpc.WithNoProxy(),
	}
	if p.cfg.Stats != nil {
		options = append(options, grpc.WithStatsHandler(p.cfg.Stats))
	}
	conn, err := grpc.NewClient("passthrough:///"+net.JoinHostPort(m.Host, strconv.Itoa(int(m.Port))), options...)
	if err != nil {
		return nil, fmt.Errorf("server %s:%d: %w", m.Host, m.Port, err)
	}
	p.conns[m.Incarnation] = conn
	return conn, nil
}

// Times of connections between servers.
const (
	connectTime = 2 * time.Second
	peerQuiet   = 10 * time.Second // before a connection on which calls wait is looked after
)

// secretKey is the metadata of a call that shows that the caller is a server of the cluster.
const secretKey = "lh-peer"

// reach gives a client for the member, whose server can be reached: until it has been given a request it has done nothing.
func (p *Peers) reach(ctx context.Context, m *pb.Member, s machine.Stream) (pb.PeerServiceClient, context.Context, *lh.Error) {
	if m == nil {
		return nil, nil, notHere(s)
	}
	conn, err := p.conn(m)
	if err != nil {
		return nil, nil, unreached(err)
	}
	limit, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	for state := conn.GetState(); state != connectivity.Ready; state = conn.GetState() {
		if state == connectivity.TransientFailure || state == connectivity.Shutdown {
			return nil, nil, unreached(fmt.Errorf("server %s:%d cannot be reached", m.Host, m.Port))
		}
		conn.Connect()
		if !conn.WaitForStateChange(limit, state) {
			return nil, nil, unreached(fmt.Errorf("server %s:%d does not answer", m.Host, m.Port))
		}
	}
	return pb.NewPeerServiceClient(conn), metadata.AppendToOutgoingContext(ctx, secretKey, m.Secret), nil
}

func unreached(err error) *lh.Error {
	return &lh.Error{Code: lh.Unavailable, Message: fmt.Sprintf("the owner of the partition cannot be reached: %v", err), Again: true}
}

// Tell asks a member how it is.
func (p *Peers) Tell(ctx context.Context, m *pb.Member) ([]byte, error) {
	client, outgoing, refusal := p.reach(ctx, m, MetadataStream)
	if refusal != nil {
		return nil, refusal
	}
	reply, err := client.Tell(outgoing, &pb.TellRequest{})
	if err != nil {
		return nil, callFailed(ctx, err)
	}
	return reply.Server, nil
}

// submit gives the record to the partition's owner. The version is that of the metadata which the record has made.
func (p *Peers) submit(ctx context.Context, m *pb.Member, to machine.Stream, rec *machine.Record) (v proto.Message, version uint64, err error) {
	if err := ended(ctx); err != nil {
		return nil, 0, err
	}
	client, outgoing, refusal := p.reach(ctx, m, to)
	if refusal != nil {
		return nil, 0, refusal
	}
	reply, err := client.Submit(outgoing, &pb.SubmitRequest{To: wireStream(to), Record: rec})
	if err != nil {
		return nil, 0, callFailed(ctx, err)
	}
	if reply.Refusal != nil {
		return nil, 0, refusalOf(reply.Refusal)
	}
	if reply.Value == nil {
		return nil, reply.Version, nil
	}
	if v, err = reply.Value.UnmarshalNew(); err != nil {
		return nil, 0, lh.Errorf(lh.Internal, "the answer of another server cannot be read: %v", err)
	}
	return v, reply.Version, nil
}

// callFailed is what becomes of a call whose outcome is unknown. One whose secret was not the callee's has reached
// another process than was meant.
func callFailed(ctx context.Context, err error) *lh.Error {
	if over := ended(ctx); over != nil {
		return lh.AsError(over)
	}
	switch status.Code(err) {
	case codes.Unauthenticated:
		return unreached(err)
	case codes.DeadlineExceeded:
		return lh.Errorf(lh.DeadlineExceeded, "the owner of the partition did not answer in time; the request may have counted")
	default:
		return lh.Errorf(lh.Unavailable, "the owner of the partition was lost before it answered: try again, the request may have counted")
	}
}

// Await returns when something may have been thrown in the WfRun, or after a while. Whoever waits looks again.
func (p *Peers) await(ctx context.Context, m *pb.Member, from machine.Stream, tenant, wfRun string) error {
	client, outgoing, refusal := p.reach(ctx, m, from)
	if refusal != nil {
		return refusal
	}
	reply, err := client.Await(outgoing, &pb.AwaitRequest{From: wireStream(from), Tenant: tenant, WfRun: wfRun})
	if err != nil {
		return callFailed(ctx, err)
	}
	if reply.Refusal != nil {
		return refusalOf(reply.Refusal)
	}
	return nil
}

// view reads a partition at its owner as of one moment.
func (p *Peers) view(ctx context.Context, m *pb.Member, from machine.Stream, read func(View) error) error {
	if err := ended(ctx); err != nil {
		return err
	}
	client, outgoing, refusal := p.reach(ctx, m, from)
	if refusal != nil {
		return refusal
	}
	outgoing, cancel := context.WithCancel(outgoing)
	defer cancel()
	stream, err := client.View(outgoing)
	if err != nil {
		return callFailed(ctx, err)
	}
	v := &remoteView{ctx: ctx, stream: stream}
	if _, err := v.ask(&pb.ViewRequest{From: wireStream(from)}); err != nil {
		return err
	}
	if err := read(v); err != nil {
		return err
	}
	return v.end()
}

// remoteView is a View of another server.
type remoteView struct {
	ctx    context.Context
	stream grpc.BidiStreamingClient[pb.ViewRequest, pb.ViewResponse]
}

// ask gives all parts of an answer.
func (v *remoteView) ask(r *pb.ViewRequest) (rows []Row, err error) {
	if err := v.stream.Send(r); err != nil {
		// Why it has ended says what is received.
		_, err := v.stream.Recv()
		return nil, callFailed(v.ctx, err)
	}
	for {
		part, err := v.stream.Recv()
		if err != nil {
			return nil, callFailed(v.ctx, err)
		}
		if part.Refusal != nil {
			return nil, refusalOf(part.Refusal)
		}
		if part.Back != r.Back {
			return nil, lh.Errorf(lh.Unavailable, "the server that has the partition is of a version that cannot read it backwards: repeat the request when it has been upgraded")
		}
		for _, r := range part.Rows {
			rows = append(rows, Row{Key: keys.Key(r.Key), Value: orEmpty(r.Value)})
		}
		if !part.More {
			return rows, nil
		}
	}
}

// end waits until the callee has said that what it has read counts.
func (v *remoteView) end() error {
	if err := v.stream.CloseSend(); err != nil {
		return callFailed(v.ctx, err)
	}
	part, err := v.stream.Recv()
	if err != nil {
		return callFailed(v.ctx, err)
	}
	if part.Refusal != nil {
		return refusalOf(part.Refusal)
	}
	return nil
}

// orEmpty tells an empty value from none.
func orEmpty(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Get implements View.
func (v *remoteView) Get(k keys.Key) ([]byte, error) {
	rows, err := v.ask(&pb.ViewRequest{Start: []byte(k)})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0].Value, nil
}

// Scan implements View.
func (v *remoteView) Scan(start, end keys.Key, limit int) ([]Row, error) {
	if limit <= 0 {
		return nil, nil
	}
	return v.ask(&pb.ViewRequest{Start: []byte(start), End: []byte(end), Limit: uint32(limit)})
}

// ScanBack implements View.
func (v *remoteView) ScanBack(start, end keys.Key, limit int) ([]Row, error) {
	if limit <= 0 {
		return nil, nil
	}
	return v.ask(&pb.ViewRequest{Start: []byte(start), End: []byte(end), Limit: uint32(limit), Back: true})
}

func wireStream(s machine.Stream) *pb.PeerStream {
	return &pb.PeerStream{Kind: uint32(s.Kind), Partition: uint32(s.Partition)}
}

func streamOf(s *pb.PeerStream) machine.Stream {
	return machine.Stream{Kind: machine.Kind(s.GetKind()), Partition: uint16(s.GetPartition())}
}

func refusalToWire(e *lh.Error) *pb.PeerRefusal {
	return &pb.PeerRefusal{Code: uint32(e.Code), Message: e.Message, RetryAfterNs: int64(e.RetryAfter), Again: e.Again}
}

func refusalOf(r *pb.PeerRefusal) *lh.Error {
	return &lh.Error{Code: lh.Code(r.Code), Message: r.Message, RetryAfter: time.Duration(r.RetryAfterNs), Again: r.Again}
}

// replyToWire is the outcome of a record for another server.
func replyToWire(r machine.Reply) *pb.SubmitResponse {
	if r.Err != nil {
		return &pb.SubmitResponse{Refusal: refusalToWire(r.Err)}
	}
	if r.Value == nil {
		return &pb.SubmitResponse{}
	}
	value, err := anypb.New(r.Value)
	if err != nil {
		return &pb.SubmitResponse{Refusal: refusalToWire(lh.Errorf(lh.Internal, "the answer cannot be sent to another server: %v", err))}
	}
	return &pb.SubmitResponse{Value: value}
}
