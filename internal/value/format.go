package value

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"littlehorse/lhpb"
)

// Format strings follow java.text.MessageFormat in the locale en-US.

// maxArgumentIndex bounds the n of {n}.
const maxArgumentIndex = 10_000

func (r *resolver) format(f *lhpb.VariableAssignment_FormatString) (*lhpb.VariableValue, error) {
	template, err := r.resolve(f.GetFormat())
	if err != nil {
		return nil, err
	}
	t, ok := template.GetValue().(*lhpb.VariableValue_Str)
	if !ok {
		return nil, fmt.Errorf("Error formatting variable: the format must be a STR, not a value of type %v", TypeOf(template))
	}
	args := make([]*lhpb.VariableValue, 0, len(f.GetArgs()))
	for _, a := range f.GetArgs() {
		v, err := r.resolve(a)
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	text, err := formatMessage(t.Str, args, r.work)
	if err != nil {
		return nil, fmt.Errorf("Error formatting variable: %w", err)
	}
	return Str(text), nil
}

// Format fills a template: {n} becomes the n-th argument, apostrophes quote.
func Format(template string, args []*lhpb.VariableValue) (string, error) {
	text, err := formatMessage(template, args, newWork())
	if err != nil {
		return "", fmt.Errorf("Error formatting variable: %w", err)
	}
	return text, nil
}

func formatMessage(template string, args []*lhpb.VariableValue, w *work) (string, error) {
	var b strings.Builder
	if err := w.spend(len(template)); err != nil {
		return "", err
	}
	quoted := false
	for i := 0; i < len(template); i++ {
		switch c := template[i]; {
		case c == '\'' && i+1 < len(template) && template[i+1] == '\'':
			b.WriteByte('\'')
			i++
		case c == '\'':
			quoted = !quoted
		case c == '{' && !quoted:
			end, err := endOfElement(template, i)
			if err != nil {
				return "", err
			}
			text, err := formatElement(template[i+1:end], args)
			if err != nil {
				return "", err
			}
			if err := w.spend(len(text)); err != nil {
				return "", err
			}
			b.Grow(len(text) + len(template) - end) // at once: a text may be large
			b.WriteString(text)
			i = end
		default:
			b.WriteByte(c)
		}
		if b.Len() > MaxBytes {
			return "", tooLarge()
		}
	}
	return b.String(), nil
}

// endOfElement finds the brace that closes the one at start.
func endOfElement(s string, start int) (int, error) {
	depth, quoted := 0, false
	for i := start; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'':
			quoted = !quoted
		case quoted:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return i, nil
			}
		}
	}
	return 0, errors.New("Unmatched braces in the pattern.")
}

// formatElement writes what stands between braces: n, or n,number, or n,number,style.
func formatElement(element string, args []*lhpb.VariableValue) (string, error) {
	index, kind, typed := strings.Cut(element, ",")
	n, err := strconv.ParseInt(index, 10, 32)
	if err != nil || n < 0 || n >= maxArgumentIndex {
		return "", fmt.Errorf("can't parse argument number: %s", clip(index))
	}
	style := ""
	if typed {
		kind, style, _ = strings.Cut(kind, ",")
		kind = strings.ToLower(strings.TrimSpace(kind))
	}
	layout, err := layoutOf(kind, style)
	if err != nil {
		return "", err
	}
	switch {
	case n >= int64(len(args)):
		return "{" + strconv.FormatInt(n, 10) + "}", nil
	case IsNull(args[n]):
		return nullText, nil
	}
	switch k := args[n].GetValue().(type) {
	case *lhpb.VariableValue_Int:
		return layout.formatInt(k.Int), nil
	case *lhpb.VariableValue_Double:
		return layout.formatDouble(k.Double), nil
	}
	if kind != "" {
		return "", fmt.Errorf("Cannot format a value of type %v as a number", TypeOf(args[n]))
	}
	return Text(args[n]), nil
}
