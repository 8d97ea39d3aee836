//go:build !unix

package partition

import "os"

// mapped forgets: where files cannot be mapped, nobody knows which record has ended the process.
func mapped(_ *os.File, size int) (bytes []byte, release func() error, err error) {
	return make([]byte, size), func() error { return nil }, nil
}
