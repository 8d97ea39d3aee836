package api

import (
	"fmt"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
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
	pool := mem.DefaultBufferPool()
	b := pool.Get(size)
	if _, err := into((*b)[:size]); err != nil {
		pool.Put(b)
		return nil, err
	}
	return mem.BufferSlice{mem.NewBuffer(b, pool)}, nil
}

// incoming is a request on its way in. What is wrong with it is kept instead of being returned to the
// transport, which would answer INTERNAL by itself.
type incoming struct {
	message proto.Message
	size    int // bytes as they came
	err     error
}

// Unmarshal implements encoding.CodecV2.
func (Codec) Unmarshal(data mem.BufferSlice, v any) error {
	if in, ok := v.(*incoming); ok {
		in.size, in.err = data.Len(), decodeMessage(data, in.message)
		return nil
	}
	m, ok := v.(proto.Message)
	if !ok {
		return fmt.Errorf("cannot decode into %T", v)
	}
	return decodeMessage(data, m)
}

func decodeMessage(data mem.BufferSlice, m proto.Message) error {
	buf := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer buf.Free()
	return proto.UnmarshalOptions{RecursionLimit: maxNesting, DiscardUnknown: true}.Unmarshal(buf.ReadOnlyData(), m)
}
