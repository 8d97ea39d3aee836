package check

import (
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// raw takes a value of any kind as it is encoded.
type raw struct {
	pb.Empty
	bytes []byte
}

// UnmarshalVT keeps the bytes.
func (r *raw) UnmarshalVT(b []byte) error {
	r.bytes = append([]byte(nil), b...)
	return nil
}

func decode(from machine.Value, to machine.Value) error {
	if r, ok := from.(*raw); ok {
		return to.UnmarshalVT(r.bytes)
	}
	b, err := from.MarshalVT()
	if err != nil {
		return err
	}
	return to.UnmarshalVT(b)
}
