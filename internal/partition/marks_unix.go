//go:build unix

package partition

import (
	"os"

	"golang.org/x/sys/unix"
)

func mapped(f *os.File, size int) (bytes []byte, release func() error, err error) {
	bytes, err = unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return bytes, func() error { return unix.Munmap(bytes) }, err
}
