package value

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// pattern is a regular expression that must cover a whole text.
type pattern struct {
	*regexp.Regexp
	// cost is the work for each byte of a text.
	cost int
}

// relationCost: lists may be compared item by item with lists, and patterns take their size for each byte.
func relationCost(l, r any) int {
	cost := treeCost(l) + treeCost(r)
	switch x := l.(type) {
	case *jsonList:
		if y, ok := r.(*jsonList); ok {
			cost += visitCost * len(x.items) * len(y.items)
		}
	case *pattern:
		return cost + x.cost*textCost(r)
	}
	if p, ok := r.(*pattern); ok {
		cost += p.cost * textCost(l)
	}
	return cost
}

// textCost is the bytes of a text, or of all texts in a list.
func textCost(v any) int {
	n := 0
	for _, item := range flat(v) {
		if s, ok := item.(string); ok {
			n += len(s)
		}
	}
	return n
}

// treeCost is about the work of looking at a value once.
func treeCost(tree any) int {
	switch t := tree.(type) {
	case string:
		return len(t)
	case *jsonList:
		return visitCost * len(t.items)
	case *jsonObject:
		return visitCost * len(t.keys)
	}
	return 1
}

func relate(op string, l, r any) (bool, error) {
	switch op {
	case "==":
		return nodesEqual(l, r), nil
	case "!=":
		return !nodesEqual(l, r), nil
	case "===":
		return sameKind(l, r) && nodesEqual(l, r), nil
	case "!==":
		return !sameKind(l, r) || !nodesEqual(l, r), nil
	case "<", "<=", ">", ">=":
		order, ok := orderNodes(l, r)
		return ok && ordered(op, order), nil
	case "=~":
		return matches(l, r)
	case "IN":
		return isIn(l, r)
	case "NIN":
		in, err := isIn(l, r)
		return !in, err
	case "CONTAINS":
		return nodeContains(l, r), nil
	case "SIZE":
		return hasSize(l, r), nil
	case "EMPTY":
		return isEmpty(l, r)
	case "ALL", "SUBSETOF", "ANYOF", "NONEOF":
		return relateLists(op, l, r)
	}
	return false, errNoMatch
}

func ordered(op string, order int) bool {
	switch op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

func isNumber(v any) bool {
	_, ok := asDouble(v)
	return ok
}

func sameKind(l, r any) bool {
	if isNumber(l) || isNumber(r) {
		return isNumber(l) && isNumber(r)
	}
	switch l.(type) {
	case nil:
		return r == nil
	case bool:
		_, ok := r.(bool)
		return ok
	case string:
		_, ok := r.(string)
		return ok
	case *jsonList, *jsonObject:
		switch r.(type) {
		case *jsonList, *jsonObject:
			return true
		}
	}
	return false
}

func nodesEqual(l, r any) bool {
	switch x := l.(type) {
	case undefined, *pattern:
		return false
	case string:
		if isNumber(r) {
			return x == numberText(r)
		}
	case int64, float64:
		if s, ok := r.(string); ok {
			f, err := strconv.ParseFloat(s, 64)
			return err == nil && compareNumbers(x, exactNumber(s, f)) == 0
		}
		return isNumber(r) && compareNumbers(x, r) == 0
	}
	if _, ok := r.(undefined); ok {
		return false
	}
	return sameTree(l, r)
}

// exactNumber prefers the int64 that a text means.
func exactNumber(s string, f float64) any {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i
	}
	return f
}

func numberText(v any) string {
	if i, ok := v.(int64); ok {
		return strconv.FormatInt(i, 10)
	}
	f, _ := v.(float64)
	text := DoubleText(f)
	if e := strings.IndexByte(text, 'E'); e >= 0 && text[e+1] != '-' {
		return text[:e+1] + "+" + text[e+1:]
	}
	return text
}

// compareNumbers orders int64 and float64 exactly. There is no NaN in JSON.
func compareNumbers(l, r any) int {
	i, lInt := l.(int64)
	j, rInt := r.(int64)
	switch {
	case lInt && rInt:
		return compareInts(i, j)
	case lInt:
		return compareIntDouble(i, r.(float64))
	case rInt:
		return -compareIntDouble(j, l.(float64))
	}
	return compareDouble(l.(float64), r.(float64))
}

func compareInts(i, j int64) int {
	switch {
	case i < j:
		return -1
	case i > j:
		return 1
	}
	return 0
}

func compareIntDouble(i int64, f float64) int {
	switch {
	case f >= math.MaxInt64:
		return -1
	case f < math.MinInt64:
		return 1
	}
	whole := math.Trunc(f)
	if order := compareInts(i, int64(whole)); order != 0 {
		return order
	}
	return compareDouble(whole+0, f+0)
}

func orderNodes(l, r any) (order int, ok bool) {
	ls, lText := l.(string)
	rs, rText := r.(string)
	switch {
	case isNumber(l) && isNumber(r):
		return compareNumbers(l, r), true
	case lText && rText:
		return compareUTF16(ls, rs), true
	}
	return 0, false
}

// matches: one side is a pattern; of a list one item must match.
func matches(l, r any) (bool, error) {
	p, left := l.(*pattern)
	q, right := r.(*pattern)
	if left == right {
		return false, nil
	}
	input := l
	if left {
		input = r
	} else {
		p = q
	}
	return slices.ContainsFunc(flat(input), func(item any) bool { return p.MatchString(inputText(item)) }), nil
}

func inputText(v any) string {
	switch t := v.(type) {
	case string:
		return t
	case bool:
		return strconv.FormatBool(t)
	case int64, float64:
		return numberText(v)
	}
	return ""
}

func isIn(l, r any) (bool, error) {
	switch t := r.(type) {
	case *jsonList:
		return listContains(t, l), nil
	case *jsonObject:
		return false, nil
	}
	return false, errNoMatch
}

func listContains(list *jsonList, v any) bool {
	for _, item := range list.items {
		if nodesEqual(v, item) {
			return true
		}
	}
	return false
}

func nodeContains(l, r any) bool {
	switch t := l.(type) {
	case string:
		s, ok := r.(string)
		return ok && strings.Contains(t, s)
	case *jsonList:
		return listContains(t, r)
	}
	return false
}

func hasSize(l, r any) bool {
	f, ok := asDouble(r)
	if !ok {
		return false
	}
	size := truncate(f)
	switch t := l.(type) {
	case string:
		return int64(lengthUTF16(t)) == size
	case *jsonList:
		return int64(len(t.items)) == size
	case *jsonObject:
		return size == -1
	}
	return false
}

func isEmpty(l, r any) (bool, error) {
	n := 0
	switch t := l.(type) {
	case string:
		n = len(t)
	case *jsonList:
		n = len(t.items)
	case *jsonObject:
		n = len(t.keys)
	default:
		return false, nil
	}
	wanted, ok := r.(bool)
	if !ok {
		return false, errNoMatch
	}
	return (n == 0) == wanted, nil
}

func relateLists(op string, l, r any) (bool, error) {
	left, lok := l.(*jsonList)
	right, rok := r.(*jsonList)
	if !lok || !rok {
		return false, nil
	}
	switch op {
	case "ALL":
		return covered(right, left), nil
	case "SUBSETOF":
		return covered(left, right), nil
	}
	common := false
	for _, item := range left.items {
		common = common || listContains(right, item)
	}
	return common == (op == "ANYOF"), nil
}

// covered reports whether every item of part is in whole.
func covered(part, whole *jsonList) bool {
	for _, item := range part.items {
		if !listContains(whole, item) {
			return false
		}
	}
	return true
}
