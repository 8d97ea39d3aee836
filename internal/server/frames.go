package server

import (
	"encoding/binary"
	"net"
	"sync/atomic"

	"golang.org/x/net/http2"
	"google.golang.org/grpc/credentials"
)

// frameHeader is the length of what stands before the payload of each frame.
const frameHeader = 9

// frames follows the frames of HTTP/2 in what goes one way over a connection, in whatever pieces it goes.
type frames struct {
	header [frameHeader]byte
	have   int // of the header
	rest   int // of the payload
}

// piece is a part of a frame: its header and what came of the payload with it, or more of the payload.
type piece struct {
	begins bool
	kind   http2.FrameType
	flags  http2.Flags
	stream uint32
	length int    // of the payload of the whole frame
	bytes  []byte // of the payload in this piece
}

// ends tells of frames with which a stream is over for whoever sends them.
func (p piece) ends() bool {
	switch p.kind {
	case http2.FrameData, http2.FrameHeaders:
		return p.flags.Has(http2.FlagDataEndStream)
	case http2.FrameRSTStream:
		return true
	default:
		return false
	}
}

// next takes the next piece out of b; false if b ends before there is one.
func (f *frames) next(b *[]byte) (piece, bool) {
	begins := f.rest == 0
	if begins {
		n := copy(f.header[f.have:], *b)
		*b = (*b)[n:]
		if f.have += n; f.have < frameHeader {
			return piece{}, false
		}
		f.have = 0
		f.rest = f.length()
	} else if len(*b) == 0 {
		return piece{}, false
	}
	bytes := (*b)[:min(f.rest, len(*b))]
	*b = (*b)[len(bytes):]
	f.rest -= len(bytes)
	return piece{
		begins: begins, kind: http2.FrameType(f.header[3]), flags: http2.Flags(f.header[4]),
		stream: binary.BigEndian.Uint32(f.header[5:]) &^ (1 << 31), length: f.length(), bytes: bytes,
	}, true
}

func (f *frames) length() int { return int(f.header[0])<<16 | int(f.header[1])<<8 | int(f.header[2]) }

// traffic is what is known of the frames of a connection.
type traffic struct {
	in    *incoming // nil where it is not followed
	out   frames
	taken atomic.Int64 // bytes of replies that were written
}

// wrote follows what was written, by one goroutine at a time.
func (t *traffic) wrote(b []byte) {
	taken := 0
	for p, ok := t.out.next(&b); ok; p, ok = t.out.next(&b) {
		if p.kind == http2.FrameData {
			taken += len(p.bytes)
		}
		if t.in != nil && p.begins && p.ends() {
			t.in.answered(p.stream)
		}
	}
	if taken > 0 {
		t.taken.Add(int64(taken))
	}
}

// read follows what was read, by one goroutine at a time.
func (t *traffic) read(b []byte) {
	if t.in != nil {
		t.in.read(b)
	}
}

// secured is a connection above TLS, where frames can be seen.
type secured struct {
	net.Conn
	traffic *traffic
}

// Write implements net.Conn.
func (s *secured) Write(b []byte) (int, error) {
	n, err := s.Conn.Write(b)
	s.traffic.wrote(b[:n])
	return n, err
}

// Read implements net.Conn.
func (s *secured) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	s.traffic.read(b[:n])
	return n, err
}

// watched are credentials whose connections know of their frames.
type watched struct {
	credentials.TransportCredentials
}

// ServerHandshake implements credentials.TransportCredentials.
func (w watched) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	above, info, err := w.TransportCredentials.ServerHandshake(conn)
	if c, ok := conn.(*counted); ok && err == nil {
		above = &secured{above, &c.traffic}
	}
	return above, info, err
}

// Clone implements credentials.TransportCredentials.
func (w watched) Clone() credentials.TransportCredentials {
	return watched{w.TransportCredentials.Clone()}
}
