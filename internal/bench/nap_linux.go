package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

// nap sleeps for d or, if a signal comes, for less.
func nap(d time.Duration) {
	t := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&t, nil)
}
