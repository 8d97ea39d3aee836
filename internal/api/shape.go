package api

import (
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// shape knows how the bytes of a message of one type look when the fast decoder reads them exactly as the strict one
// does. The fast one checks no texts, takes any depth of nesting, keeps what it does not know, and differs in some
// corners of what encoders never write.
type shape struct {
	fields []member // by number
	entry  bool     // of a map
}

// member is a field of a message; the zero value is none that is plain.
type member struct {
	wire byte // its wire type, plus one
	text bool
	of   *shape // of messages
}

// maxPlainNesting is how deep plain messages nest.
const maxPlainNesting = 24

// shapes are those of message types, each made once.
type shapes map[protoreflect.FullName]*shape

func (s shapes) of(d protoreflect.MessageDescriptor) *shape {
	if known := s[d.FullName()]; known != nil {
		return known
	}
	made := &shape{entry: d.IsMapEntry()}
	s[d.FullName()] = made
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		n := int(f.Number())
		if n > 1<<10 {
			continue
		}
		if n >= len(made.fields) {
			made.fields = append(made.fields, make([]member, n+1-len(made.fields))...)
		}
		made.fields[n] = s.member(f)
	}
	return made
}

func (s shapes) member(f protoreflect.FieldDescriptor) member {
	switch f.Kind() {
	case protoreflect.MessageKind:
		return member{wire: 1 + 2, of: s.of(f.Message())}
	case protoreflect.StringKind:
		return member{wire: 1 + 2, text: true}
	case protoreflect.BytesKind:
		return member{wire: 1 + 2}
	case protoreflect.GroupKind:
		return member{}
	default:
		if f.IsList() { // packed, or not
			return member{}
		}
	}
	switch f.Kind() {
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		return member{wire: 1 + 1}
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		return member{wire: 1 + 5}
	default:
		return member{wire: 1 + 0}
	}
}

// plain reports whether the fast decoder may read the bytes. A no is no error: the strict one decides.
func (s *shape) plain(b []byte, nesting int) bool {
	if s.entry && !s.plainEntry(b) {
		return false
	}
	for len(b) > 0 {
		tag, n := varint(b)
		if n == 0 || tag>>3 >= uint64(len(s.fields)) {
			return false
		}
		f := &s.fields[tag>>3]
		if byte(tag&7)+1 != f.wire {
			return false
		}
		if b = b[n:]; !f.skips(&b, nesting) {
			return false
		}
	}
	return true
}

// skips takes the value of the field from the front of b.
func (f *member) skips(b *[]byte, nesting int) bool {
	size := 8
	switch f.wire - 1 {
	case 0:
		_, size = varint(*b)
		*b = (*b)[size:]
		return size > 0
	case 5:
		size = 4
	case 2:
		length, n := varint(*b)
		if n == 0 || length > uint64(len(*b)-n) {
			return false
		}
		value := (*b)[n : n+int(length)]
		*b = (*b)[n+int(length):]
		switch {
		case f.of != nil:
			return nesting > 0 && f.of.plain(value, nesting-1)
		default:
			return !f.text || utf8.Valid(value)
		}
	}
	if len(*b) < size {
		return false
	}
	*b = (*b)[size:]
	return true
}

// plainEntry reports whether an entry of a map has its key, then its value, and nothing else.
func (s *shape) plainEntry(b []byte) bool {
	for want := uint64(1); want <= 2; want++ {
		tag, n := varint(b)
		if n == 0 || tag>>3 != want || byte(tag&7)+1 != s.fields[want].wire {
			return false
		}
		f := s.fields[want]
		f.of, f.text = nil, false // looked at later
		if b = b[n:]; !f.skips(&b, 0) {
			return false
		}
	}
	return len(b) == 0
}

// varint at the front of b, and its size; 0 if there is none.
func varint(b []byte) (v uint64, size int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	for i, c := range b {
		if i == 9 && c > 1 {
			return 0, 0
		}
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}
