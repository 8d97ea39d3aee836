package h2

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// maxFrame is the payload of the frames that are sent: what every peer takes.
const maxFrame = 16384

// maxText bounds the text of a status: many clients take no header above 8 KiB, and know of nothing at all then.
const maxText = 4 << 10

const contentType = "application/grpc"

// What nearly all calls are answered with, encoded once.
var (
	usualHeader  = encodeFields(field(":status", "200"), field("content-type", contentType))
	usualTrailer = encodeFields(field("grpc-status", "0"))
)

func field(name, value string) hpack.HeaderField {
	// Never indexed: the encoder has no state, so that blocks may be encoded before their place is known.
	return hpack.HeaderField{Name: name, Value: value, Sensitive: true}
}

func encodeFields(fields ...hpack.HeaderField) []byte {
	var b bytes.Buffer
	enc := hpack.NewEncoder(&b)
	for _, f := range fields {
		_ = enc.WriteField(f) // a Buffer takes everything
	}
	return b.Bytes()
}

// headerBlock is the beginning of an answer.
func headerBlock(md metadata.MD) []byte {
	if len(md) == 0 {
		return usualHeader
	}
	return encodeFields(append([]hpack.HeaderField{field(":status", "200"), field("content-type", contentType)}, fieldsOf(md)...)...)
}

// trailerBlock is its end. What comes without a beginning carries it, too.
func trailerBlock(st *status.Status, md metadata.MD, alone bool) []byte {
	if !alone && len(md) == 0 && st.Code() == 0 {
		return usualTrailer
	}
	var fields []hpack.HeaderField
	if alone {
		fields = append(fields, field(":status", "200"), field("content-type", contentType))
	}
	fields = append(fields, field("grpc-status", strconv.Itoa(int(st.Code()))))
	if m := st.Message(); m != "" {
		fields = append(fields, field("grpc-message", percentEncode(m[:min(len(m), maxText)])))
	}
	if p := st.Proto(); len(p.GetDetails()) > 0 {
		if details, err := proto.Marshal(p); err == nil {
			fields = append(fields, field("grpc-status-details-bin", base64.RawStdEncoding.EncodeToString(details)))
		}
	}
	return encodeFields(append(fields, fieldsOf(md)...)...)
}

// httpBlock is the answer to what is no call of gRPC.
func httpBlock(code string, st *status.Status) []byte {
	return encodeFields(field(":status", code), field("content-type", contentType),
		field("grpc-status", strconv.Itoa(int(st.Code()))), field("grpc-message", percentEncode(st.Message())))
}

func fieldsOf(md metadata.MD) []hpack.HeaderField {
	var out []hpack.HeaderField
	names := make([]string, 0, len(md))
	for name := range md {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range md[name] {
			if strings.HasSuffix(name, binarySuffix) {
				value = base64.RawStdEncoding.EncodeToString([]byte(value))
			}
			out = append(out, field(name, value))
		}
	}
	return out
}

// percentEncode writes a message as grpc-message has it: printable ASCII but for the percent sign, the rest of its UTF-8
// as bytes.
func percentEncode(m string) string {
	plain := func(c byte) bool { return c >= ' ' && c <= '~' && c != '%' }
	i := 0
	for i < len(m) && plain(m[i]) {
		i++
	}
	if i == len(m) {
		return m
	}
	m = strings.ToValidUTF8(m, "\uFFFD")
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for j := range len(m) {
		if c := m[j]; plain(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String()
}

func appendFrame(b []byte, length int, kind http2.FrameType, flags http2.Flags, stream uint32) []byte {
	b = append(b, byte(length>>16), byte(length>>8), byte(length), byte(kind), byte(flags))
	return binary.BigEndian.AppendUint32(b, stream)
}

// appendHeaders writes a header block, in as many frames as it takes.
func appendHeaders(b, block []byte, stream uint32, ends bool) []byte {
	kind, flags := http2.FrameHeaders, http2.Flags(0)
	if ends {
		flags = http2.FlagHeadersEndStream
	}
	for {
		part := block[:min(len(block), maxFrame)]
		block = block[len(part):]
		if len(block) == 0 {
			flags |= http2.FlagHeadersEndHeaders
		}
		b = append(appendFrame(b, len(part), kind, flags, stream), part...)
		if len(block) == 0 {
			return b
		}
		kind, flags = http2.FrameContinuation, 0
	}
}

func appendReset(b []byte, stream uint32, code http2.ErrCode) []byte {
	return binary.BigEndian.AppendUint32(appendFrame(b, 4, http2.FrameRSTStream, 0, stream), uint32(code))
}

func appendWindow(b []byte, stream uint32, n int) []byte {
	return binary.BigEndian.AppendUint32(appendFrame(b, 4, http2.FrameWindowUpdate, 0, stream), uint32(n))
}

func appendPing(b []byte, data [8]byte, ack bool) []byte {
	flags := http2.Flags(0)
	if ack {
		flags = http2.FlagPingAck
	}
	return append(appendFrame(b, len(data), http2.FramePing, flags, 0), data[:]...)
}

func appendGoAway(b []byte, last uint32, code http2.ErrCode, text string) []byte {
	b = appendFrame(b, 8+len(text), http2.FrameGoAway, 0, 0)
	b = binary.BigEndian.AppendUint32(b, last)
	b = binary.BigEndian.AppendUint32(b, uint32(code))
	return append(b, text...)
}

func appendSettings(b []byte, settings ...http2.Setting) []byte {
	b = appendFrame(b, 6*len(settings), http2.FrameSettings, 0, 0)
	for _, s := range settings {
		b = binary.BigEndian.AppendUint16(b, uint16(s.ID))
		b = binary.BigEndian.AppendUint32(b, s.Val)
	}
	return b
}

func appendSettingsAck(b []byte) []byte {
	return appendFrame(b, 0, http2.FrameSettings, http2.FlagSettingsAck, 0)
}
