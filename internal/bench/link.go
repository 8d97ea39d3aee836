package bench

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/url"
	"runtime"
	"strconv"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

const (
	// linkWindow is what the peer may send on a stream and on the connection; he gets a quarter at a time again.
	linkWindow = 64 << 20
	// firstWindow is what we may send until the peer says more.
	firstWindow = 1<<16 - 1
	linkFrame   = 16384
	frameHeader = 9
	prefixBytes = 5 // before each message
	linkBuffer  = 64 << 10
)

// link is a connection that stands. One goroutine reads. Who has something to send appends it, and sends what has gathered
// unless another is about to.
type link struct {
	nc    net.Conn
	ended chan struct{} // closed when the reading goroutine has ended

	mu      sync.Mutex
	room    *sync.Cond // more may be sent, or another call be opened, or the link is broken
	out     []byte
	spare   []byte
	sending bool
	nextID  uint32
	most    int  // calls at a time; none until the peer has said
	met     bool // he has
	calls   map[uint32]*exchange
	window  int64
	initial int64 // window of new streams
	err     error
	encoder *hpack.Encoder
	block   bytes.Buffer // what it has encoded last
	usual   []hpack.HeaderField

	consumed int // bytes that the peer has no window for again; of the reading goroutine
	good     []byte
	headers  *hpack.Decoder
}

func newLink(nc net.Conn, address, tenant string) *link {
	l := &link{
		nc: nc, ended: make(chan struct{}), nextID: 1, calls: map[uint32]*exchange{}, window: firstWindow, initial: firstWindow,
		headers: hpack.NewDecoder(0, nil),
	}
	l.room = sync.NewCond(&l.mu)
	l.encoder = hpack.NewEncoder(&l.block)
	l.usual = []hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: "http"},
		{Name: ":path"},
		{Name: ":authority", Value: address},
		{Name: "content-type", Value: "application/grpc"},
		{Name: "user-agent", Value: "lh-bench"},
		{Name: "te", Value: "trailers"},
	}
	if tenant != "" {
		l.usual = append(l.usual, hpack.HeaderField{Name: "tenantid", Value: tenant})
	}
	l.out = append(l.out, http2.ClientPreface...)
	l.out = appendFrame(l.out, 18, http2.FrameSettings, 0, 0)
	for _, s := range []http2.Setting{
		{ID: http2.SettingHeaderTableSize, Val: 0}, // header blocks have no memory then
		{ID: http2.SettingEnablePush, Val: 0},
		{ID: http2.SettingInitialWindowSize, Val: linkWindow},
	} {
		l.out = binary.BigEndian.AppendUint16(l.out, uint16(s.ID))
		l.out = binary.BigEndian.AppendUint32(l.out, s.Val)
	}
	l.out = appendWindow(l.out, 0, linkWindow-firstWindow)
	go l.read()
	return l
}

// request encodes the header of a call; l.mu is held.
func (l *link) request(method string) []byte {
	l.block.Reset()
	for _, f := range l.usual {
		if f.Name == ":path" {
			f.Value = method
		}
		_ = l.encoder.WriteField(f) // a Buffer takes everything
	}
	return l.block.Bytes()
}

func appendFrame(b []byte, length int, kind http2.FrameType, flags http2.Flags, stream uint32) []byte {
	b = append(b, byte(length>>16), byte(length>>8), byte(length), byte(kind), byte(flags))
	return binary.BigEndian.AppendUint32(b, stream)
}

func appendWindow(b []byte, stream uint32, n int) []byte {
	return binary.BigEndian.AppendUint32(appendFrame(b, 4, http2.FrameWindowUpdate, 0, stream), uint32(n))
}

func (l *link) broken() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err != nil
}

// fail breaks the link: all calls end.
func (l *link) fail(err error) {
	l.mu.Lock()
	if l.err == nil {
		l.err = status.Errorf(codes.Unavailable, "the connection broke: %v", err)
	}
	err = l.err
	calls := l.calls
	l.calls = map[uint32]*exchange{}
	l.room.Broadcast()
	l.mu.Unlock()
	_ = l.nc.Close()
	for _, c := range calls {
		c.deliver(nil, err)
	}
}

// open begins a call, with its only message if there is one. io.EOF says that it has ended already.
func (l *link) open(c *exchange, method string, m proto.Message, last bool) error {
	l.mu.Lock()
	for l.err == nil && len(l.calls) >= l.most {
		l.room.Wait()
	}
	if l.err != nil {
		l.mu.Unlock()
		return l.err
	}
	c.id, c.window = l.nextID, l.initial
	l.nextID += 2
	l.calls[c.id] = c
	block := l.request(method)
	l.out = append(appendFrame(l.out, len(block), http2.FrameHeaders, http2.FlagHeadersEndHeaders, c.id), block...)
	if m != nil {
		if err := l.append(c, m, last); err != nil {
			l.mu.Unlock()
			return err
		}
	}
	l.flush()
	return nil
}

// send sends a message of a call, or closes our side of it. It may be left to the next who sends.
func (l *link) send(c *exchange, m proto.Message, last, later bool) error {
	l.mu.Lock()
	if l.err != nil || c.closed {
		l.mu.Unlock()
		return io.EOF // the end says why
	}
	if err := l.append(c, m, last); err != nil {
		l.mu.Unlock()
		return err
	}
	if later {
		l.mu.Unlock()
		return nil
	}
	l.flush()
	return nil
}

// append encodes a message into frames; l.mu is held. It waits for window.
func (l *link) append(c *exchange, m proto.Message, last bool) error {
	c.closed = last
	if m == nil {
		l.out = appendFrame(l.out, 0, http2.FrameData, http2.FlagDataEndStream, c.id)
		return nil
	}
	size := sizeOf(m)
	if n := prefixBytes + size; n <= linkFrame && int64(n) <= min(c.window, l.window) {
		l.out = appendFrame(l.out, n, http2.FrameData, endFlag(last), c.id)
		at := len(l.out)
		l.out = append(l.out, make([]byte, n)...)
		binary.BigEndian.PutUint32(l.out[at+1:], uint32(size))
		c.window -= int64(n)
		l.window -= int64(n)
		return encode(l.out[at+prefixBytes:], m)
	}
	b := make([]byte, prefixBytes+size)
	binary.BigEndian.PutUint32(b[1:], uint32(size))
	if err := encode(b[prefixBytes:], m); err != nil {
		return err
	}
	return l.appendLarge(c, b, last)
}

// appendLarge sends in as many frames, and as slowly, as the peer wants it; l.mu is held.
func (l *link) appendLarge(c *exchange, b []byte, last bool) error {
	for len(b) > 0 {
		n := int(min(int64(len(b)), linkFrame, c.window, l.window))
		if n <= 0 {
			l.flush()
			l.mu.Lock()
			for l.err == nil && l.calls[c.id] != nil && min(c.window, l.window) <= 0 {
				l.room.Wait()
			}
			if l.err != nil || l.calls[c.id] == nil {
				return io.EOF
			}
			continue
		}
		l.out = append(appendFrame(l.out, n, http2.FrameData, endFlag(last && n == len(b)), c.id), b[:n]...)
		c.window -= int64(n)
		l.window -= int64(n)
		b = b[n:]
	}
	return nil
}

func endFlag(last bool) http2.Flags {
	if last {
		return http2.FlagDataEndStream
	}
	return 0
}

// flush sends what has gathered, unless another does; l.mu is held, and not afterwards.
func (l *link) flush() {
	if l.sending {
		l.mu.Unlock()
		return
	}
	l.sending = true
	for len(l.out) > 0 && l.err == nil {
		l.mu.Unlock()
		runtime.Gosched() // who is about to call does, and one system call carries all of it
		l.mu.Lock()
		b := l.out
		l.out, l.spare = l.spare[:0], nil
		l.mu.Unlock()
		if _, err := l.nc.Write(b); err != nil {
			l.fail(err)
		}
		l.mu.Lock()
		l.spare = b[:0]
	}
	l.sending = false
	l.mu.Unlock()
}

// cancel gives a call up that has not ended.
func (l *link) cancel(c *exchange) {
	l.mu.Lock()
	if l.err != nil || l.calls[c.id] != c {
		l.mu.Unlock()
		return
	}
	delete(l.calls, c.id)
	l.room.Broadcast()
	l.out = binary.BigEndian.AppendUint32(appendFrame(l.out, 4, http2.FrameRSTStream, 0, c.id), uint32(http2.ErrCodeCancel))
	l.flush()
}

// read takes frames until the link breaks.
func (l *link) read() {
	defer close(l.ended)
	l.mu.Lock()
	l.flush()
	r := bufio.NewReaderSize(l.nc, linkBuffer)
	var large []byte
	for {
		head, err := r.Peek(frameHeader)
		if err != nil {
			l.fail(err)
			return
		}
		n := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
		kind, flags := http2.FrameType(head[3]), http2.Flags(head[4])
		id := binary.BigEndian.Uint32(head[5:]) & (1<<31 - 1)
		_, _ = r.Discard(frameHeader) // it was peeked at
		var payload []byte
		if n <= linkBuffer {
			payload, err = r.Peek(n)
		} else {
			large = append(large[:0], make([]byte, n)...)
			payload = large
			_, err = io.ReadFull(r, large)
		}
		if err == nil {
			err = l.frame(kind, flags, id, payload)
		}
		if err != nil {
			l.fail(err)
			return
		}
		if n <= linkBuffer {
			_, _ = r.Discard(n) // it was peeked at
		}
	}
}

var errFrame = errors.New("the server sent a frame that makes no sense here")

func (l *link) frame(kind http2.FrameType, flags http2.Flags, id uint32, b []byte) error {
	switch kind {
	case http2.FrameData:
		return l.data(flags, id, b)
	case http2.FrameHeaders:
		return l.header(flags, id, b)
	case http2.FrameRSTStream:
		if len(b) != 4 {
			return errFrame
		}
		code := http2.ErrCode(binary.BigEndian.Uint32(b))
		l.end(id, status.Errorf(codes.Unavailable, "the server reset the call: %v", code))
	case http2.FrameSettings:
		return l.settings(flags, b)
	case http2.FramePing:
		if len(b) != 8 || flags&http2.FlagPingAck != 0 {
			break
		}
		l.mu.Lock()
		l.out = append(appendFrame(l.out, 8, http2.FramePing, http2.FlagPingAck, 0), b...)
		l.flush()
	case http2.FrameGoAway:
		return errors.New("the server goes away")
	case http2.FrameWindowUpdate:
		if len(b) != 4 {
			return errFrame
		}
		l.mu.Lock()
		n := int64(binary.BigEndian.Uint32(b) & (1<<31 - 1))
		if c := l.calls[id]; c != nil {
			c.window += n
		} else if id == 0 {
			l.window += n
		}
		l.room.Broadcast()
		l.mu.Unlock()
	case http2.FrameContinuation, http2.FramePushPromise:
		return errFrame // an answer's headers fit into a frame
	case http2.FramePriority, http2.FramePriorityUpdate:
	}
	return nil
}

func (l *link) settings(flags http2.Flags, b []byte) error {
	if flags&http2.FlagSettingsAck != 0 {
		return nil
	}
	l.mu.Lock()
	if !l.met {
		l.met, l.most = true, math.MaxInt
	}
	for ; len(b) >= 6; b = b[6:] {
		v := binary.BigEndian.Uint32(b[2:])
		switch http2.SettingID(binary.BigEndian.Uint16(b)) {
		case http2.SettingInitialWindowSize:
			for _, c := range l.calls {
				c.window += int64(v) - l.initial
			}
			l.initial = int64(v)
		case http2.SettingMaxConcurrentStreams:
			l.most = int(v)
		default:
		}
	}
	l.room.Broadcast()
	l.out = appendFrame(l.out, 0, http2.FrameSettings, http2.FlagSettingsAck, 0)
	l.flush()
	return nil
}

func (l *link) call(id uint32) *exchange {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls[id]
}

// end ends a call.
func (l *link) end(id uint32, why error) {
	l.mu.Lock()
	c := l.calls[id]
	delete(l.calls, id)
	if len(l.calls) == l.most-1 || c != nil && !c.closed {
		l.room.Broadcast()
	}
	l.mu.Unlock()
	if c != nil {
		c.deliver(nil, why)
	}
}

// data takes a part of what a call sends.
func (l *link) data(flags http2.Flags, id uint32, b []byte) error {
	l.giveBack(0, &l.consumed, len(b))
	if flags&http2.FlagDataPadded != 0 {
		return errFrame
	}
	c := l.call(id)
	if c == nil {
		return nil
	}
	l.giveBack(id, &c.consumed, len(b))
	if len(c.partial) > 0 {
		c.partial = append(c.partial, b...)
		b = c.partial
	}
	for len(b) >= prefixBytes {
		size := int64(binary.BigEndian.Uint32(b[1:]))
		if b[0] != 0 || size > maxMessage {
			return errFrame
		}
		if int64(len(b)-prefixBytes) < size {
			break
		}
		c.deliver(bytes.Clone(b[prefixBytes:prefixBytes+size]), nil)
		b = b[prefixBytes+size:]
	}
	c.partial = append(c.partial[:0], b...)
	if flags&http2.FlagDataEndStream != 0 {
		l.end(id, status.Error(codes.Internal, "the answer has no status"))
	}
	return nil
}

// giveBack lets the peer send as much again when he has used a quarter of his window.
func (l *link) giveBack(id uint32, consumed *int, n int) {
	*consumed += n
	if *consumed < linkWindow/4 {
		return
	}
	l.mu.Lock()
	l.out = appendWindow(l.out, id, *consumed)
	*consumed = 0
	l.flush()
}

// header takes the header of an answer, or its end.
func (l *link) header(flags http2.Flags, id uint32, b []byte) error {
	if flags&(http2.FlagHeadersPadded|http2.FlagHeadersPriority) != 0 || flags&http2.FlagHeadersEndHeaders == 0 {
		return errFrame
	}
	if flags&http2.FlagHeadersEndStream == 0 {
		return nil // it has no memory, and says nothing that matters
	}
	if bytes.Equal(b, l.good) {
		l.end(id, io.EOF)
		return nil
	}
	fields, err := l.headers.DecodeFull(b)
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	why := statusOf(fields)
	if why == nil {
		l.good, why = bytes.Clone(b), io.EOF
	}
	l.end(id, why)
	return nil
}

// statusOf is how a call ended; nil if well.
func statusOf(fields []hpack.HeaderField) error {
	code, text := codes.Internal, ""
	for _, f := range fields {
		switch f.Name {
		case "grpc-status":
			if n, err := strconv.ParseUint(f.Value, 10, 32); err == nil {
				code = codes.Code(n)
			}
		case "grpc-message":
			if m, err := url.PathUnescape(f.Value); err == nil {
				text = m
			}
		case "grpc-status-details-bin":
			b, err := base64.RawStdEncoding.DecodeString(f.Value)
			p := &statuspb.Status{}
			if err == nil && proto.Unmarshal(b, p) == nil {
				return status.ErrorProto(p)
			}
		default:
		}
	}
	return status.Error(code, text)
}
