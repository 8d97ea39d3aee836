package server

import (
	"io"
	"net"
	"syscall"

	"google.golang.org/grpc/mem"
)

// readable reads a connection into buffers that are taken only when something has come. Whoever reads an idle connection
// holds none: of ten thousand that matters.
type readable struct {
	raw  syscall.RawConn
	size int
	pool mem.BufferPool

	buffer *[]byte
	n      int
	err    error
	try    func(fd uintptr) bool
}

// readableOf is nil for what is no socket, and where sockets are read otherwise.
func readableOf(c net.Conn) *readable {
	tcp, ok := c.(*net.TCPConn)
	if !ok || readNow == nil {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	r := &readable{raw: raw}
	r.try = r.once
	return r
}

// once reads if there is something to read.
func (r *readable) once(fd uintptr) (done bool) {
	buffer := r.pool.Get(r.size)
	if r.n, done, r.err = readNow(fd, *buffer); r.n > 0 {
		r.buffer = buffer
		return true
	}
	r.pool.Put(buffer)
	return done
}

// ReadOnReady reads at most size bytes into a buffer of the pool, which the caller gives back. grpc-go asks connections
// for it that have it. Only one goroutine may read.
func (c *counted) ReadOnReady(size int, pool mem.BufferPool) (*[]byte, int, error) {
	if c.ready == nil {
		buffer := pool.Get(size)
		n, err := c.Read(*buffer)
		if n > 0 {
			return buffer, n, nil
		}
		pool.Put(buffer)
		return nil, 0, err
	}
	buffer, n, err := c.ready.read(size, pool)
	if n > 0 {
		c.came((*buffer)[:n])
	}
	return buffer, n, err
}

func (r *readable) read(size int, pool mem.BufferPool) (*[]byte, int, error) {
	r.size, r.pool = size, pool
	err := r.raw.Read(r.try)
	buffer, n := r.buffer, r.n
	r.buffer = nil
	switch {
	case buffer != nil:
		return buffer, n, nil
	case err != nil:
		return nil, 0, err
	case r.err != nil:
		return nil, 0, r.err
	default:
		return nil, 0, io.EOF
	}
}
