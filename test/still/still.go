// Package still looks for what the tests of a package have left running.
package still

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Main runs the tests of a package, and fails if goroutines of theirs are left. What ends by and by has a minute for it.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if err := settled(); err != nil {
			fmt.Fprintf(os.Stderr, "the tests have left something running: %v\n", err)
			code = 1
		}
	}
	os.Exit(code)
}

func settled() (err error) {
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if err = goleak.Find(); err == nil || time.Now().After(end) {
			return err
		}
	}
}
