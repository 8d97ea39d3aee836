package dashboard

import (
	"bytes"
	"net/http"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"littlehorse/internal/api"
)

const (
	// textCopies is how often a request is there while it is read.
	textCopies = 3
	// partBytes and valueBytes are about what a message and a value take that are decoded.
	partBytes  = 128
	valueBytes = 48
)

// room is memory that all calls of the port share.
type room struct {
	left atomic.Int64
	call int64 // what one takes whose request is small and whose reply is not known
}

func newRoom(size int64) *room {
	r := &room{call: size / mostCalls}
	r.left.Store(size)
	return r
}

// visit is a request that is under way, and what it takes of the room.
type visit struct {
	h        *handler
	patience time.Duration
	bytes    atomic.Int64
}

// take counts memory that is about to be taken.
func (v *visit) take(n int64) error {
	if v.h.room.left.Add(-n) < 0 {
		v.h.room.left.Add(n)
		return status.Error(codes.ResourceExhausted, "The requests and replies on this port have too many bytes: try again")
	}
	v.bytes.Add(n)
	return nil
}

// has counts memory that is there already: a call that was made is answered.
func (v *visit) has(n int) {
	v.h.room.left.Add(-int64(n))
	v.bytes.Add(int64(n))
}

func (v *visit) give(n int64) {
	v.h.room.left.Add(n)
	v.bytes.Add(-n)
}

// leave gives back the place and the room.
func (v *visit) leave() {
	v.h.room.left.Add(v.bytes.Load())
	<-v.h.places
}

// bodyBytes is what a body may take.
func bodyBytes(r *http.Request) int64 {
	length := r.ContentLength
	if length < 0 || length > api.MaxMessageBytes {
		length = api.MaxMessageBytes
	}
	return textCopies * length
}

// burden is about what a text takes when it is decoded: the shortest of messages and values are a few bytes of it.
func burden(text []byte) int64 {
	return partBytes*int64(bytes.Count(text, []byte{'{'})) + valueBytes*int64(bytes.Count(text, []byte{','}))
}
