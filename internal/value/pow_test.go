package value

import (
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestPowerBits: the same bits as the algorithm gives elsewhere, whatever the processor.
//
// covers: engine-3 §5.2
func TestPowerBits(t *testing.T) {
	table, err := os.ReadFile("testdata/pow.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		var f [3]float64
		words := strings.Fields(line)
		if strings.HasPrefix(line, "#") || len(words) != len(f) {
			continue
		}
		for i, w := range words {
			bits, err := strconv.ParseUint(w, 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			f[i] = math.Float64frombits(bits)
		}
		got := powDouble(f[0], f[1])
		if math.Float64bits(got) != math.Float64bits(f[2]) && !(math.IsNaN(got) && math.IsNaN(f[2])) {
			t.Errorf("%v to the power of %v is %v, want %v", f[0], f[1], got, f[2])
		}
	}
}
