package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"littlehorse/lhpb"
)

const service = "littlehorse.LittleHorse"

// methods are the RPCs of the public service by name.
var methods = lhpb.File_service_proto.Services().ByName("LittleHorse").Methods()

func newMessage(d protoreflect.MessageDescriptor) (proto.Message, error) {
	t, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil {
		return nil, err
	}
	return t.New().Interface(), nil
}

// call sends one RPC by name, and again when a busy server asks for that, as the official clients do.
func (s *server) call(ctx context.Context, method string, req proto.Message) (proto.Message, error) {
	m := methods.ByName(protoreflect.Name(method))
	if m == nil {
		return nil, fmt.Errorf("no RPC %s", method)
	}
	answer, err := newMessage(m.Output())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		err := s.conn.Invoke(ctx, "/"+service+"/"+method, req, answer)
		again, busy := retryAfter(err)
		if !busy {
			return answer, err
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return answer, err
		}
	}
}

// retryAfter is when a refused call may be made again, if the refusal says so.
func retryAfter(err error) (time.Duration, bool) {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info.RetryDelay.AsDuration(), true
		}
	}
	return 0, false
}

// request reads the request of an RPC from its JSON form.
func request(method string, text []byte) (proto.Message, error) {
	m := methods.ByName(protoreflect.Name(method))
	if m == nil {
		return nil, fmt.Errorf("no RPC %s", method)
	}
	req, err := newMessage(m.Input())
	if err != nil {
		return nil, err
	}
	return req, protojson.Unmarshal(text, req)
}

// settled sends an RPC that may meet metadata which a server does not see yet.
func (s *server) settled(ctx context.Context, method string, req proto.Message, early func(error) bool) (proto.Message, error) {
	for deadline := time.Now().Add(3 * time.Second); ; time.Sleep(30 * time.Millisecond) {
		answer, err := s.call(ctx, method, req)
		if err == nil || !early(err) || time.Now().After(deadline) || ctx.Err() != nil {
			return answer, err
		}
	}
}

func isCode(c codes.Code) func(error) bool {
	return func(err error) bool { return status.Code(err) == c }
}

func never(error) bool { return false }

func jsonValue(m proto.Message) any {
	b, err := protojson.Marshal(m)
	if err != nil {
		return err.Error()
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		return err.Error()
	}
	return v
}
