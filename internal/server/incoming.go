package server

import (
	"sync"

	"golang.org/x/net/http2"

	"littlehorse/internal/api"
)

const (
	// prefixBytes is what stands before each message: whether it is compressed, and its length.
	prefixBytes = 5
	// pieceBytes is about what the transport needs for each frame of data beside what is in it, until the message is
	// whole.
	pieceBytes = 128
)

// incoming follows what comes of requests: grpc-go bounds a message, but neither how many are on their way on a
// connection nor how long they may be. What came of those that are not whole is counted.
type incoming struct {
	backlog *api.Backlog
	frames  frames
	greeted int // bytes of the preface, which stands before the first frame

	mu    sync.Mutex
	last  uint32             // stream that was begun
	open  map[uint32]*coming // streams on which more may come
	delta int64              // bytes to be counted
	// Of the frame of data that is coming; to is nil if it belongs to no stream.
	to     *coming
	padded bool // its first byte says how much at its end is nothing
	data   int  // what is left of it but for that
}

// coming is what came of the next message of a stream.
type coming struct {
	prefix [prefixBytes]byte
	have   int // of the prefix
	rest   int // of the message
	bytes  int64
}

func newIncoming(b *api.Backlog) *incoming {
	return &incoming{backlog: b, open: map[uint32]*coming{}}
}

// read follows what was read. It holds the reader up while too much is on its way.
func (in *incoming) read(b []byte) {
	if n := min(len(http2.ClientPreface)-in.greeted, len(b)); n > 0 {
		in.greeted += n
		b = b[n:]
	}
	in.mu.Lock()
	for p, ok := in.frames.next(&b); ok; p, ok = in.frames.next(&b) {
		if p.begins {
			in.begin(p)
		}
		if p.kind == http2.FrameData && in.to != nil {
			in.add(p.bytes)
		}
		if in.frames.rest == 0 && p.ends() {
			in.end(p.stream)
		}
	}
	n := in.delta
	in.delta = 0
	in.mu.Unlock()
	if n != 0 {
		in.backlog.Came(n)
	}
}

// begin takes the header of a frame; in.mu is held.
func (in *incoming) begin(p piece) {
	switch p.kind {
	case http2.FrameHeaders:
		if p.stream > in.last {
			in.last = p.stream
			in.open[p.stream] = &coming{}
		}
	case http2.FrameData:
		if in.to = in.open[p.stream]; in.to != nil {
			in.padded, in.data = p.flags.Has(http2.FlagDataPadded), p.length
			in.count(in.to, overhead(p.length))
		}
	default:
	}
}

// add takes data; in.mu is held.
func (in *incoming) add(b []byte) {
	if in.padded && len(b) > 0 {
		in.padded = false
		in.data = max(in.data-1-int(b[0]), 0)
		b = b[1:]
	}
	b = b[:min(len(b), in.data)]
	in.data -= len(b)
	m := in.to
	for len(b) > 0 {
		n := copy(m.prefix[m.have:], b)
		if m.have += n; m.have < prefixBytes {
			in.count(m, n)
			return
		}
		if n > 0 {
			m.rest = int(m.prefix[1])<<24 | int(m.prefix[2])<<16 | int(m.prefix[3])<<8 | int(m.prefix[4])
		}
		b = b[n:]
		part := min(m.rest, len(b))
		b = b[part:]
		if m.rest -= part; m.rest == 0 {
			in.count(m, -int(m.bytes))
			m.have = 0
			continue
		}
		in.count(m, n+part)
	}
}

// overhead is what a frame of data takes beside its length: the transport reads it into a buffer of one of few sizes.
func overhead(length int) int {
	switch {
	case length == 0:
		return 0
	case length <= 1<<10:
		return pieceBytes
	case length <= 4<<10:
		return pieceBytes + 4<<10 - length
	default:
		return pieceBytes + max(16<<10-length, 0)
	}
}

func (in *incoming) count(m *coming, n int) {
	m.bytes += int64(n)
	in.delta += int64(n)
}

// end forgets a stream; in.mu is held.
func (in *incoming) end(stream uint32) {
	m := in.open[stream]
	if m == nil {
		return
	}
	in.count(m, -int(m.bytes))
	delete(in.open, stream)
	if in.to == m {
		in.to = nil
	}
}

// answered forgets a stream that the server has ended: what still comes of it is thrown away.
func (in *incoming) answered(stream uint32) {
	in.mu.Lock()
	in.end(stream)
	n := in.delta
	in.delta = 0
	in.mu.Unlock()
	if n != 0 {
		in.backlog.Gone(-n)
	}
}
