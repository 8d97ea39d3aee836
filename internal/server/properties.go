package server

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// ParseProperties reads the text of a Java properties file: key=value, key:value or key value, comments with
// # or !, a backslash at the end of a line goes on with the next, and the usual escapes. The last of two
// values of one key counts.
func ParseProperties(text string) (map[string]string, error) {
	out := map[string]string{}
	for n, lines := 0, strings.Split(text, "\n"); n < len(lines); n++ {
		first := n
		line := trimStart(strings.TrimSuffix(lines[n], "\r"))
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		for continued(line) {
			line = line[:len(line)-1]
			if n++; n == len(lines) {
				break
			}
			line += trimStart(strings.TrimSuffix(lines[n], "\r"))
		}
		key, value := splitProperty(line)
		k, err := unescape(key)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", first+1, err)
		}
		if out[k], err = unescape(value); err != nil {
			return nil, fmt.Errorf("line %d: %w", first+1, err)
		}
	}
	return out, nil
}

func trimStart(s string) string { return strings.TrimLeft(s, " \t\f") }

// continued reports whether the line ends in an odd number of backslashes.
func continued(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

// splitProperty ends the key at the first separator that is not escaped.
func splitProperty(line string) (key, value string) {
	at := 0
	for at < len(line) && !strings.ContainsRune("=: \t\f", rune(line[at])) {
		if line[at] == '\\' {
			at++
		}
		at++
	}
	at = min(at, len(line))
	value = trimStart(line[at:])
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = trimStart(value[1:])
	}
	return line[:at], value
}

func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 't':
			b.WriteByte('\t')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 'f':
			b.WriteByte('\f')
		case 'u':
			r, used, err := unicodeEscape(s[i-1:])
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
			i += used - 2
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), nil
}

// unicodeEscape reads \uXXXX at the start of s, or a surrogate pair of two of them.
func unicodeEscape(s string) (r rune, used int, err error) {
	high, err := codeUnit(s)
	if err != nil {
		return 0, 0, err
	}
	if !utf16.IsSurrogate(high) {
		return high, 6, nil
	}
	if low, err := codeUnit(s[6:]); err == nil {
		if r := utf16.DecodeRune(high, low); r != utf8.RuneError {
			return r, 12, nil
		}
	}
	return utf8.RuneError, 6, nil
}

func codeUnit(s string) (rune, error) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, fmt.Errorf(`malformed \u escape`)
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	if err != nil {
		return 0, fmt.Errorf(`malformed \u escape %q`, s[:6])
	}
	return rune(n), nil
}
