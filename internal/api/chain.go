package api

import (
	"context"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"littlehorse/internal/auth"
	"littlehorse/internal/lh"
	"littlehorse/internal/telemetry"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// services are those of every listener: the official one, and ours beside it.
var services = []grpc.ServiceDesc{lhpb.LittleHorse_ServiceDesc, extra.ExtraService_ServiceDesc, extra.ViewService_ServiceDesc, extra.ClockService_ServiceDesc, extra.BulkService_ServiceDesc}

// Register puts the services on a gRPC server that serves the listener. The chain is laid around the
// generated handlers instead of being an interceptor, so that a caller is admitted before his request is decoded.
func (s *Service) Register(r grpc.ServiceRegistrar, l *Listener) {
	for _, desc := range services {
		_, welcomes := r.(*grpc.Server)
		r.RegisterService(s.chained(l, desc, welcomes), s)
	}
}

// chained hands all RPCs to the transport as streams: that is how it sees those of one message each way as well, and
// the way through it is shorter. Each frame less on it counts: the goroutines of calls are new and their stacks small.
func (s *Service) chained(l *Listener, service grpc.ServiceDesc, welcomes bool) *grpc.ServiceDesc {
	desc := service
	desc.Methods, desc.Streams = nil, make([]grpc.StreamDesc, 0, len(service.Methods)+len(service.Streams))
	for _, m := range service.Methods {
		r := s.rpc(l, service.ServiceName, m.MethodName, "UNARY")
		r.limited, r.call, r.direct, r.welcomed = isLimited(m.MethodName), m.Handler, directOf(m.MethodName), welcomes
		desc.Streams = append(desc.Streams, grpc.StreamDesc{StreamName: m.MethodName, Handler: r.unary()})
	}
	for _, m := range service.Streams {
		r := s.rpc(l, service.ServiceName, m.StreamName, "BIDI_STREAMING")
		r.stream, r.welcomed = m.Handler, welcomes
		m.Handler = r.streaming
		desc.Streams = append(desc.Streams, m)
	}
	return &desc
}

func (s *Service) rpc(l *Listener, service, name, kind string) *rpc {
	return &rpc{
		service: s, listener: l, name: name, needs: requiredFor(name),
		replyBytes: expects(name),
		reports:    name == "ReportTask",
		lasts:      name == "AwaitWorkflowEvent",
		begins:     name == "RunWf" || name == "PutExternalEvent" || name == "PutCorrelatedEvent",
		request:    s.shapes.of(requestOf(service, name)), metrics: s.cfg.RPCs.Of(service).Method(name, kind),
	}
}

// requestOf describes what clients send to an RPC of the services.
func requestOf(service, rpc string) protoreflect.MessageDescriptor {
	d, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service).Append(protoreflect.Name(rpc)))
	if err != nil {
		panic("api: " + service + "/" + rpc + " is not described: " + err.Error())
	}
	return d.(protoreflect.MethodDescriptor).Input()
}

// rpc is one RPC on one listener.
type rpc struct {
	service  *Service
	listener *Listener
	name     string
	needs    []auth.Required
	limited  bool // by Quotas
	reports  bool // the end of a task: what does not fit is told the engine without it
	begins   bool // something: it is refused when there is too much to do already
	lasts    bool // a call, with its request, until something happens
	welcomed bool // calls, by the transport
	request  *shape
	metrics  *telemetry.RPC

	replyBytes int64 // that a call expects

	call   grpc.MethodHandler
	direct *direct // in place of call
	stream grpc.StreamHandler
}

// direct serves the RPCs of which there are very many without the generated handler, which decodes further down the
// stack than a new goroutine has.
type direct struct {
	fresh func() any
	serve func(*Service, context.Context, any) (any, error)
}

// directOf is nil for most RPCs: only of reports there are many, and their replies need not wait for room.
func directOf(rpc string) *direct {
	if rpc == "ReportTask" {
		return directly((*Service).ReportTask)
	}
	return nil
}

func directly[Q, A any](f func(*Service, context.Context, *Q) (A, error)) *direct {
	return &direct{
		fresh: func() any { return new(Q) },
		serve: func(s *Service, ctx context.Context, request any) (any, error) { return f(s, ctx, request.(*Q)) },
	}
}

// unary serves calls with one message each way. The request is received here, not in a function below, and the handler
// is no method: the stack of a new goroutine is just large enough for what the transport does then.
func (r *rpc) unary() grpc.StreamHandler {
	return func(_ any, ss grpc.ServerStream) (err error) {
		c := r.begin(ss)
		defer c.broke(&err)
		err = r.enter(c)
		if err == nil {
			err = c.await()
		}
		if err == nil {
			err = c.arrived(ss.RecvMsg(&c.request))
		}
		if err == nil && r.direct != nil {
			c.message = r.direct.fresh()
			err = c.decode(c.message)
		}
		if err == nil {
			err = r.answer(c)
		}
		if err = c.ended(err); err != nil {
			return err
		}
		return ss.SendMsg(c.reply)
	}
}

func (r *rpc) begin(ss grpc.ServerStream) *call {
	ctx := ss.Context()
	c := &call{Context: ctx, rpc: r, stream: ss, listener: r.listener, line: backlogOf(ctx), began: time.Now()}
	if r.welcomed {
		c.welcomed, _ = ctx.Value(welcomedKey{}).(*welcomed)
	}
	return c
}

// enter goes through the steps before a request is read.
func (r *rpc) enter(c *call) (err error) {
	defer r.caught(&err)
	if r.call != nil {
		r.metrics.Received.Inc()
	}
	if refused := r.service.admit(c, r.needs); refused != nil {
		return refused
	}
	if r.begins && r.service.cfg.Crowded != nil {
		if refused := r.service.cfg.Crowded(); refused != nil {
			return refused
		}
	}
	if r.limited {
		if refused := r.service.checkQuotas(c); refused != nil {
			return r.service.refused(telemetry.OverQuota, refused)
		}
	}
	return nil
}

func (r *rpc) answer(c *call) (err error) {
	defer r.caught(&err)
	defer c.close()
	if r.direct != nil {
		c.reply, err = r.direct.serve(r.service, c, c.message)
	} else {
		c.reply, err = r.service.served(c, &c.out, c.line, r.replyBytes, func() (any, error) { return r.call(r.service, c, c.decode, nil) })
	}
	return err
}

// streaming serves one call of streams.
func (r *rpc) streaming(_ any, ss grpc.ServerStream) error {
	c := r.begin(ss)
	return c.ended(r.follow(c, ss))
}

func (r *rpc) follow(c *call, ss grpc.ServerStream) (err error) {
	if err := r.enter(c); err != nil {
		return err
	}
	defer r.caught(&err)
	_, err = r.service.served(c, &c.out, c.line, r.replyBytes, func() (any, error) {
		c.settled()
		return nil, r.stream(r.service, &admitted{ServerStream: ss, call: c})
	})
	return err
}

// caught turns a panic of a handler into an error: a bug costs its caller an answer, not the server.
func (r *rpc) caught(err *error) {
	if p := recover(); p != nil {
		*err = r.panicked(p)
	}
}

func (r *rpc) panicked(p any) *lh.Error {
	r.metrics.Panicked()
	r.service.cfg.Log.Error("call panicked", "rpc", r.name, "err", lh.Cause(p), "stack", string(debug.Stack()))
	return lh.Errorf(lh.Internal, "An unexpected internal error occurred. Please contact support for assistance.")
}

// broke is caught for what is done around the handler: while the request is weighed, and while the reply is encoded. The
// call holds nothing any more.
func (c *call) broke(err *error) {
	p := recover()
	if p == nil {
		return
	}
	st, _ := statusOf(c.rpc.panicked(p))
	*err = st.Err()
	_ = c.awaited(false)
	c.gone()
}

// ended counts the call and gives what the transport is to answer.
func (c *call) ended(err error) error {
	c.gone()
	if err == nil {
		c.rpc.metrics.Done(codeName(codes.OK), time.Since(c.began))
		if c.rpc.call != nil {
			c.rpc.metrics.Sent.Inc()
		}
		return nil
	}
	st, known := statusOf(err)
	if !known {
		c.rpc.service.cfg.Log.Error("call failed", "rpc", c.rpc.name, "err", err)
	}
	c.rpc.metrics.Done(codeName(st.Code()), time.Since(c.began))
	return st.Err()
}

// decode reads the request of the call.
func (c *call) decode(v any) error {
	err := c.inflate()
	if err == nil {
		err = c.weigh()
	}
	if err != nil {
		c.request.data.Free()
		return err
	}
	defer c.decoded()
	return c.rpc.read(&c.request, v)
}

// read decodes a request that is not too large.
func (r *rpc) read(in *incoming, v any) error {
	if size := in.data.Len(); r.tooLarge(size) {
		in.data.Free()
		return r.service.refused(telemetry.TooLarge, lh.Errorf(lh.ResourceExhausted,
			"Record too large: the request has %d bytes, the limit is %d", size, r.service.cfg.MaxRequestBytes))
	}
	if err := in.into(v, r.request); err != nil {
		return lh.Errorf(lh.InvalidArgument, "The request cannot be decoded: %v", err)
	}
	return nil
}

func (r *rpc) tooLarge(size int) bool { return size > r.service.cfg.MaxRequestBytes }

// admitted is a stream after the chain.
type admitted struct {
	grpc.ServerStream
	call *call
	next incoming
}

func (a *admitted) Context() context.Context { return a.call }

// hear receives the next message of a stream.
func (c *call) hear(stream grpc.ServerStream, into *incoming) error {
	if err := stream.RecvMsg(into); err != nil {
		return err
	}
	if err := into.inflate(c, c.rpc); err != nil {
		into.data.Free()
		return err
	}
	return nil
}

// RecvMsg is not only called by the handler's goroutine.
func (a *admitted) RecvMsg(m any) (err error) {
	defer a.call.rpc.caught(&err)
	if err := a.call.hear(a.ServerStream, &a.next); err != nil {
		return err
	}
	err = a.call.rpc.read(&a.next, m)
	if err == nil {
		a.call.rpc.metrics.Received.Inc()
	}
	return err
}

func (a *admitted) SendMsg(m any) error {
	err := a.ServerStream.SendMsg(a.call.out.of(a.call, m))
	if err == nil {
		a.call.rpc.metrics.Sent.Inc()
	}
	return err
}

// requiredFor panics for an RPC that the table does not know: no call is let through unjudged.
func requiredFor(method string) []auth.Required {
	needs, ok := required[method]
	if !ok {
		panic("api: no permission is declared for " + method)
	}
	return needs
}
