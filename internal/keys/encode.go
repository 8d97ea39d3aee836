package keys

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Key is one key of a partition, without the partition's prefix. Keys order as their bytes do.
type Key string

// Space is the first byte of a key.
type Space byte

// The spaces of a partition.
const (
	SpaceRun    Space = 'r'
	SpaceObject Space = 'g'
	SpaceTag    Space = 't'
	SpaceQueue  Space = 'q'
	SpaceTimer  Space = 'x'
	SpaceCount  Space = 'n'
	SpaceOutput Space = 'w'
	SpaceLane   Space = '@'
)

// Space says which part of the keyspace the key lies in; 0 for the empty key.
func (k Key) Space() Space {
	if k == "" {
		return 0
	}
	return Space(k[0])
}

// HasPrefix reports whether k lies in the range that starts with prefix.
func (k Key) HasPrefix(prefix Key) bool { return strings.HasPrefix(string(k), string(prefix)) }

// End is the first key after all keys with prefix k.
func (k Key) End() Key {
	b := []byte(k)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] != 0xff {
			b[i]++
			return Key(b[:i+1])
		}
	}
	panic("keys: no key follows a prefix of 0xff bytes")
}

// After is the first key behind k.
func (k Key) After() Key { return k + "\x00" }

// usual is room on the stack for a key of the usual length; longer ones move to the heap.
type usual [128]byte

// textEnd closes a text, so that none is the beginning of another.
const textEnd = "\x00\x01"

func appendText(b []byte, s string) []byte {
	for {
		i := strings.IndexByte(s, 0)
		if i < 0 {
			break
		}
		b = append(b, s[:i]...)
		b = append(b, 0x00, 0xff)
		s = s[i+1:]
	}
	b = append(b, s...)
	return append(b, textEnd...)
}

func appendInt32(b []byte, n int32) []byte {
	return binary.BigEndian.AppendUint32(b, uint32(n)^1<<31)
}

func appendInt64(b []byte, n int64) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(n)^1<<63)
}

// reader takes a key apart. The first malformed part sticks in err and everything after it reads as zero.
type reader struct {
	rest string
	err  error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("keys: malformed %s", what)
	}
	r.rest = ""
}

func (r *reader) byte() byte {
	if len(r.rest) < 1 {
		r.fail("byte")
		return 0
	}
	c := r.rest[0]
	r.rest = r.rest[1:]
	return c
}

func (r *reader) int32() int32 {
	if len(r.rest) < 4 {
		r.fail("int32")
		return 0
	}
	n := binary.BigEndian.Uint32([]byte(r.rest[:4]))
	r.rest = r.rest[4:]
	return int32(n ^ 1<<31)
}

func (r *reader) int64() int64 {
	if len(r.rest) < 8 {
		r.fail("int64")
		return 0
	}
	n := binary.BigEndian.Uint64([]byte(r.rest[:8]))
	r.rest = r.rest[8:]
	return int64(n ^ 1<<63)
}

func (r *reader) text() string {
	var plain strings.Builder
	for i := 0; i+1 < len(r.rest); i++ {
		if r.rest[i] != 0 {
			continue
		}
		switch r.rest[i+1] {
		case 0x01:
			s := r.rest[:i]
			r.rest = r.rest[i+2:]
			if plain.Len() == 0 {
				return s
			}
			plain.WriteString(s)
			return plain.String()
		case 0xff:
			plain.WriteString(r.rest[:i])
			plain.WriteByte(0)
			r.rest = r.rest[i+2:]
			i = -1
		default:
			r.fail("text")
			return ""
		}
	}
	r.fail("text")
	return ""
}

// done reports the first error, trailing bytes included.
func (r *reader) done() error {
	if r.err == nil && r.rest != "" {
		r.fail("end of key")
	}
	return r.err
}
