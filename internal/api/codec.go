package api

import (
	"fmt"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/internal/h2"
	"littlehorse/internal/machine"
)

// maxNesting bounds how deep messages may nest in a request: arrays in arrays, parents of parents.
const maxNesting = 150

// Codec encodes with the generated fast encoders and decodes with a bound on nesting. Fields that this
// version does not know are dropped.
type Codec struct{}

// Name under which clients ask for it.
func (Codec) Name() string { return "proto" }

type fastMessage interface {
	SizeVT() int
	MarshalToSizedBufferVT([]byte) (int, error)
}

// Marshal implements encoding.CodecV2.
func (Codec) Marshal(v any) (mem.BufferSlice, error) {
	switch m := v.(type) {
	case *outgoing:
		return m.encode()
	case fastMessage:
		return encode(m.SizeVT(), m.MarshalToSizedBufferVT)
	}
	if e, ok := v.(*emptypb.Empty); ok && len(e.ProtoReflect().GetUnknown()) == 0 {
		return nil, nil
	}
	m, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("cannot encode %T", v)
	}
	b, err := proto.Marshal(m)
	if err != nil {
		return nil, err
	}
	return mem.BufferSlice{mem.SliceBuffer(b)}, nil
}

func encode(size int, into func([]byte) (int, error)) (mem.BufferSlice, error) {
	if mem.IsBelowBufferPoolingThreshold(size) {
		b := make([]byte, size)
		if _, err := into(b); err != nil {
			return nil, err
		}
		return mem.BufferSlice{mem.SliceBuffer(b)}, nil
	}
	pool := h2.Buffers
	b := pool.Get(size)
	if _, err := into((*b)[:size]); err != nil {
		pool.Put(b)
		return nil, err
	}
	return mem.BufferSlice{mem.NewBuffer(b, pool)}, nil
}

// incoming is a message on its way in, as the transport gives it: it is decoded outside of it, where it is known whose it
// is and where what is wrong with it can be told to the caller.
type incoming struct{ data mem.Buffer }

// Unmarshal implements encoding.CodecV2.
func (Codec) Unmarshal(data mem.BufferSlice, v any) error {
	if in, ok := v.(*incoming); ok {
		in.data = data.MaterializeToBuffer(h2.Buffers)
		return nil
	}
	m, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("cannot decode into %T", v)
	}
	buf := data.MaterializeToBuffer(h2.Buffers)
	defer buf.Free()
	return decodeStrictly(buf.ReadOnlyData(), m)
}

// into decodes the message, of that shape, and gives its bytes back.
func (in *incoming) into(v any, s *shape) (err error) {
	defer in.close(&err)
	b := in.data.ReadOnlyData()
	if m, ok := v.(machine.Value); ok && s.plain(b, maxPlainNesting) && m.UnmarshalVT(b) == nil {
		return nil
	}
	m, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("cannot decode into %T", v)
	}
	return decodeStrictly(b, m)
}

// close gives the bytes back. Whatever a client sends, it costs nobody else a thing: not even when a decoder has a bug.
func (in *incoming) close(err *error) {
	in.data.Free()
	if p := recover(); p != nil {
		*err = fmt.Errorf("%v", p)
	}
}

func decodeStrictly(b []byte, m proto.Message) error {
	return proto.UnmarshalOptions{RecursionLimit: maxNesting, DiscardUnknown: true}.Unmarshal(b, m)
}
