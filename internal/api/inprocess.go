package api

import (
	"context"
	"fmt"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Calls are the RPCs of one message each way, for those who come another way than by gRPC. They go through the same
// chain as the calls of the listener.
type Calls struct {
	known map[string]*Call
}

// Call is one of them.
type Call struct {
	// Name of it, with its service: littlehorse.LittleHorse/RunWf.
	Name string

	input protoreflect.MessageType
	serve func(*onlyCall) error // nil of a stream
}

// Calls gives the RPCs as callers of the listener have them.
func (s *Service) Calls(l *Listener) *Calls {
	c := &Calls{known: map[string]*Call{}}
	for _, service := range services {
		for _, m := range service.Methods {
			r := s.rpc(l, service.ServiceName, m.MethodName, "UNARY")
			r.limited, r.call, r.direct = isLimited(m.MethodName), m.Handler, directOf(m.MethodName)
			unary := r.unary()
			c.add(service.ServiceName, m.MethodName, func(stream *onlyCall) error { return unary(s, stream) })
		}
		for _, m := range service.Streams {
			c.add(service.ServiceName, m.StreamName, nil)
		}
	}
	return c
}

func (c *Calls) add(service, rpc string, serve func(*onlyCall) error) {
	input, err := protoregistry.GlobalTypes.FindMessageByName(requestOf(service, rpc).FullName())
	if err != nil {
		panic("api: the request of " + rpc + " is not generated: " + err.Error())
	}
	name := service + "/" + rpc
	c.known[name] = &Call{Name: name, input: input, serve: serve}
}

// Known refuses the peer and the metadata of ctx if the listener would, whatever the RPC: then nothing need be read of what
// he asks.
func (s *Service) Known(ctx context.Context, l *Listener) error {
	if refused := s.admit(&call{Context: ctx, listener: l}, nil); refused != nil {
		st, _ := statusOf(refused)
		return st.Err()
	}
	return nil
}

// Find is nil if there is no such RPC. The name is that of the service and that of the RPC.
func (c *Calls) Find(service, rpc string) *Call { return c.known[service+"/"+rpc] }

// Streams reports whether the RPC is one of many messages, which Do does not serve.
func (c *Call) Streams() bool { return c.serve == nil }

// Do makes the call for the peer and the metadata of ctx. The request is read only when the caller is admitted. The error
// is the status that gRPC would answer with.
func (c *Call) Do(ctx context.Context, read func(request proto.Message) error) (proto.Message, error) {
	s := &onlyCall{ctx: ctx, read: func() ([]byte, error) {
		request := c.input.New().Interface()
		if err := read(request); err != nil {
			return nil, err
		}
		return proto.Marshal(request)
	}}
	if err := c.serve(s); err != nil {
		return nil, err
	}
	reply, ok := s.reply.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%s answered with %T", c.Name, s.reply)
	}
	return reply, nil
}

// onlyCall is a grpc.ServerStream of one call that no transport carries: nobody asks it for what is not below.
type onlyCall struct {
	grpc.ServerStream
	ctx   context.Context
	read  func() ([]byte, error)
	reply any
}

// Context implements grpc.ServerStream.
func (s *onlyCall) Context() context.Context { return s.ctx }

// RecvMsg implements grpc.ServerStream.
func (s *onlyCall) RecvMsg(m any) error {
	in, ok := m.(*incoming)
	if !ok || s.read == nil {
		return io.EOF
	}
	b, err := s.read()
	s.read = nil
	if err != nil {
		return err
	}
	in.data = mem.SliceBuffer(b)
	return nil
}

// SendMsg implements grpc.ServerStream.
func (s *onlyCall) SendMsg(m any) error {
	s.reply = m
	return nil
}
