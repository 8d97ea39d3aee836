package lh

import (
	"fmt"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// codec encodes the messages of lhpb by their generated methods, everything else by the protobuf library. It is given
// to each connection, never registered for the process.
type codec struct{}

type generatedMessage interface {
	SizeVT() int
	MarshalToSizedBufferVT([]byte) (int, error)
	UnmarshalVT([]byte) error
}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) (mem.BufferSlice, error) {
	switch m := v.(type) {
	case generatedMessage:
		buffer := make([]byte, m.SizeVT())
		if _, err := m.MarshalToSizedBufferVT(buffer); err != nil {
			return nil, err
		}
		return mem.BufferSlice{mem.SliceBuffer(buffer)}, nil
	case proto.Message:
		buffer, err := proto.Marshal(m)
		if err != nil {
			return nil, err
		}
		return mem.BufferSlice{mem.SliceBuffer(buffer)}, nil
	default:
		return nil, fmt.Errorf("cannot encode %T: not a protobuf message", v)
	}
}

func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	buffer := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer buffer.Free()
	switch m := v.(type) {
	case generatedMessage:
		return m.UnmarshalVT(buffer.ReadOnlyData())
	case proto.Message:
		return proto.Unmarshal(buffer.ReadOnlyData(), m)
	default:
		return fmt.Errorf("cannot decode into %T: not a protobuf message", v)
	}
}
