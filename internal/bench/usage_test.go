package bench

import (
	"os"
	"testing"
	"time"
)

// A short piece of work is not nothing.
func TestCPUOfAProcessIsCountedFinely(t *testing.T) {
	before, err := processCPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	unit, err := calibrate()
	if err != nil {
		t.Fatal(err)
	}
	after, err := processCPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if used := after - before; used < unit || used%(time.Second/100) == 0 {
		t.Errorf("%s, of which a piece of the calibration took %s", used, unit)
	}
	if used, err := processCPU(1 << 23); err == nil {
		t.Errorf("of a number that no process has: %s", used)
	}
}
