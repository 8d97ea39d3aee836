package value

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// numberLayout is what a DecimalFormat pattern says.
type numberLayout struct {
	prefix, suffix       string
	negPrefix, negSuffix string
	minInteger           int
	minFraction          int
	maxFraction          int
	// grouping is the digits between commas; 0 for none.
	grouping   int
	multiplier int
}

func layoutOf(kind, style string) (numberLayout, error) {
	switch kind {
	case "":
		return parseLayout("#,##0.###")
	case "number":
	default:
		return numberLayout{}, fmt.Errorf("the format type '%s' is not supported, only number is", clip(kind))
	}
	switch strings.TrimSpace(style) {
	case "":
		return parseLayout("#,##0.###")
	case "integer":
		return parseLayout("#,##0")
	case "percent":
		return parseLayout("#,##0%")
	case "currency":
		return parseLayout("$#,##0.00")
	}
	return parseLayout(style)
}

// maxPatternDigits bounds the digits that a pattern may ask for.
const maxPatternDigits = 340

// parseLayout reads patterns such as #,##0.## or 00.0%, with quotes and a part for negatives.
func parseLayout(pattern string) (numberLayout, error) {
	positive, negative := splitPattern(pattern)
	l, err := parseSubpattern(positive)
	if err != nil {
		return l, err
	}
	l.negPrefix, l.negSuffix = "-"+l.prefix, l.suffix
	if negative == "" {
		return l, nil
	}
	n, err := parseSubpattern(negative)
	if err == nil && (n.prefix != l.prefix || n.suffix != l.suffix) {
		l.negPrefix, l.negSuffix = n.prefix, n.suffix
	}
	return l, err
}

func splitPattern(pattern string) (positive, negative string) {
	quoted := false
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '\'':
			quoted = !quoted
		case pattern[i] == ';' && !quoted:
			return pattern[:i], pattern[i+1:]
		}
	}
	return pattern, ""
}

func parseSubpattern(pattern string) (numberLayout, error) {
	l := numberLayout{multiplier: 1}
	start := 0
	for start < len(pattern) && !isPatternDigit(pattern, start) {
		if pattern[start] == '\'' {
			if end := strings.IndexByte(pattern[start+1:], '\''); end >= 0 {
				start += end + 1
			}
		}
		start++
	}
	end := start
	for end < len(pattern) && isPatternDigit(pattern, end) {
		end++
	}
	if err := l.parseDigits(pattern[start:end]); err != nil {
		return l, fmt.Errorf("Malformed pattern \"%s\": %w", clip(pattern), err)
	}
	rest := pattern[end:]
	if strings.HasPrefix(rest, "E0") {
		return l, fmt.Errorf("Pattern \"%s\": exponents are not supported", clip(pattern))
	}
	l.prefix = l.affix(pattern[:start])
	l.suffix = l.affix(rest)
	if strings.ContainsAny(strings.ReplaceAll(rest, "'", ""), "#0,.") && !strings.Contains(rest, "'") {
		return l, fmt.Errorf("Malformed pattern \"%s\"", clip(pattern))
	}
	return l, nil
}

func isPatternDigit(s string, i int) bool {
	return strings.IndexByte("#0,.", s[i]) >= 0
}

// affix takes the quotes away and notes what per cent and per mille multiply by.
func (l *numberLayout) affix(s string) string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			b.WriteByte('\'')
			i++
		case s[i] == '\'':
			quoted = !quoted
		case !quoted && s[i] == '%':
			l.multiplier = 100
			b.WriteByte('%')
		case !quoted && strings.HasPrefix(s[i:], "‰"):
			l.multiplier = 1000
			b.WriteString("‰")
			i += len("‰") - 1
		case !quoted && strings.HasPrefix(s[i:], "¤"):
			b.WriteByte('$')
			i += len("¤") - 1
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// parseDigits reads the middle of a pattern: # may stand before 0 and, after the point, behind it.
func (l *numberLayout) parseDigits(s string) error {
	if len(s) > maxPatternDigits {
		return fmt.Errorf("more than %d digits", maxPatternDigits)
	}
	whole, fraction, hasPoint := strings.Cut(s, ".")
	if comma := strings.LastIndexByte(whole, ','); comma >= 0 {
		if l.grouping = len(whole) - comma - 1; l.grouping == 0 {
			return errors.New("nothing is grouped")
		}
	}
	whole = strings.ReplaceAll(whole, ",", "")
	optional := skip(whole, func(c byte) bool { return c == '#' })
	l.minInteger = len(whole) - optional
	if strings.Trim(whole[optional:], "0") != "" {
		return errors.New("Unexpected '#'")
	}
	l.minFraction = skip(fraction, func(c byte) bool { return c == '0' })
	if strings.Trim(fraction[l.minFraction:], "#") != "" {
		return errors.New("Unexpected '0'")
	}
	l.maxFraction = len(fraction)
	// A pattern without any 0 has one all the same: before the point, or else right after it.
	switch {
	case l.minInteger > 0 || l.minFraction > 0:
	case whole != "":
		l.minInteger = 1
	case hasPoint && l.maxFraction > 0:
		l.minFraction = 1
	}
	return nil
}

func (l numberLayout) formatInt(i int64) string {
	n := big.NewInt(i)
	n.Mul(n, big.NewInt(int64(l.multiplier)))
	negative := n.Sign() < 0
	return l.wrap(negative, n.Abs(n).String(), "")
}

func (l numberLayout) formatDouble(f float64) string {
	if math.IsNaN(f) {
		return "NaN"
	}
	if l.multiplier != 1 {
		f *= float64(l.multiplier)
	}
	negative := math.Signbit(f)
	a := math.Abs(f)
	if math.IsInf(a, 0) {
		return l.signed(negative, "∞")
	}
	whole, fraction := decimals(a, l.maxFraction)
	return l.wrap(negative, whole, fraction)
}

// decimals are the digits of a before and after the point, the shortest that read back if they suffice, else
// rounded half even on the exact value.
func decimals(a float64, maxFraction int) (whole, fraction string) {
	whole, fraction, _ = strings.Cut(strconv.FormatFloat(a, 'f', -1, 64), ".")
	if len(fraction) > maxFraction {
		whole, fraction, _ = strings.Cut(strconv.FormatFloat(a, 'f', maxFraction, 64), ".")
	}
	return whole, strings.TrimRight(fraction, "0")
}

func (l numberLayout) wrap(negative bool, whole, fraction string) string {
	whole = strings.TrimLeft(whole, "0")
	if n := l.minInteger - len(whole); n > 0 {
		whole = strings.Repeat("0", n) + whole
	}
	if n := l.minFraction - len(fraction); n > 0 {
		fraction += strings.Repeat("0", n)
	}
	if whole == "" && fraction == "" {
		whole = "0"
	}
	text := group(whole, l.grouping)
	if fraction != "" {
		text += "." + fraction
	}
	return l.signed(negative, text)
}

func (l numberLayout) signed(negative bool, text string) string {
	if negative {
		return l.negPrefix + text + l.negSuffix
	}
	return l.prefix + text + l.suffix
}

func group(digits string, size int) string {
	if size == 0 || len(digits) <= size {
		return digits
	}
	var b strings.Builder
	first := len(digits) % size
	if first > 0 {
		b.WriteString(digits[:first])
	}
	for i := first; i < len(digits); i += size {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(digits[i : i+size])
	}
	return b.String()
}
