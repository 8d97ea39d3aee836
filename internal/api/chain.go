package api

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"littlehorse/internal/auth"
	"littlehorse/internal/lh"
	"littlehorse/internal/telemetry"
	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

// services are those of every listener: the official one, and ours beside it.
var services = []grpc.ServiceDesc{lhpb.LittleHorse_ServiceDesc, extra.ExtraService_ServiceDesc}

// Register puts the services on a gRPC server that serves the listener. The chain is laid around the
// generated handlers instead of being an interceptor, so that a caller is admitted before his request is decoded.
func (s *Service) Register(r grpc.ServiceRegistrar, l *Listener) {
	for _, desc := range services {
		r.RegisterService(s.chained(l, desc), s)
	}
}

func (s *Service) chained(l *Listener, service grpc.ServiceDesc) *grpc.ServiceDesc {
	desc := service
	desc.Methods = make([]grpc.MethodDesc, 0, len(service.Methods))
	for _, m := range service.Methods {
		m.Handler = s.unary(l, m, s.cfg.RPCs.Of(desc.ServiceName).Method(m.MethodName, "UNARY"))
		desc.Methods = append(desc.Methods, m)
	}
	desc.Streams = make([]grpc.StreamDesc, 0, len(service.Streams))
	for _, m := range service.Streams {
		m.Handler = s.stream(l, m, s.cfg.RPCs.Of(desc.ServiceName).Method(m.StreamName, "BIDI_STREAMING"))
		desc.Streams = append(desc.Streams, m)
	}
	return &desc
}

func (s *Service) unary(l *Listener, m grpc.MethodDesc, rpc *telemetry.RPC) grpc.MethodHandler {
	needs, limited, bytes := requiredFor(m.MethodName), isLimited(m.MethodName), expects(m.MethodName)
	return func(srv any, ctx context.Context, dec func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		start := time.Now()
		rpc.Received.Inc()
		reply, err := s.guarded(rpc, m.MethodName, func() (any, error) {
			ctx, refused := s.admit(ctx, l, needs)
			if refused != nil {
				return nil, refused
			}
			if limited {
				if refused := s.checkQuotas(callOf(ctx)); refused != nil {
					return nil, s.refused(telemetry.OverQuota, refused)
				}
			}
			out := &callOf(ctx).out
			ctx, cancel := context.WithTimeout(ctx, s.cfg.WriteTimeout)
			defer cancel()
			return s.served(ctx, out, bytes, func() (any, error) { return m.Handler(srv, ctx, s.decoder(dec), nil) })
		})
		code := s.finish(m.MethodName, err)
		rpc.Done(codeName(code.Code()), time.Since(start))
		if code != nil {
			return nil, code.Err()
		}
		rpc.Sent.Inc()
		return reply, nil
	}
}

func (s *Service) stream(l *Listener, m grpc.StreamDesc, rpc *telemetry.RPC) grpc.StreamHandler {
	needs := requiredFor(m.StreamName)
	return func(srv any, ss grpc.ServerStream) error {
		start := time.Now()
		_, err := s.guarded(rpc, m.StreamName, func() (any, error) {
			ctx, refused := s.admit(ss.Context(), l, needs)
			if refused != nil {
				return nil, refused
			}
			out := &callOf(ctx).out
			return s.served(ctx, out, expects(m.StreamName), func() (any, error) {
				return nil, m.Handler(srv, &admitted{ServerStream: ss, service: s, ctx: ctx, rpc: rpc, out: out})
			})
		})
		code := s.finish(m.StreamName, err)
		rpc.Done(codeName(code.Code()), time.Since(start))
		return code.Err()
	}
}

// guarded turns a panic of a handler into an error: a bug costs its caller an answer, not the server.
func (s *Service) guarded(rpc *telemetry.RPC, method string, f func() (any, error)) (reply any, err error) {
	defer func() {
		if r := recover(); r != nil {
			rpc.Panicked()
			s.cfg.Log.Error("call panicked", "rpc", method, "err", fmt.Sprint(r), "stack", string(debug.Stack()))
			reply, err = nil, lh.Errorf(lh.Internal, "An unexpected internal error occurred. Please contact support for assistance.")
		}
	}()
	return f()
}

func (s *Service) finish(method string, err error) *status.Status {
	st, known := statusOf(err)
	if !known {
		s.cfg.Log.Error("call failed", "rpc", method, "err", err)
	}
	return st
}

// decoder names what is wrong with a request that cannot be read, and bounds its size.
func (s *Service) decoder(dec func(any) error) func(any) error {
	return func(v any) error { return s.receive(dec, v) }
}

// receive reads a request. A report is let through whatever its size: the engine records the oversized
// attempt as failed.
func (s *Service) receive(from func(any) error, v any) error {
	in := &incoming{message: v.(proto.Message)}
	if err := from(in); err != nil {
		return err
	}
	if in.err != nil {
		return lh.Errorf(lh.InvalidArgument, "The request cannot be decoded: %v", in.err)
	}
	if _, report := v.(*lhpb.ReportTaskRun); !report && in.size > s.cfg.MaxRequestBytes {
		return s.refused(telemetry.TooLarge,
			lh.Errorf(lh.ResourceExhausted, "Record too large: the request has %d bytes, the limit is %d", in.size, s.cfg.MaxRequestBytes))
	}
	return nil
}

// admitted is a stream after the chain.
type admitted struct {
	grpc.ServerStream
	service *Service
	ctx     context.Context
	rpc     *telemetry.RPC
	out     *outgoing
}

func (a *admitted) Context() context.Context { return a.ctx }

func (a *admitted) RecvMsg(m any) error {
	err := a.service.receive(a.ServerStream.RecvMsg, m)
	if err == nil {
		a.rpc.Received.Inc()
	}
	return err
}

func (a *admitted) SendMsg(m any) error {
	err := a.ServerStream.SendMsg(a.out.of(a.ctx, m))
	if err == nil {
		a.rpc.Sent.Inc()
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
