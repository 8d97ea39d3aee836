package value

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// isNormalJSON reports that a text is surely in normal form, without making anything of it. Texts that are
// but look unusual (large objects, rare escapes) are left to the parser.
func isNormalJSON(s string) bool {
	sc := jsonScanner{s: s}
	return sc.value(0) && sc.pos == len(s)
}

type jsonScanner struct {
	s   string
	pos int
}

func (c *jsonScanner) peek() byte {
	if c.pos < len(c.s) {
		return c.s[c.pos]
	}
	return 0
}

func (c *jsonScanner) value(depth int) bool {
	if depth > MaxJSONDepth {
		return false
	}
	switch b := c.peek(); {
	case b == '{':
		return c.object(depth)
	case b == '[':
		return c.list(depth)
	case b == '"':
		return c.text()
	case b == '-' || isDigit(b):
		return c.number()
	}
	return c.word("true") || c.word("false") || c.word("null")
}

func (c *jsonScanner) word(w string) bool {
	if !strings.HasPrefix(c.s[c.pos:], w) {
		return false
	}
	c.pos += len(w)
	return true
}

// maxScannedKeys is the members up to which an object is looked through for doubled keys.
const maxScannedKeys = 24

func (c *jsonScanner) object(depth int) bool {
	c.pos++
	if c.word("}") {
		return true
	}
	var keys [maxScannedKeys]string
	for n := range keys {
		start := c.pos
		if c.peek() != '"' || !c.text() {
			return false
		}
		keys[n] = c.s[start:c.pos]
		for _, earlier := range keys[:n] {
			if earlier == keys[n] {
				return false
			}
		}
		if !c.word(":") || !c.value(depth+1) {
			return false
		}
		if c.word("}") {
			return true
		}
		if !c.word(",") {
			return false
		}
	}
	return false
}

func (c *jsonScanner) list(depth int) bool {
	c.pos++
	if c.word("]") {
		return true
	}
	for c.value(depth + 1) {
		if c.word("]") {
			return true
		}
		if !c.word(",") {
			return false
		}
	}
	return false
}

func (c *jsonScanner) text() bool {
	c.pos++
	for c.pos < len(c.s) {
		switch b := c.s[c.pos]; {
		case b == '"':
			c.pos++
			return true
		case b == '\\':
			if !c.escape() {
				return false
			}
		case b < utf8.RuneSelf:
			if !safeInJSON(b) {
				return false
			}
			c.pos++
		default:
			r, n := utf8.DecodeRuneInString(c.s[c.pos:])
			if r == utf8.RuneError || r == '\u2028' || r == '\u2029' {
				return false
			}
			c.pos += n
		}
	}
	return false
}

// escape knows the common escapes of the normal form.
func (c *jsonScanner) escape() bool {
	if c.pos+1 < len(c.s) && strings.IndexByte(`"\tbnrf`, c.s[c.pos+1]) >= 0 {
		c.pos += 2
		return true
	}
	for _, e := range [...]string{`\u003c`, `\u003e`, `\u0026`, `\u003d`, `\u0027`} {
		if c.word(e) {
			return true
		}
	}
	return false
}

// maxScannedDigits is what any int64 holds.
const maxScannedDigits = 18

func (c *jsonScanner) number() bool {
	start := c.pos
	for c.pos < len(c.s) && !endsWord[c.s[c.pos]] {
		c.pos++
	}
	text := c.s[start:c.pos]
	if !isJSONNumber(text) {
		return false
	}
	digits := strings.TrimPrefix(text, "-")
	if skip(digits, isDigit) == len(digits) {
		return len(digits) <= maxScannedDigits && text != "-0"
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return false
	}
	var buf [32]byte
	return string(appendDouble(buf[:0], f)) == text
}
