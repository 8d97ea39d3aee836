package store

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
)

// Rows is a cursor over a range of one partition. It starts on the first row.
type Rows struct {
	it  *pebble.Iterator
	key []byte // that was looked for
}

// newRows opens a cursor over [from, to); an empty to means the end of the partition.
func newRows(r pebble.Reader, of machine.Stream, from, to keys.Key) (*Rows, error) {
	rows, err := newCursor(r, of, from, to)
	if err == nil {
		rows.it.First()
	}
	return rows, err
}

func newCursor(r pebble.Reader, of machine.Stream, from, to keys.Key) (*Rows, error) {
	lower, upper := bounds(of, from, to)
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, fmt.Errorf("store: scan %s: %w", of, err)
	}
	return &Rows{it: it}, nil
}

// Look goes to the row of that key and nowhere else: there is no next. It tells whether there is one. Many rows are
// read with less work so than each by itself, least if they come in order.
func (r *Rows) Look(of machine.Stream, k keys.Key) bool {
	r.key = appendKey(r.key[:0], of, k)
	return r.it.SeekPrefixGE(r.key)
}

func bounds(of machine.Stream, from, to keys.Key) (lower, upper []byte) {
	if to == "" {
		return appendKey(nil, of, from), appendEnd(nil, of)
	}
	return appendKey(nil, of, from), appendKey(nil, of, to)
}

// Move goes to the first row of another range; that costs much less than another cursor.
func (r *Rows) Move(of machine.Stream, from, to keys.Key) {
	r.it.SetBounds(bounds(of, from, to))
	r.it.First()
}

// Valid tells whether the cursor stands on a row. When it does not, Close tells whether that is the end or an
// error.
func (r *Rows) Valid() bool { return r.it.Valid() }

// Key of the row.
func (r *Rows) Key() keys.Key { return keys.Key(r.it.Key()[prefixBytes:]) }

// Value of the row; valid until the next call of Next or Close.
func (r *Rows) Value() ([]byte, error) { return r.it.ValueAndErr() }

// Next goes to the next row.
func (r *Rows) Next() { r.it.Next() }

// Close ends the cursor and returns the first error it met.
func (r *Rows) Close() error {
	if err := r.it.Close(); err != nil {
		return fmt.Errorf("store: scan: %w", err)
	}
	return nil
}

// Each visits the rows from here on until visit returns false.
func (r *Rows) Each(visit func(k keys.Key, value []byte) bool) error { return r.each(r.it.Next, visit) }

// Back visits the rows of a range from the last to the first until visit returns false.
func (r *Rows) Back(of machine.Stream, from, to keys.Key, visit func(k keys.Key, value []byte) bool) error {
	r.it.SetBounds(bounds(of, from, to))
	r.it.Last()
	return r.each(r.it.Prev, visit)
}

func (r *Rows) each(step func() bool, visit func(k keys.Key, value []byte) bool) error {
	for ; r.Valid(); step() {
		v, err := r.Value()
		if err != nil {
			return fmt.Errorf("store: scan: %w", err)
		}
		if !visit(r.Key(), v) {
			return nil
		}
	}
	if err := r.it.Error(); err != nil {
		return fmt.Errorf("store: scan: %w", err)
	}
	return nil
}
