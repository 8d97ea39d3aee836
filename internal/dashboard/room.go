package dashboard

import (
	"bytes"
	"io"
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
	size int64
	call int64 // what one takes whose request is small and whose reply is not known
}

func newRoom(size int64) *room {
	r := &room{size: size, call: size / mostCalls}
	r.left.Store(size)
	return r
}

// plenty reports whether at least half of the room is free.
func (r *room) plenty() bool { return r.left.Load() >= r.size/2 }

// visit is a request that is under way, and what it takes of the room.
type visit struct {
	h        *handler
	patience time.Duration
	bytes    atomic.Int64
	placed   bool
}

var (
	errRoom   = status.Error(codes.ResourceExhausted, "The requests and replies on this port have too many bytes: try again")
	errPlaces = status.Errorf(codes.ResourceExhausted, "More than %d calls are under way on this port", mostCalls)
)

// take counts memory that is about to be taken.
func (v *visit) take(n int64) error {
	if v.h.room.left.Add(-n) < 0 {
		v.h.room.left.Add(n)
		return errRoom
	}
	v.bytes.Add(n)
	return nil
}

// body is the request as it comes: it counts what is there, not what is announced, and leaves as much as it takes.
func (v *visit) body(w http.ResponseWriter, r *http.Request) io.Reader {
	return &body{v, http.MaxBytesReader(w, r.Body, api.MaxMessageBytes)}
}

type body struct {
	visit *visit
	from  io.Reader
}

// Read implements io.Reader.
func (b *body) Read(into []byte) (int, error) {
	n, err := b.from.Read(into)
	if n > 0 {
		v := b.visit
		if refused := v.take(textCopies * int64(n)); refused != nil {
			return 0, refused
		}
		if v.bytes.Load() > v.h.room.left.Load() {
			return 0, errRoom
		}
	}
	return n, err
}

// enter takes a place and room for the call. All of its request is there: who sends it slowly takes no place from others.
func (v *visit) enter() error {
	select {
	case v.h.places <- struct{}{}:
	default:
		return errPlaces
	}
	v.placed = true
	return v.take(v.h.room.call)
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
	if v.placed {
		<-v.h.places
	}
}

// burden is about what a text takes when it is decoded: the shortest of messages and values are a few bytes of it.
func burden(text []byte) int64 {
	return partBytes*int64(bytes.Count(text, []byte{'{'})) + valueBytes*int64(bytes.Count(text, []byte{','}))
}
