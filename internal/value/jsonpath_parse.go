package value

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

func parseJSONPath(text string) (*jsonPath, error) { return parsePath(text, 0) }

// parsePath reads a path; depth counts the filters and functions around it.
func parsePath(text string, depth int) (*jsonPath, error) {
	if len(text) > maxPathBytes {
		return nil, fmt.Errorf("the path is longer than the limit of %d bytes", maxPathBytes)
	}
	if depth > MaxDepth {
		return nil, tooDeep()
	}
	s := trimBlanks(text)
	if s == "" {
		return nil, errors.New("the path is empty")
	}
	// Blanks before the $ make it a name.
	if text[0] != '$' && text[0] != '@' {
		s = trimBlanks("$." + text)
	}
	if strings.HasSuffix(s, ".") {
		return nil, errors.New("Path must not end with a '.' or '..'")
	}
	p := pathParser{s: s, pos: 1, depth: depth, path: &jsonPath{relative: s[0] == '@'}}
	if len(s) > 1 && s[1] != '.' && s[1] != '[' {
		return nil, errors.New("Illegal character at position 1 expected '.' or '['")
	}
	for p.pos < len(s) {
		if err := p.step(); err != nil {
			return nil, err
		}
		if len(p.path.steps) > maxPathSteps {
			return nil, fmt.Errorf("the path has more than the limit of %d steps", maxPathSteps)
		}
	}
	p.path.invertScanOfFunction()
	return p.path, nil
}

func trimBlanks(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}

// invertScanOfFunction turns $..a.sum() into $.sum($..a): a function at the end of a scan works on all that
// was found.
func (p *jsonPath) invertScanOfFunction() {
	last := len(p.steps) - 1
	if last < 1 || p.steps[0].kind != stepScan || !p.isFunction() {
		return
	}
	first := 1
	for p.steps[first].kind != stepFunction {
		first++
	}
	if first == 1 {
		return
	}
	scan := &jsonPath{steps: p.steps[:first:first]}
	p.steps[first].call.args = []argument{{path: scan}}
	p.steps = p.steps[first:]
}

type pathParser struct {
	s     string
	pos   int
	depth int
	path  *jsonPath
}

func (p *pathParser) add(s pathStep) { p.path.steps = append(p.path.steps, s) }

func (p *pathParser) fail(what string) error {
	return fmt.Errorf("%s at position %d", what, p.pos)
}

func (p *pathParser) step() error {
	switch p.s[p.pos] {
	case '[':
		return p.bracket()
	case '.':
		return p.dot()
	}
	return p.fail("expected '.' or '['")
}

func (p *pathParser) dot() error {
	p.pos++
	if p.pos < len(p.s) && p.s[p.pos] == '.' {
		p.add(pathStep{kind: stepScan})
		p.pos++
	}
	if p.pos == len(p.s) {
		return p.fail("Path must not end with a '.'")
	}
	switch p.s[p.pos] {
	case '.':
		return p.fail("Character '.' is not valid")
	case '[':
		return p.bracket()
	case '*':
		p.pos++
		p.add(pathStep{kind: stepWildcard})
		return nil
	}
	return p.name()
}

// name reads a property without quotes, or a function call.
func (p *pathParser) name() error {
	n := strings.IndexAny(p.s[p.pos:], ".[( ")
	if n < 0 {
		n = len(p.s) - p.pos
	}
	name := p.s[p.pos : p.pos+n]
	if name == "" {
		return p.fail("expected a property")
	}
	p.pos += n
	if p.pos == len(p.s) || p.s[p.pos] != '(' {
		if p.pos < len(p.s) && p.s[p.pos] == ' ' {
			return p.fail("Use bracket notion ['my prop'] if your property contains blank characters")
		}
		p.add(pathStep{kind: stepProperty, names: []string{name}})
		return nil
	}
	end := closing(p.s, p.pos)
	if end < 0 {
		return fmt.Errorf("Arguments to function: '%s' are not closed properly.", clip(name))
	}
	c, err := parseCall(name, p.s[p.pos+1:end], p.depth)
	if err != nil {
		return err
	}
	p.pos = end + 1
	p.add(pathStep{kind: stepFunction, call: c})
	return nil
}

// closing finds the bracket that closes the one at open, skipping quoted texts and, in filters, patterns; -1
// if there is none.
func closing(s string, open int) int {
	depth := 0
	for i := open; i < len(s); i++ {
		switch c := s[i]; c {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth == 0 {
				return i
			}
		case '\'', '"':
			end := endOfQuoted(s, i)
			if end < 0 {
				return -1
			}
			i = end
		case '/':
			if strings.HasSuffix(strings.TrimRight(s[:i], " "), "=~") {
				end := endOfQuoted(s, i)
				if end < 0 {
					return -1
				}
				i = end
			}
		}
	}
	return -1
}

// endOfQuoted finds the byte that ends what begins at start with the same byte; -1 if there is none.
func endOfQuoted(s string, start int) int {
	for i := start + 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[start]:
			return i
		}
	}
	return -1
}

func (p *pathParser) bracket() error {
	end := closing(p.s, p.pos)
	if end < 0 {
		return p.fail("Could not parse token starting")
	}
	content := strings.Trim(p.s[p.pos+1:end], " ")
	switch {
	case content == "":
		return p.fail("Could not parse token starting")
	case content[0] == '\'' || content[0] == '"':
		names, err := parseNames(content)
		if err != nil {
			return err
		}
		p.add(pathStep{kind: stepProperty, names: names})
	case content == "*":
		p.add(pathStep{kind: stepWildcard})
	case content[0] == '?':
		f, err := parseFilter(strings.TrimLeft(content[1:], " "), p.depth+1)
		if err != nil {
			return err
		}
		p.add(pathStep{kind: stepFilter, filter: f})
	default:
		s, err := parseIndexes(content)
		if err != nil {
			return err
		}
		p.add(s)
	}
	p.pos = end + 1
	return nil
}

// parseNames reads 'a','b'.
func parseNames(s string) ([]string, error) {
	quote := s[0]
	var names []string
	for {
		if s == "" || s[0] != quote {
			return nil, errors.New("Found empty property")
		}
		end := endOfQuoted(s, 0)
		if end < 0 {
			return nil, fmt.Errorf("Property has not been closed - missing closing %c", quote)
		}
		names = append(names, unescape(s[1:end]))
		s = strings.TrimLeft(s[end+1:], " ")
		if s == "" {
			return names, nil
		}
		if s[0] != ',' {
			return nil, errors.New("Property must be separated by comma")
		}
		s = strings.TrimLeft(s[1:], " ")
	}
}

// unescape reads the escapes of quoted texts in paths.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b []byte
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n':
			b = append(b, '\n')
		case 't':
			b = append(b, '\t')
		case 'r':
			b = append(b, '\r')
		case 'f':
			b = append(b, '\f')
		case 'b':
			b = append(b, '\b')
		case 'u':
			u := jsonParser{s: s, pos: i + 1}
			r, ok := u.unit()
			if !ok {
				b = append(b, 'u')
				continue
			}
			b = utf8.AppendRune(b, r)
			i += 4
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

// parseIndexes reads 1, -1, "1,2", "1:3", ":2", "1:".
func parseIndexes(s string) (pathStep, error) {
	if strings.Contains(s, ":") {
		return parseSlice(s)
	}
	var indexes []int
	for _, part := range strings.Split(s, ",") {
		n, err := parseIndex(strings.Trim(part, " "))
		if err != nil {
			return pathStep{}, err
		}
		indexes = append(indexes, n)
	}
	return pathStep{kind: stepIndex, indexes: indexes}, nil
}

// parseSlice does without the step of a slice: the dialect has none and ignores what stands in its place.
func parseSlice(s string) (pathStep, error) {
	parts := strings.Split(s, ":")
	var sl slice
	var err error
	if parts[0] != "" {
		sl.hasFrom = true
		if sl.from, err = parseIndex(parts[0]); err != nil {
			return pathStep{}, err
		}
	}
	if parts[1] != "" {
		sl.hasTo = true
		if sl.to, err = parseIndex(parts[1]); err != nil {
			return pathStep{}, err
		}
	}
	if !sl.hasFrom && !sl.hasTo {
		return pathStep{}, errors.New("Failed to parse SliceOperation: [:]")
	}
	return pathStep{kind: stepSlice, slice: sl}, nil
}

func parseIndex(s string) (int, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || strings.HasPrefix(s, "+") {
		return 0, fmt.Errorf("Could not parse token '[%s]'. Expected ?, ', 0-9, *", clip(s))
	}
	return int(n), nil
}
