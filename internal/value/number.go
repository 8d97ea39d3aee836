package value

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// DoubleText is the text of a DOUBLE: the shortest digits that read back as f, always with a fraction
// (3.0), in scientific form from 10^7 up and below 10^-3 (1.0E7, 1.0E-4).
func DoubleText(f float64) string {
	var buf [32]byte
	return string(appendDouble(buf[:0], f))
}

func appendDouble(b []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(b, "NaN"...)
	case math.IsInf(f, 1):
		return append(b, "Infinity"...)
	case math.IsInf(f, -1):
		return append(b, "-Infinity"...)
	}
	if a := math.Abs(f); a != 0 && (a < 1e-3 || a >= 1e7) {
		return appendScientific(b, f)
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, 'f', -1, 64)
	for _, c := range b[start:] {
		if c == '.' {
			return b
		}
	}
	return append(b, ".0"...)
}

// twoDigitsBelow bounds the doubles so coarse that two digits say more than one: there the nearer of the
// two-digit texts is taken (4.9E-324).
const twoDigitsBelow = 1e-320

func appendScientific(b []byte, f float64) []byte {
	var buf [32]byte
	text := strconv.AppendFloat(buf[:0], f, 'e', -1, 64)
	if math.Abs(f) < twoDigitsBelow {
		two := strconv.FormatFloat(f, 'e', 1, 64)
		if back, err := strconv.ParseFloat(two, 64); err == nil && back == f {
			text = append(text[:0], two...)
		}
	}
	mantissa, exponent, _ := strings.Cut(string(text), "e")
	b = append(b, mantissa...)
	if !strings.Contains(mantissa, ".") {
		b = append(b, ".0"...)
	}
	b = append(b, 'E')
	n, _ := strconv.Atoi(exponent)
	return strconv.AppendInt(b, int64(n), 10)
}

// ParseInt reads a decimal int64 with an optional sign and nothing around it.
func ParseInt(s string) (int64, error) {
	i, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("Cannot parse '%s' as INT.", clip(s))
	}
	return i, nil
}

// ParseDouble reads a double as Java writes and reads them: spaces around it, exponents, NaN, Infinity,
// hexadecimal with a binary exponent, a trailing d or f. What is too large becomes Infinity.
func ParseDouble(s string) (float64, error) {
	t := strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	sign, digits := cutSign(t)
	switch digits {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(sign), nil
	}
	if n := len(digits); n > 0 && strings.IndexByte("dDfF", digits[n-1]) >= 0 && !isBareHex(digits) {
		digits = digits[:n-1]
		t = t[:len(t)-1]
	}
	if !isDecimalFloat(digits) && !isHexFloat(digits) {
		return 0, fmt.Errorf("Cannot parse '%s' as DOUBLE.", clip(s))
	}
	f, err := strconv.ParseFloat(t, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, fmt.Errorf("Cannot parse '%s' as DOUBLE.", clip(s))
	}
	return f, nil
}

func cutSign(s string) (sign int, rest string) {
	switch {
	case strings.HasPrefix(s, "-"):
		return -1, s[1:]
	case strings.HasPrefix(s, "+"):
		return 1, s[1:]
	}
	return 1, s
}

// isBareHex reports hexadecimal text without an exponent, where d and f are digits.
func isBareHex(s string) bool {
	return len(s) > 1 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && !strings.ContainsAny(s, "pP")
}

func isDecimalFloat(s string) bool {
	whole := skip(s, isDigit)
	rest := s[whole:]
	fraction := 0
	if strings.HasPrefix(rest, ".") {
		fraction = skip(rest[1:], isDigit)
		rest = rest[1+fraction:]
	}
	if whole+fraction == 0 {
		return false
	}
	return rest == "" || (rest[0] == 'e' || rest[0] == 'E') && isExponent(rest[1:])
}

func isHexFloat(s string) bool {
	if len(s) < 2 || s[0] != '0' || s[1] != 'x' && s[1] != 'X' {
		return false
	}
	s = s[2:]
	whole := skip(s, isHexDigit)
	rest := s[whole:]
	fraction := 0
	if strings.HasPrefix(rest, ".") {
		fraction = skip(rest[1:], isHexDigit)
		rest = rest[1+fraction:]
	}
	return whole+fraction > 0 && rest != "" && (rest[0] == 'p' || rest[0] == 'P') && isExponent(rest[1:])
}

func isExponent(s string) bool {
	_, digits := cutSign(s)
	return digits != "" && skip(digits, isDigit) == len(digits)
}

// skip counts the leading bytes that belong.
func skip(s string, belongs func(byte) bool) int {
	n := 0
	for n < len(s) && belongs(s[n]) {
		n++
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHexDigit(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// ParseBool reads true or false in any case, with spaces around it.
func ParseBool(s string) (bool, error) {
	t := strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	switch {
	case len(t) == len("true") && strings.EqualFold(t, "true"):
		return true, nil
	case len(t) == len("false") && strings.EqualFold(t, "false"):
		return false, nil
	}
	return false, fmt.Errorf("Cannot parse '%s' as BOOL.", clip(s))
}

// truncate is the INT nearest to f towards zero, within the bounds of int64; NaN is 0.
func truncate(f float64) int64 {
	switch {
	case math.IsNaN(f):
		return 0
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	}
	return int64(f)
}
