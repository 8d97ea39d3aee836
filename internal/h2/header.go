package h2

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/metadata"
)

// request is the header of a call.
type request struct {
	method, scheme, path, authority string
	contentType, encoding           string
	timeout                         time.Duration
	timed                           bool
	length                          int64 // content-length; -1 if it is not said
	values                          context.Context
	shared                          bool // with the call before
}

// block is a header block that is being read. It belongs to the reading goroutine.
type block struct {
	dec  *hpack.Decoder
	most int // bytes of a block, counted as HTTP/2 does

	stream uint32
	ends   bool // the stream
	open   bool // its end has not come
	size   int
	parts  int // frames
	fields []hpack.HeaderField

	last   []hpack.HeaderField // those of the block before that are metadata
	values context.Context     // made of them
}

// floodFactor is how much larger than allowed a block may grow before the connection ends: it has to be decoded, or the
// state of the compression would be lost.
const floodFactor = 4

const (
	// maxFields bounds the fields of a block, and the values in them.
	maxFields = 512
	// maxParts bounds the frames that a block comes in.
	maxParts = 64
	// smallHeader is what is kept of a block for the next one that may be alike.
	smallHeader = 8 << 10
)

func newBlock(most int) *block {
	b := &block{most: most}
	b.dec = hpack.NewDecoder(tableBytes, b.add)
	b.dec.SetMaxStringLength(most)
	return b
}

// tableBytes is the size of the decoder's table, the one that a connection begins with.
const tableBytes = 4096

func (b *block) add(f hpack.HeaderField) {
	b.size += int(f.Size())
	if b.size <= b.most && len(b.fields) < maxFields {
		b.fields = append(b.fields, f)
	}
}

func (b *block) begin(stream uint32, ends bool) {
	b.stream, b.ends, b.open, b.size, b.parts = stream, ends, true, 0, 0
	b.fields = b.fields[:0]
}

// take decodes a fragment.
func (b *block) take(fragment []byte, last bool) error {
	if _, err := b.dec.Write(fragment); err != nil {
		if errors.Is(err, hpack.ErrStringLength) {
			return fail(http2.ErrCodeEnhanceYourCalm, "header field too long")
		}
		return fail(http2.ErrCodeCompression, "header block cannot be decoded")
	}
	if b.parts++; b.size > floodFactor*b.most || b.parts > maxParts {
		return fail(http2.ErrCodeEnhanceYourCalm, "header block too long")
	}
	if !last {
		return nil
	}
	b.open = false
	if err := b.dec.Close(); err != nil {
		return fail(http2.ErrCodeCompression, "header block is cut off")
	}
	return nil
}

// tooLarge tells that not all fields were kept.
func (b *block) tooLarge() bool { return b.size > b.most || len(b.fields) == maxFields }

var errMalformed = errors.New("malformed header")

// request reads the fields. An error means that they break the rules of HTTP/2.
func (b *block) request(conn context.Context) (request, error) {
	r := request{length: -1}
	rest := b.fields[:0]
	regular := false
	for _, f := range b.fields {
		if f.IsPseudo() {
			if regular || r.pseudo(f) != nil {
				return r, errMalformed
			}
			continue
		}
		regular = true
		if !properName(f.Name) {
			return r, errMalformed
		}
		kept, err := r.field(f)
		if err != nil {
			return r, err
		}
		if kept {
			rest = append(rest, f)
		}
	}
	if r.method == "" || r.scheme == "" || r.path == "" {
		return r, errMalformed
	}
	if r.authority != "" {
		rest = append(rest, hpack.HeaderField{Name: ":authority", Value: r.authority})
	}
	r.shared = b.values != nil && slices.Equal(rest, b.last)
	if !r.shared {
		md, err := metadataOf(rest)
		if err != nil {
			return r, err
		}
		values := metadata.NewIncomingContext(conn, md)
		b.remember(values, rest)
		r.values = values
		return r, nil
	}
	r.values = b.values
	return r, nil
}

// remember keeps what the next block may share.
func (b *block) remember(values context.Context, fields []hpack.HeaderField) {
	if b.size > smallHeader {
		b.last, b.values, b.fields = nil, nil, nil
		return
	}
	b.last = append(b.last[:0], fields...)
	b.values = values
}

func (r *request) pseudo(f hpack.HeaderField) error {
	var into *string
	switch f.Name {
	case ":method":
		into = &r.method
	case ":scheme":
		into = &r.scheme
	case ":path":
		into = &r.path
	case ":authority":
		into = &r.authority
	default:
		return errMalformed
	}
	if *into != "" {
		return errMalformed
	}
	*into = f.Value
	return nil
}

// field takes what is the transport's; the rest is metadata.
func (r *request) field(f hpack.HeaderField) (metadata bool, err error) {
	switch f.Name {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return false, errMalformed
	case "te":
		if f.Value != "trailers" {
			return false, errMalformed
		}
		return false, nil
	case "host":
		if r.authority == "" {
			r.authority = f.Value
		}
		return false, nil
	case "content-type":
		r.contentType = f.Value
		return true, nil
	case "content-length":
		r.length, err = strconv.ParseInt(f.Value, 10, 64)
		if err != nil || r.length < 0 {
			return false, errMalformed
		}
		return false, nil
	case "grpc-encoding":
		r.encoding = f.Value
		return false, nil
	case "grpc-timeout":
		r.timeout, err = timeoutOf(f.Value)
		r.timed = true
		return false, err
	case "grpc-message", "grpc-status", "grpc-message-type", "grpc-status-details-bin":
		return false, nil
	}
	return true, nil
}

// properName tells whether a field name has no capitals and no characters that none may have.
func properName(name string) bool {
	if name == "" {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if c <= ' ' || c >= 0x7f || c == ':' || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// binarySuffix is the ending of names whose values are bytes.
const binarySuffix = "-bin"

func metadataOf(fields []hpack.HeaderField) (metadata.MD, error) {
	md := make(metadata.MD, len(fields))
	values := 0
	for _, f := range fields {
		if !httpguts.ValidHeaderFieldValue(f.Value) {
			return nil, errMalformed
		}
		if !strings.HasSuffix(f.Name, binarySuffix) {
			md[f.Name] = append(md[f.Name], f.Value)
			continue
		}
		if values += 1 + strings.Count(f.Value, ","); values > maxFields {
			return nil, badRequest{"too many values in the header"}
		}
		for part := range strings.SplitSeq(f.Value, ",") {
			value, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(part, "="))
			if err != nil {
				return nil, badRequest{"malformed binary metadata " + quote(f.Name)}
			}
			md[f.Name] = append(md[f.Name], string(value))
		}
	}
	return md, nil
}

// badRequest is a request that HTTP/2 allows and gRPC does not.
type badRequest struct{ text string }

func (b badRequest) Error() string { return b.text }

// maxTimeout is what a longer time to wait is taken for.
const maxTimeout = 1<<63 - 1

// timeoutOf reads a grpc-timeout: at most eight digits and a unit.
func timeoutOf(v string) (time.Duration, error) {
	if len(v) < 2 || len(v) > 9 {
		return 0, badRequest{"malformed grpc-timeout"}
	}
	n, err := strconv.ParseUint(v[:len(v)-1], 10, 32)
	if err != nil {
		return 0, badRequest{"malformed grpc-timeout"}
	}
	unit, ok := map[byte]time.Duration{
		'H': time.Hour, 'M': time.Minute, 'S': time.Second, 'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
	}[v[len(v)-1]]
	if !ok {
		return 0, badRequest{"malformed grpc-timeout"}
	}
	if n > uint64(maxTimeout/unit) {
		return maxTimeout, nil
	}
	return time.Duration(n) * unit, nil
}
