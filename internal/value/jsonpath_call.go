package value

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// call is a function at the end of, or within, a path.
type call struct {
	name string
	args []argument
}

// argument is a path from the root of the document if there is one, else JSON.
type argument struct {
	path *jsonPath
	json any
}

var functions = [...]string{
	"append", "avg", "concat", "first", "index", "keys", "last", "length", "max", "min", "size", "stddev", "sum",
}

func parseCall(name, args string, depth int) (*call, error) {
	if !slices.Contains(functions[:], name) {
		return nil, fmt.Errorf("Function with name: %s does not exist.", clip(name))
	}
	c := &call{name: name}
	for _, text := range splitArguments(args) {
		if text == "" {
			continue
		}
		switch b := text[0]; {
		case b == '$' || b == '@':
			p, err := parsePath(text, depth+1)
			if err != nil {
				return nil, err
			}
			c.args = append(c.args, argument{path: p})
		case b == '{' || b == '"' || b == '-' || isDigit(b):
			tree, _, ok := parseJSON(text)
			if !ok {
				return nil, fmt.Errorf("Malformed argument of function %s", name)
			}
			c.args = append(c.args, argument{json: tree})
		}
	}
	return c, nil
}

// splitArguments cuts at the commas outside of brackets and quotes.
func splitArguments(s string) []string {
	var parts []string
	start := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '(', '[', '{':
			if end := closing(s, i); end >= 0 {
				i = end
			}
		case '\'', '"':
			if end := endOfQuoted(s, i); end >= 0 {
				i = end
			}
		case ',':
			parts = append(parts, strings.TrimSpace(s[start:i]))
			start = i + 1
		}
	}
	return append(parts, strings.TrimSpace(s[start:]))
}

func (a argument) value(root any, w *work) (any, error) {
	if a.path == nil {
		return a.json, nil
	}
	return find(a.path, root, root, w)
}

func (c *call) values(root any, w *work) ([]any, error) {
	values := make([]any, 0, len(c.args))
	for _, a := range c.args {
		v, err := a.value(root, w)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

func (c *call) invoke(doc, root any, w *work) (any, error) {
	if c.name == "length" || c.name == "size" {
		return c.length(doc, w)
	}
	args, err := c.values(root, w)
	if err != nil {
		return nil, err
	}
	if err := w.spend(treeCost(doc)); err != nil {
		return nil, err
	}
	switch c.name {
	case "keys":
		return keysOf(doc), nil
	case "concat":
		return concatTexts(doc, args, w)
	case "append":
		return appended(doc, args), nil
	case "first":
		return itemAt(doc, 0)
	case "last":
		return itemAt(doc, -1)
	case "index":
		return indexed(doc, args)
	}
	return aggregate(c.name, doc, args)
}

// length of an argument counts what is one step below it.
func (c *call) length(doc any, w *work) (any, error) {
	if len(c.args) > 0 && c.args[0].path != nil {
		p := c.args[0].path
		if !p.isFunction() {
			p = &jsonPath{relative: p.relative, steps: append(slices.Clone(p.steps), pathStep{kind: stepWildcard})}
		}
		inner, err := find(p, doc, doc, w)
		if err != nil {
			return nil, err
		}
		if list, ok := inner.(*jsonList); ok {
			return int64(len(list.items)), nil
		}
	}
	switch d := doc.(type) {
	case *jsonList:
		return int64(len(d.items)), nil
	case *jsonObject:
		return int64(len(d.keys)), nil
	}
	return nil, nil
}

func keysOf(doc any) any {
	object, ok := doc.(*jsonObject)
	if !ok {
		return nil
	}
	list := &jsonList{}
	for _, key := range object.keys {
		list.items = append(list.items, key)
	}
	return list
}

func concatTexts(doc any, args []any, w *work) (any, error) {
	var b strings.Builder
	add := func(s string) error {
		if b.Len()+len(s) > MaxBytes {
			return tooLarge()
		}
		b.WriteString(s)
		return w.spend(len(s))
	}
	if list, ok := doc.(*jsonList); ok {
		for _, item := range list.items {
			if s, ok := item.(string); ok {
				if err := add(s); err != nil {
					return nil, err
				}
			}
		}
	}
	for _, arg := range args {
		for _, item := range flat(arg) {
			if err := add(argumentText(item)); err != nil {
				return nil, err
			}
		}
	}
	return b.String(), nil
}

// flat is the items of a list, or the value itself.
func flat(v any) []any {
	if list, ok := v.(*jsonList); ok {
		return list.items
	}
	return []any{v}
}

func argumentText(v any) string {
	if v == nil {
		return ""
	}
	if s, ok := v.(string); ok {
		return s
	}
	return string(appendJSON(nil, v))
}

func appended(doc any, args []any) any {
	list, ok := doc.(*jsonList)
	if !ok {
		return doc
	}
	return &jsonList{items: slices.Concat(list.items, args)}
}

func itemAt(doc any, i int) (any, error) {
	list, ok := doc.(*jsonList)
	if !ok {
		return nil, errors.New("not a list")
	}
	if i < 0 {
		i += len(list.items)
	}
	if i < 0 || i >= len(list.items) {
		return nil, fmt.Errorf("no item %d in a list of %d", i, len(list.items))
	}
	return list.items[i], nil
}

func indexed(doc any, args []any) (any, error) {
	for _, arg := range args {
		for _, item := range flat(arg) {
			if f, ok := asDouble(item); ok {
				return itemAt(doc, int(max(math.MinInt32, min(math.MaxInt32, truncate(f)))))
			}
		}
	}
	return nil, errors.New("index() needs a number")
}

// aggregate works on the numbers of a list and of the arguments.
func aggregate(name string, doc any, args []any) (any, error) {
	var numbers []float64
	collect := func(items []any) {
		for _, item := range items {
			if f, ok := asDouble(item); ok {
				numbers = append(numbers, f)
			}
		}
	}
	if list, ok := doc.(*jsonList); ok {
		collect(list.items)
	}
	for _, arg := range args {
		collect(flat(arg))
	}
	if len(numbers) == 0 {
		return nil, errors.New("Aggregation function attempted to calculate value using empty array")
	}
	f := aggregated(name, numbers)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("%s() of these numbers is not a finite number", name)
	}
	return f, nil
}

func aggregated(name string, numbers []float64) float64 {
	sum, squares := 0.0, 0.0
	for _, f := range numbers {
		sum += f
		squares += float64(f * f)
	}
	count := float64(len(numbers))
	switch name {
	case "min":
		return slices.Min(numbers)
	case "max":
		return slices.Max(numbers)
	case "avg":
		return sum / count
	case "stddev":
		return math.Sqrt(max(0, squares/count-float64(sum*sum)/count/count))
	}
	return sum
}
