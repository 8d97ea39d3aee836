package api

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

const (
	// lightBytes is what a request may have whose call takes more memory than it can.
	lightBytes = 512
	// partBytes and textBytes are about what a message and a text take in memory, beside the bytes that are in them: of two
	// bytes that are sent each.
	partBytes = 128
	textBytes = 32
	// numberBytes is the same of a byte in which there are numbers.
	numberBytes = 16
)

// weigh counts what the request takes when it is decoded, until the call has ended. It waits for a while if that is too
// much of the connection, unless those that are not decoded are too much already.
func (c *call) weigh() error {
	burden := c.weight()
	if c.rpc.reports && c.unfit(burden) {
		c.shorten()
		burden = c.weight()
	}
	if burden == 0 {
		return nil
	}
	for range givesUp {
		if c.line.keepAs(c.rpc.reports, burden) {
			c.burden = burden
			return nil
		}
		if c.Err() != nil || c.line.full(c.rpc.reports) {
			break
		}
		time.Sleep(inputPause)
	}
	return tooMuchInput()
}

// weight is the burden of the request; 0 if it is not worth to be counted, or will not be decoded.
func (c *call) weight() int64 {
	size := c.request.data.Len()
	if c.line == nil || c.rpc.tooLarge(size) || size <= lightBytes && !c.rpc.lasts {
		return 0
	}
	burden := c.rpc.request.burden(c.request.data.ReadOnlyData(), maxNesting)
	if c.rpc.lasts {
		burden += int64(size)
	}
	return burden
}

// burden is about how much more memory the bytes take as a message.
func (s *shape) burden(b []byte, nesting int) (sum int64) {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return sum // nor is it decoded
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
			return sum
		}
		var f member
		if int(number) < len(s.fields) {
			f = s.fields[number]
		}
		value := b[:n]
		b = b[n:]
		switch {
		case kind != protowire.BytesType:
			sum += numberBytes
		case f.of != nil:
			sum += partBytes
			if part, _ := protowire.ConsumeBytes(value); nesting > 0 {
				sum += f.of.burden(part, nesting-1)
			}
		case f.wire == 1+2:
			sum += textBytes
		default:
			sum += numberBytes * int64(n)
		}
	}
	return sum
}
