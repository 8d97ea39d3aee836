package h2

import (
	"math/bits"
	"sync"

	"google.golang.org/grpc/mem"
)

// Buffers are used for messages, again and again: for each there is one that is less than twice as large as it needs, up to
// the largest that are kept. What a buffer holds from before is not cleared, whoever gets it writes what he reads.
var Buffers mem.BufferPool = &buffers{}

const (
	leastBits = 10
	mostBits  = 20
	// mostBuffer is the largest that is kept.
	mostBuffer = 1 << mostBits
)

type buffers struct {
	kept [mostBits - leastBits + 1]sync.Pool
}

// Get implements mem.BufferPool.
func (p *buffers) Get(length int) *[]byte {
	if length > mostBuffer {
		b := make([]byte, length)
		return &b
	}
	n := max(bits.Len(uint(max(length, 1)-1)), leastBits)
	if b, ok := p.kept[n-leastBits].Get().(*[]byte); ok {
		*b = (*b)[:length]
		return b
	}
	b := make([]byte, length, 1<<n)
	return &b
}

// Put implements mem.BufferPool.
func (p *buffers) Put(b *[]byte) {
	n := bits.Len(uint(cap(*b))) - 1
	if n < leastBits || cap(*b) > mostBuffer {
		return
	}
	p.kept[n-leastBits].Put(b)
}
