package h2

import (
	"testing"

	"pgregory.net/rapid"
)

// TestBuffersFit: whatever was given back, a buffer has the length that is asked for and is not much larger.
func TestBuffersFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &buffers{}
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 3<<mostBits), 1, 20).Draw(t, "lengths") {
			b := p.Get(n)
			if len(*b) != n || cap(*b) > max(2*n, 1<<leastBits) {
				t.Fatalf("%d bytes were asked for, and %d of %d came", n, len(*b), cap(*b))
			}
			*b = (*b)[:rapid.IntRange(0, n).Draw(t, "used")]
			p.Put(b)
		}
		foreign := make([]byte, rapid.IntRange(0, 3<<mostBits).Draw(t, "foreign"))
		p.Put(&foreign)
		for n := 1; n <= mostBuffer; n *= 2 {
			if b := p.Get(n); len(*b) != n {
				t.Fatalf("%d bytes were asked for, and %d came", n, len(*b))
			}
		}
	})
}
