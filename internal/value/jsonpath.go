package value

import (
	"errors"
	"fmt"

	"littlehorse/lhpb"
)

// A JSONPath follows the Jayway dialect. A definite one names at most one place; an indefinite one (wildcard,
// filter, scan, slice, several indexes) gives the list of all places that match.

const (
	// maxPathSteps bounds the steps of one path, and maxPathBytes its text.
	maxPathSteps = 512
	maxPathBytes = 1 << 16
	// visitCost is the work of one step at one place, and matchCost that of a match.
	visitCost = 32
	matchCost = 256
)

type stepKind uint8

const (
	stepProperty stepKind = iota
	stepIndex
	stepSlice
	stepWildcard
	stepFilter
	stepScan
	stepFunction
)

// pathStep is one step of a path; which fields count follows from its kind.
type pathStep struct {
	kind    stepKind
	names   []string
	indexes []int
	slice   slice
	filter  condition
	call    *call
}

type slice struct {
	from, to       int
	hasFrom, hasTo bool
}

type jsonPath struct {
	// relative: it begins with '@'.
	relative bool
	steps    []pathStep
}

// stepDefinite reports whether the i-th step leads to one place at most.
func (p *jsonPath) stepDefinite(i int) bool {
	s := &p.steps[i]
	switch s.kind {
	case stepProperty:
		return len(s.names) == 1 || i == len(p.steps)-1
	case stepIndex:
		return len(s.indexes) == 1
	case stepFunction:
		return true
	}
	return false
}

func (p *jsonPath) definite() bool {
	for i := range p.steps {
		if !p.stepDefinite(i) {
			return false
		}
	}
	return true
}

func (p *jsonPath) isFunction() bool {
	return len(p.steps) > 0 && p.steps[len(p.steps)-1].kind == stepFunction
}

// place is where a match was found: a member or item of its parent; the root has no parent.
type place struct {
	parent any
	names  []string
	index  int
}

type match struct {
	value any
	at    place
}

var (
	// errNotFound: a definite path leads nowhere.
	errNotFound = errors.New("no results")
	// errNoMatch: a filter compares what cannot be compared; the item does not match.
	errNoMatch = errors.New("not applicable")
)

// evaluation walks one document by one path.
type evaluation struct {
	path *jsonPath
	root any
	// update also finds the last property of a path where it is missing.
	update bool
	// strict: a missing property is errNotFound also below an indefinite step.
	strict  bool
	work    *work
	matches []match
}

// find evaluates a path. The value is that of a definite path, or a list.
func find(p *jsonPath, doc, root any, w *work) (any, error) {
	e := &evaluation{path: p, root: root, work: w}
	return e.result(doc)
}

func (e *evaluation) result(doc any) (any, error) {
	if err := e.step(0, true, doc, place{}); err != nil {
		return nil, err
	}
	if e.path.definite() {
		if len(e.matches) == 0 {
			return nil, errNotFound
		}
		return e.matches[len(e.matches)-1].value, nil
	}
	list := &jsonList{items: make([]any, len(e.matches))}
	for i, m := range e.matches {
		list.items[i] = m.value
	}
	return list, nil
}

// step applies the i-th step to one place. definite: all steps before it are.
func (e *evaluation) step(i int, definite bool, doc any, at place) error {
	if err := e.work.spend(visitCost); err != nil {
		return err
	}
	if i == len(e.path.steps) {
		e.matches = append(e.matches, match{doc, at})
		return e.work.spend(matchCost)
	}
	s := &e.path.steps[i]
	switch s.kind {
	case stepProperty:
		return e.property(i, definite, doc)
	case stepIndex:
		return e.indexes(i, definite, doc)
	case stepSlice:
		return e.slice(i, definite, doc)
	case stepWildcard:
		return e.wildcard(i, doc)
	case stepFilter:
		return e.filter(i, definite, doc, at)
	case stepScan:
		return e.scan(i+1, doc, at)
	}
	v, err := s.call.invoke(doc, e.root, e.work)
	if err != nil {
		return err
	}
	return e.step(i+1, definite, v, place{})
}

func (e *evaluation) property(i int, definite bool, doc any) error {
	object, ok := doc.(*jsonObject)
	if !ok {
		return notFoundIf(definite)
	}
	names := e.path.steps[i].names
	if len(names) > 1 && i == len(e.path.steps)-1 {
		return e.merge(i, names, object)
	}
	for _, name := range names {
		if err := e.member(i, definite, object, name); err != nil {
			return err
		}
	}
	return nil
}

func notFoundIf(definite bool) error {
	if definite {
		return errNotFound
	}
	return nil
}

func (e *evaluation) member(i int, definite bool, object *jsonObject, name string) error {
	v, ok := object.get(name)
	last := i == len(e.path.steps)-1
	if !ok && !(last && e.update) {
		if e.strict && last {
			return errNotFound
		}
		return notFoundIf(!last && definite && e.path.stepDefinite(i))
	}
	return e.step(i+1, definite && e.path.stepDefinite(i), v, place{parent: object, names: []string{name}})
}

// merge is the last step with several names: one object of those that are there.
func (e *evaluation) merge(i int, names []string, object *jsonObject) error {
	merged := newJSONObject(len(names))
	for _, name := range names {
		if v, ok := object.get(name); ok {
			merged.set(name, v)
		}
	}
	return e.step(i+1, true, merged, place{parent: object, names: names})
}

func (e *evaluation) indexes(i int, definite bool, doc any) error {
	list, ok := doc.(*jsonList)
	if !ok {
		return notFoundIf(definite)
	}
	for _, n := range e.path.steps[i].indexes {
		if err := e.item(i, definite, list, n); err != nil {
			return err
		}
	}
	return nil
}

// item goes on at the n-th item, counted from the end if negative; one that is not there is no match.
func (e *evaluation) item(i int, definite bool, list *jsonList, n int) error {
	if n < 0 {
		n += len(list.items)
	}
	if n < 0 || n >= len(list.items) {
		return nil
	}
	return e.step(i+1, definite && e.path.stepDefinite(i), list.items[n], place{parent: list, index: n})
}

func (e *evaluation) slice(i int, definite bool, doc any) error {
	list, ok := doc.(*jsonList)
	if !ok {
		return notFoundIf(definite)
	}
	from, to := e.path.steps[i].slice.bounds(len(list.items))
	for n := from; n < to; n++ {
		if err := e.item(i, false, list, n); err != nil {
			return err
		}
	}
	return nil
}

// bounds may be negative where both ends are given: the items are then counted from the end.
func (s slice) bounds(length int) (from, to int) {
	switch {
	case s.hasFrom && s.hasTo:
		return max(s.from, -length), min(s.to, length)
	case s.hasFrom:
		if s.from < 0 {
			return max(0, length+s.from), length
		}
		return s.from, length
	}
	if s.to < 0 {
		return 0, length + s.to
	}
	return 0, min(s.to, length)
}

func (e *evaluation) wildcard(i int, doc any) error {
	switch d := doc.(type) {
	case *jsonObject:
		for _, name := range d.keys {
			if err := e.member(i, false, d, name); err != nil {
				return err
			}
		}
	case *jsonList:
		for n := range d.items {
			if err := e.item(i, false, d, n); err != nil && (e.strict || !errors.Is(err, errNotFound)) {
				return err
			}
		}
	}
	return nil
}

func (e *evaluation) filter(i int, definite bool, doc any, at place) error {
	f := e.path.steps[i].filter
	switch d := doc.(type) {
	case *jsonObject:
		ok, err := accepts(f, d, e.root, e.work)
		if err != nil || !ok {
			return err
		}
		return e.step(i+1, false, d, at)
	case *jsonList:
		for n, item := range d.items {
			ok, err := accepts(f, item, e.root, e.work)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			if err := e.item(i, false, d, n); err != nil {
				return err
			}
		}
		return nil
	}
	if definite {
		return errors.New("a filter can not be applied to primitives")
	}
	return nil
}

// scan looks for what the i-th step finds in a place and in everything below it.
func (e *evaluation) scan(i int, doc any, at place) error {
	if err := e.work.spend(visitCost); err != nil {
		return err
	}
	found, err := e.scans(i, doc)
	if err != nil {
		return err
	}
	if found {
		if err := e.step(i, false, doc, at); err != nil {
			return err
		}
	}
	switch d := doc.(type) {
	case *jsonObject:
		for n := range d.keys {
			if err := e.scan(i, d.values[n], place{parent: d, names: d.keys[n : n+1]}); err != nil {
				return err
			}
		}
	case *jsonList:
		for n, item := range d.items {
			if err := e.scan(i, item, place{parent: d, index: n}); err != nil {
				return err
			}
		}
	}
	return nil
}

// scans reports whether a scan tries its step on doc.
func (e *evaluation) scans(i int, doc any) (bool, error) {
	s := &e.path.steps[i]
	switch s.kind {
	case stepProperty:
		object, ok := doc.(*jsonObject)
		if !ok {
			return false, nil
		}
		if !e.path.stepDefinite(i) {
			return true, nil
		}
		for _, name := range s.names {
			if _, has := object.get(name); !has {
				return false, nil
			}
		}
		return true, nil
	case stepIndex, stepSlice:
		_, ok := doc.(*jsonList)
		return ok, nil
	case stepWildcard:
		return true, nil
	case stepFilter:
		return e.scansFilter(s.filter, doc)
	}
	return false, nil
}

// scansFilter: what is no container cannot be filtered.
func (e *evaluation) scansFilter(f condition, doc any) (bool, error) {
	switch doc.(type) {
	case *jsonObject, *jsonList:
		return accepts(f, doc, e.root, e.work)
	}
	return false, nil
}

// ReadJSONPath is what a JSONPath finds in a JSON_OBJ or JSON_ARR. A definite path that leads nowhere gives
// NULL, an indefinite one a JSON_ARR.
func ReadJSONPath(v *lhpb.VariableValue, path string) (*lhpb.VariableValue, error) {
	return readJSONPath(v, path, newWork())
}

func readJSONPath(v *lhpb.VariableValue, path string, w *work) (*lhpb.VariableValue, error) {
	doc, err := documentOf(v, w)
	if err != nil {
		return nil, err
	}
	p, err := parseJSONPath(path)
	if err != nil {
		return nil, pathError(path, err)
	}
	found, err := readTree(p, doc, w)
	if err != nil {
		return nil, pathError(path, err)
	}
	return fromJSON(found)
}

func readTree(p *jsonPath, doc any, w *work) (any, error) {
	found, err := find(p, doc, doc, w)
	if errors.Is(err, errNotFound) {
		return nil, nil
	}
	return found, err
}

func pathError(path string, err error) error {
	return fmt.Errorf("Failed accessing path '%s': %w", clip(path), err)
}

func documentOf(v *lhpb.VariableValue, w *work) (any, error) {
	if err := w.spend(sizeOf(v)); err != nil {
		return nil, err
	}
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_JsonObj:
		return jsonObjectOf(k.JsonObj), nil
	case *lhpb.VariableValue_JsonArr:
		return jsonListOf(k.JsonArr), nil
	}
	return nil, fmt.Errorf("Cannot jsonpath on a value of type %v", TypeOf(v))
}
