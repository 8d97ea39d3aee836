package api

import (
	"bytes"
	"context"
	"io"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/mem"

	"littlehorse/internal/h2"
	"littlehorse/internal/lh"
)

// maxInflating bounds the requests that are being decompressed at once: each may become as long as a message may be,
// however short it came.
const maxInflating = 16

// unopened keeps grpc-go from decompressing requests, which it does for all calls of all connections at once, before anybody
// has counted what came. It passes them on with a mark before them; the chain decompresses them. Package h2 takes turns itself.
type unopened struct{}

// Type implements grpc.Decompressor.
func (unopened) Type() string { return gzip.Name }

// Do implements grpc.Decompressor.
func (unopened) Do(r io.Reader) ([]byte, error) {
	size := 1
	if known, ok := r.(interface{ Remaining() int }); ok {
		size += known.Remaining()
	}
	b := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	b.WriteByte(unopenedMark)
	_, err := b.ReadFrom(r)
	return b.Bytes(), err
}

// unopenedMark is the number of no field: no message begins with it.
const unopenedMark = 0

// inflate decompresses the request if it came so, and counts what it has become.
func (c *call) inflate() error {
	if err := c.request.inflate(c, c.rpc); err != nil || c.held == 0 {
		return err
	}
	n := int64(c.request.data.Len())
	c.line.Gone(c.held - n)
	c.held = n
	return nil
}

func (in *incoming) inflate(ctx context.Context, r *rpc) error {
	b := in.data.ReadOnlyData()
	if !r.welcomed || len(b) == 0 || b[0] != unopenedMark {
		return nil
	}
	turns := r.service.inflating
	select {
	case turns <- struct{}{}:
		defer func() { <-turns }()
	case <-ctx.Done():
		return ctx.Err()
	}
	message, err := inflated(b[1:])
	if err != nil {
		return err
	}
	in.data.Free()
	in.data = message
	return nil
}

func inflated(b []byte) (mem.Buffer, error) {
	r, err := encoding.GetCompressor(gzip.Name).Decompress(bytes.NewReader(b))
	if err != nil {
		return nil, lh.Errorf(lh.Internal, "The request cannot be decompressed: %v", err)
	}
	if c, ok := r.(io.Closer); ok {
		defer func() { _ = c.Close() }() // it gives back what decompresses
	}
	out, err := mem.ReadAll(io.LimitReader(r, MaxMessageBytes+1), h2.Buffers)
	defer out.Free()
	switch {
	case err != nil:
		return nil, lh.Errorf(lh.Internal, "The request cannot be decompressed: %v", err)
	case out.Len() > MaxMessageBytes:
		return nil, lh.Errorf(lh.ResourceExhausted, "received message after decompression larger than max %d", MaxMessageBytes)
	}
	return out.MaterializeToBuffer(h2.Buffers), nil
}
