package lh

import (
	"fmt"
	"runtime"
)

// Cause is what a log may say of a panic, beside the stack. Those of the runtime say what is wrong with the code; others may
// say what it was working on, and only their type is told.
func Cause(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", p)
}
