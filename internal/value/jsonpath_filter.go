package value

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
)

// condition is a filter, or a part of one.
type condition interface {
	holds(item, root any, w *work) (bool, error)
}

// accepts is false where the filter compares what cannot be compared.
func accepts(f condition, item, root any, w *work) (bool, error) {
	if err := w.spend(visitCost); err != nil {
		return false, err
	}
	ok, err := f.holds(item, root, w)
	if errors.Is(err, errNoMatch) {
		return false, nil
	}
	return ok, err
}

type (
	anyOf []condition
	allOf []condition
	not   struct{ of condition }
	// exists: the path leads somewhere, or must not.
	exists struct {
		path   *jsonPath
		wanted bool
	}
	relation struct {
		op          string
		left, right operandNode
	}
	// operandNode is one side of a relation: a path if there is one, else a literal.
	operandNode struct {
		path    *jsonPath
		literal any
	}
	// undefined is what a path gives that leads nowhere.
	undefined struct{}
)

func (c anyOf) holds(item, root any, w *work) (bool, error) {
	for _, part := range c {
		if ok, err := part.holds(item, root, w); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

func (c allOf) holds(item, root any, w *work) (bool, error) {
	for _, part := range c {
		if ok, err := part.holds(item, root, w); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func (c not) holds(item, root any, w *work) (bool, error) {
	ok, err := c.of.holds(item, root, w)
	return !ok, err
}

func (c exists) holds(item, root any, w *work) (bool, error) {
	e := &evaluation{path: c.path, root: root, strict: true, work: w}
	_, err := e.result(c.path.document(item, root))
	if err != nil && !errors.Is(err, errNotFound) {
		return false, err
	}
	return (err == nil) == c.wanted, nil
}

func (p *jsonPath) document(item, root any) any {
	if p.relative {
		return item
	}
	return root
}

func (n operandNode) value(item, root any, w *work) (any, error) {
	if n.path == nil {
		return n.literal, nil
	}
	v, err := find(n.path, n.path.document(item, root), root, w)
	if errors.Is(err, errNotFound) {
		return undefined{}, nil
	}
	return v, err
}

func (c relation) holds(item, root any, w *work) (bool, error) {
	left, err := c.left.value(item, root, w)
	if err != nil {
		return false, err
	}
	right, err := c.right.value(item, root, w)
	if err != nil {
		return false, err
	}
	if err := w.spend(relationCost(left, right)); err != nil {
		return false, err
	}
	return relate(c.op, left, right)
}

// filterParser reads `(@.a > 1 && !(@.b) || ...)`.
type filterParser struct {
	s     string
	pos   int
	depth int
}

func parseFilter(s string, depth int) (condition, error) {
	if !strings.HasPrefix(s, "(") || !strings.HasSuffix(s, ")") {
		return nil, errors.New("Filter must start with '[?(' and end with ')]'")
	}
	p := &filterParser{s: s, depth: depth}
	c, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.blank(); p.pos != len(p.s) {
		return nil, p.fail("Expected end of filter expression")
	}
	return c, nil
}

func (p *filterParser) fail(what string) error {
	return fmt.Errorf("%s at position %d of filter %s", what, p.pos, clip(p.s))
}

func (p *filterParser) blank() {
	for p.pos < len(p.s) && p.s[p.pos] == ' ' {
		p.pos++
	}
}

// peek is the next byte that is no blank; 0 at the end.
func (p *filterParser) peek() byte {
	p.blank()
	if p.pos < len(p.s) {
		return p.s[p.pos]
	}
	return 0
}

func (p *filterParser) accept(token string) bool {
	p.blank()
	if !strings.HasPrefix(p.s[p.pos:], token) {
		return false
	}
	p.pos += len(token)
	return true
}

func (p *filterParser) or() (condition, error) {
	first, err := p.and()
	if err != nil {
		return nil, err
	}
	parts := anyOf{first}
	for p.accept("||") {
		next, err := p.and()
		if err != nil {
			return nil, err
		}
		parts = append(parts, next)
	}
	if len(parts) == 1 {
		return first, nil
	}
	return parts, nil
}

func (p *filterParser) and() (condition, error) {
	first, err := p.term()
	if err != nil {
		return nil, err
	}
	parts := allOf{first}
	for p.accept("&&") {
		next, err := p.term()
		if err != nil {
			return nil, err
		}
		parts = append(parts, next)
	}
	if len(parts) == 1 {
		return first, nil
	}
	return parts, nil
}

func (p *filterParser) term() (condition, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > MaxDepth {
		return nil, tooDeep()
	}
	switch p.peek() {
	case '!':
		p.pos++
		if c := p.peek(); c == '$' || c == '@' {
			return p.relation(false)
		}
		inner, err := p.term()
		return not{inner}, err
	case '(':
		p.pos++
		inner, err := p.or()
		if err != nil {
			return nil, err
		}
		if !p.accept(")") {
			return nil, p.fail("Expected ')'")
		}
		return inner, nil
	}
	return p.relation(true)
}

// relation reads `left op right`, or a path alone, which must exist if wanted.
func (p *filterParser) relation(wanted bool) (condition, error) {
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	op := p.operator()
	if op == "" {
		if left.path == nil {
			return nil, p.fail("Expected an operator")
		}
		return exists{left.path, wanted}, nil
	}
	right, err := p.operand()
	if err != nil {
		return nil, err
	}
	return relation{op, left, right}, nil
}

var (
	symbols = [...]string{"===", "!==", "==", "!=", "<=", ">=", "=~", "<", ">"}
	words   = [...]string{"SUBSETOF", "CONTAINS", "MATCHES", "NONEOF", "ANYOF", "EMPTY", "SIZE", "TYPE", "ALL", "NIN", "IN"}
)

// operator is empty if there is none.
func (p *filterParser) operator() string {
	for _, s := range symbols {
		if p.accept(s) {
			return s
		}
	}
	rest := p.s[p.pos:]
	for _, w := range words {
		if len(rest) > len(w) && strings.EqualFold(rest[:len(w)], w) && rest[len(w)] == ' ' {
			p.pos += len(w)
			return w
		}
	}
	return ""
}

func (p *filterParser) operand() (operandNode, error) {
	switch c := p.peek(); c {
	case '$', '@':
		path, err := p.path()
		return operandNode{path: path}, err
	case '\'', '"':
		end := endOfQuoted(p.s, p.pos)
		if end < 0 {
			return operandNode{}, p.fail("String not closed")
		}
		s := unescape(p.s[p.pos+1 : end])
		p.pos = end + 1
		return operandNode{literal: s}, nil
	case '[', '{':
		return p.json()
	case '/':
		return p.pattern()
	case 't', 'f', 'n':
		return p.keyword()
	}
	return p.number()
}

// path reads up to what cannot belong to it.
func (p *filterParser) path() (*jsonPath, error) {
	start := p.pos
	for p.pos++; p.pos < len(p.s); p.pos++ {
		switch p.s[p.pos] {
		case '[', '(':
			end := closing(p.s, p.pos)
			if end < 0 {
				return nil, p.fail("Brackets do not match")
			}
			p.pos = end
			continue
		case ' ', ')', '<', '>', '=', '~', '!', '&', '|':
		default:
			continue
		}
		break
	}
	return parsePath(p.s[start:p.pos], p.depth+1)
}

func (p *filterParser) json() (operandNode, error) {
	end := closing(p.s, p.pos)
	if end < 0 {
		return operandNode{}, p.fail("JSON not closed")
	}
	tree, _, ok := parseJSON(p.s[p.pos : end+1])
	if !ok {
		return operandNode{}, p.fail("Malformed JSON")
	}
	p.pos = end + 1
	return operandNode{literal: tree}, nil
}

func (p *filterParser) pattern() (operandNode, error) {
	end := endOfQuoted(p.s, p.pos)
	if end < 0 {
		return operandNode{}, p.fail("Pattern not closed")
	}
	text := p.s[p.pos+1 : end]
	p.pos = end + 1
	flags := ""
	for p.pos < len(p.s) && strings.IndexByte("imsuUd", p.s[p.pos]) >= 0 {
		if c := p.s[p.pos]; c == 'i' || c == 'm' || c == 's' {
			flags += string(rune(c))
		}
		p.pos++
	}
	if flags != "" {
		flags = "(?" + flags + ")"
	}
	compiled, err := compilePattern(`^` + flags + `(?:` + text + `)$`)
	if err != nil {
		return operandNode{}, fmt.Errorf("Cannot compile pattern /%s/", clip(text))
	}
	return operandNode{literal: compiled}, nil
}

func compilePattern(expr string) (*pattern, error) {
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, err
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(expr)
	return &pattern{Regexp: re, cost: 1 + len(program.Inst)/4}, err
}

func (p *filterParser) keyword() (operandNode, error) {
	switch {
	case p.accept("true"):
		return operandNode{literal: true}, nil
	case p.accept("false"):
		return operandNode{literal: false}, nil
	case p.accept("null"):
		return operandNode{}, nil
	}
	return operandNode{}, p.fail("Expected a literal")
}

func (p *filterParser) number() (operandNode, error) {
	n := skip(p.s[p.pos:], func(c byte) bool {
		return isDigit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
	})
	text := p.s[p.pos : p.pos+n]
	_, digits := cutSign(text)
	if !isDecimalFloat(digits) {
		return operandNode{}, p.fail("Expected a literal")
	}
	p.pos += n
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return operandNode{}, p.fail("Number out of range")
	}
	return operandNode{literal: exactNumber(text, f)}, nil
}
