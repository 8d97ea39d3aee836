package value

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonParser reads JSON leniently: keys without quotes, single quotes, comments, ';' for ',', '=' for ':',
// keywords in any case; a word that is no number and no keyword is a string. The strings of the tree are parts
// of the text.
type jsonParser struct {
	s   string
	pos int
}

// parseJSON reads one document. blank: there is none. ok false: malformed, nested too deep, or more than one
// document.
func parseJSON(s string) (tree any, blank, ok bool) {
	p := jsonParser{s: strings.TrimPrefix(s, "\ufeff")}
	if !p.space() {
		return nil, false, false
	}
	if p.pos == len(p.s) {
		return nil, true, true
	}
	tree, ok = p.value(0)
	if !ok || !p.space() || p.pos != len(p.s) {
		return nil, false, false
	}
	return tree, false, true
}

// space skips blanks and comments; false if a comment is not closed.
func (p *jsonParser) space() bool {
	for p.pos < len(p.s) {
		switch p.s[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		case '#':
			p.line()
		case '/':
			if !p.comment() {
				return false
			}
		default:
			return true
		}
	}
	return true
}

func (p *jsonParser) line() {
	if n := strings.IndexAny(p.s[p.pos:], "\r\n"); n >= 0 {
		p.pos += n
		return
	}
	p.pos = len(p.s)
}

func (p *jsonParser) comment() bool {
	rest := p.s[p.pos:]
	switch {
	case strings.HasPrefix(rest, "//"):
		p.line()
		return true
	case strings.HasPrefix(rest, "/*"):
		n := strings.Index(rest[2:], "*/")
		if n < 0 {
			return false
		}
		p.pos += n + 4
		return true
	}
	return false
}

// peek is the next byte; 0 at the end.
func (p *jsonParser) peek() byte {
	if p.pos < len(p.s) {
		return p.s[p.pos]
	}
	return 0
}

func (p *jsonParser) value(depth int) (any, bool) {
	if depth > MaxJSONDepth {
		return nil, false
	}
	switch p.peek() {
	case '{':
		return p.object(depth)
	case '[':
		return p.list(depth)
	case '"', '\'':
		return p.quoted()
	}
	word := p.word()
	if word == "" {
		return nil, false
	}
	return literal(word)
}

func (p *jsonParser) object(depth int) (any, bool) {
	p.pos++
	object := newJSONObject(0)
	if !p.space() {
		return nil, false
	}
	if p.peek() == '}' {
		p.pos++
		return object, true
	}
	for {
		key, ok := p.key()
		if !ok || !p.colon() {
			return nil, false
		}
		v, ok := p.value(depth + 1)
		if !ok || !p.space() {
			return nil, false
		}
		if isNew := object.set(key, v); !isNew && depth == 0 {
			return nil, false
		}
		switch p.peek() {
		case '}':
			p.pos++
			return object, true
		case ',', ';':
			p.pos++
		default:
			return nil, false
		}
		if !p.space() {
			return nil, false
		}
	}
}

func (p *jsonParser) key() (string, bool) {
	if c := p.peek(); c == '"' || c == '\'' {
		return p.quoted()
	}
	word := p.word()
	return word, word != ""
}

// colon skips what stands between a name and its value: ':', '=' or '=>'.
func (p *jsonParser) colon() bool {
	if !p.space() {
		return false
	}
	switch p.peek() {
	case ':':
		p.pos++
	case '=':
		p.pos++
		if p.peek() == '>' {
			p.pos++
		}
	default:
		return false
	}
	return p.space()
}

func (p *jsonParser) list(depth int) (any, bool) {
	p.pos++
	list := &jsonList{}
	if !p.space() {
		return nil, false
	}
	if p.peek() == ']' {
		p.pos++
		return list, true
	}
	for {
		v, ok := p.item(depth + 1)
		if !ok || !p.space() {
			return nil, false
		}
		list.items = append(list.items, v)
		switch p.peek() {
		case ']':
			p.pos++
			return list, true
		case ',', ';':
			p.pos++
		default:
			return nil, false
		}
		if !p.space() {
			return nil, false
		}
	}
}

// item is what stands before a separator of a list: nothing means null.
func (p *jsonParser) item(depth int) (any, bool) {
	switch p.peek() {
	case ',', ';', ']':
		return nil, true
	}
	return p.value(depth)
}

// endsWord marks what ends an unquoted literal.
var endsWord = func() (ends [256]bool) {
	for _, c := range []byte("/\\;#={}[]:, \t\f\r\n") {
		ends[c] = true
	}
	return ends
}()

// word is the text up to what ends an unquoted literal.
func (p *jsonParser) word() string {
	start := p.pos
	for p.pos < len(p.s) && !endsWord[p.s[p.pos]] {
		p.pos++
	}
	return p.s[start:p.pos]
}

// literal is what an unquoted word means; false for a number beyond double.
func literal(word string) (any, bool) {
	switch len(word) {
	case 4:
		if strings.EqualFold(word, "true") {
			return true, true
		}
		if strings.EqualFold(word, "null") {
			return nil, true
		}
	case 5:
		if strings.EqualFold(word, "false") {
			return false, true
		}
	}
	if !isJSONNumber(word) {
		return word, true
	}
	if i, err := strconv.ParseInt(word, 10, 64); err == nil {
		return i, true
	}
	f, _ := strconv.ParseFloat(word, 64)
	return f, !math.IsInf(f, 0)
}

// isJSONNumber is the strict grammar of numbers: 01, +1, 1. and .5 are words.
func isJSONNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole := skip(s, isDigit)
	if whole == 0 || whole > 1 && s[0] == '0' {
		return false
	}
	s = s[whole:]
	if strings.HasPrefix(s, ".") {
		fraction := skip(s[1:], isDigit)
		if fraction == 0 {
			return false
		}
		s = s[1+fraction:]
	}
	return s == "" || (s[0] == 'e' || s[0] == 'E') && isExponent(s[1:])
}

func (p *jsonParser) quoted() (string, bool) {
	quote := p.s[p.pos]
	p.pos++
	start := p.pos
	for p.pos < len(p.s) {
		switch p.s[p.pos] {
		case quote:
			p.pos++
			return p.s[start : p.pos-1], true
		case '\\':
			return p.escaped(quote, start)
		}
		p.pos++
	}
	return "", false
}

// escaped reads the rest of a quoted string that has escapes.
func (p *jsonParser) escaped(quote byte, start int) (string, bool) {
	b := append([]byte(nil), p.s[start:p.pos]...)
	for p.pos < len(p.s) {
		c := p.s[p.pos]
		p.pos++
		switch c {
		case quote:
			return string(b), true
		case '\\':
			var ok bool
			if b, ok = p.escape(b); !ok {
				return "", false
			}
		default:
			b = append(b, c)
		}
	}
	return "", false
}

func (p *jsonParser) escape(b []byte) ([]byte, bool) {
	c := p.peek()
	p.pos++
	switch c {
	case '"', '\\', '/', '\'', '\n':
		return append(b, c), true
	case 'b':
		return append(b, '\b'), true
	case 'f':
		return append(b, '\f'), true
	case 'n':
		return append(b, '\n'), true
	case 'r':
		return append(b, '\r'), true
	case 't':
		return append(b, '\t'), true
	case 'u':
		r, ok := p.unit()
		if ok && utf16.IsSurrogate(r) {
			r = p.pair(r)
		}
		return utf8.AppendRune(b, r), ok
	}
	return nil, false
}

// unit reads four hexadecimal digits.
func (p *jsonParser) unit() (rune, bool) {
	if len(p.s)-p.pos < 4 {
		return 0, false
	}
	var r rune
	for _, c := range []byte(p.s[p.pos : p.pos+4]) {
		if !isHexDigit(c) {
			return 0, false
		}
		r = r<<4 | hexValue(c)
	}
	p.pos += 4
	return r, true
}

func hexValue(c byte) rune {
	switch {
	case c >= 'a':
		return rune(c-'a') + 10
	case c >= 'A':
		return rune(c-'A') + 10
	}
	return rune(c - '0')
}

// pair joins a high surrogate with the low one that follows; alone it becomes U+FFFD.
func (p *jsonParser) pair(high rune) rune {
	if !strings.HasPrefix(p.s[p.pos:], `\u`) {
		return utf8.RuneError
	}
	at := p.pos
	p.pos += 2
	low, ok := p.unit()
	if r := utf16.DecodeRune(high, low); ok && r != utf8.RuneError {
		return r
	}
	p.pos = at
	return utf8.RuneError
}
