package h2

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// rawClient is a client that does what it is told, frame by frame.
type rawClient struct {
	t    *testing.T
	conn net.Conn
	*http2.Framer
	block bytes.Buffer
	enc   *hpack.Encoder
	dec   *hpack.Decoder
}

func connect(t *testing.T, addr string) *rawClient {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return attach(t, c)
}

// deaf connects a client to which nothing comes through unless it reads: not even a buffer of the system is between.
func deaf(t *testing.T, s *Server) *rawClient {
	t.Helper()
	here, there := net.Pipe()
	s.take(there)
	return attach(t, here)
}

func attach(t *testing.T, c net.Conn) *rawClient {
	t.Helper()
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(5 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	p := &rawClient{t: t, conn: c, Framer: http2.NewFramer(c, c), dec: hpack.NewDecoder(4096, nil)}
	p.enc = hpack.NewEncoder(&p.block)
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	p.must(p.WriteSettings())
	return p
}

func (p *rawClient) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// fields encodes a header block: pairs of names and values.
func (p *rawClient) fields(pairs ...string) []byte {
	p.block.Reset()
	for i := 0; i < len(pairs); i += 2 {
		p.must(p.enc.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]}))
	}
	return bytes.Clone(p.block.Bytes())
}

const service = "/grpc.testing.TestService/"

// call is the header of a call, with more fields or others.
func (p *rawClient) call(method string, more ...string) []byte {
	pairs := []string{":method", "POST", ":scheme", "http", ":path", service + method, "content-type", "application/grpc", "te", "trailers"}
	for i := 0; i < len(more); i += 2 {
		found := false
		for j := 0; j < len(pairs); j += 2 {
			if pairs[j] == more[i] {
				pairs[j+1], found = more[i+1], true
			}
		}
		if !found {
			pairs = append(pairs, more[i], more[i+1])
		}
	}
	return p.fields(pairs...)
}

func (p *rawClient) begin(stream uint32, block []byte, ends bool) {
	p.t.Helper()
	p.must(p.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block, EndHeaders: true, EndStream: ends}))
}

// message is one as it goes over the wire.
func message5(body []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body)))
	return append(b, body...)
}

// seen is what came of a stream.
type seen struct {
	fields map[string]string
	data   []byte
	reset  http2.ErrCode
	cut    bool // by a reset
}

// answer reads until the stream has ended.
func (p *rawClient) answer(stream uint32) seen {
	p.t.Helper()
	out := seen{fields: map[string]string{}}
	for {
		f, err := p.ReadFrame()
		p.must(err)
		if f.Header().StreamID != stream {
			if g, ok := f.(*http2.GoAwayFrame); ok && g.ErrCode != 0 {
				p.t.Fatalf("the connection ended: %s %s", g.ErrCode, g.DebugData())
			}
			continue
		}
		switch f := f.(type) {
		case *http2.HeadersFrame:
			fields, err := p.dec.DecodeFull(f.HeaderBlockFragment())
			p.must(err)
			for _, h := range fields {
				out.fields[h.Name] = h.Value
			}
			if f.StreamEnded() {
				return out
			}
		case *http2.DataFrame:
			out.data = append(out.data, f.Data()...)
		case *http2.RSTStreamFrame:
			out.reset, out.cut = f.ErrCode, true
			return out
		}
	}
}

// end reads until the connection is over, and returns the reason that was given.
func (p *rawClient) end() (http2.ErrCode, string) {
	p.t.Helper()
	var code http2.ErrCode
	var text string
	for {
		f, err := p.ReadFrame()
		if err != nil {
			if errors.Is(err, io.EOF) || strings.Contains(err.Error(), "reset") {
				return code, text
			}
			p.t.Fatal(err)
		}
		if g, ok := f.(*http2.GoAwayFrame); ok {
			code, text = g.ErrCode, string(g.DebugData())
		}
	}
}
