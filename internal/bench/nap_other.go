//go:build !linux

package bench

import "time"

// nap sleeps for d, or a little longer.
func nap(d time.Duration) { time.Sleep(d) }
