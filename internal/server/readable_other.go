//go:build !unix

package server

// readNow is nil: connections are read into buffers that wait.
var readNow func(fd uintptr, b []byte) (n int, done bool, err error)
