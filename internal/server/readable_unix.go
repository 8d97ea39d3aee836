//go:build unix

package server

import (
	"errors"
	"syscall"
)

// readNow reads what is there; done is false if nothing is.
var readNow = func(fd uintptr, b []byte) (n int, done bool, err error) {
	for {
		n, err = syscall.Read(int(fd), b)
		if !errors.Is(err, syscall.EINTR) {
			return n, !errors.Is(err, syscall.EAGAIN), err
		}
	}
}
