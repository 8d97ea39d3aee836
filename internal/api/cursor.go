package api

import (
	"container/heap"
	"math"
	"slices"

	"littlehorse/internal/cluster"
	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
)

// reading is a look at one partition at one moment, for some of the rows of a search.
type reading struct {
	view   cluster.View
	stream machine.Stream
	within span
	after  string // position behind which it begins
	want   int    // how many rows are wanted; a hint
}

// walker walks rows of a partition. A new one stands on its first row.
type walker interface {
	// at is the position of the row on which it stands; ok is false behind the last.
	at() (position string, ok bool)
	// next goes to the next row.
	next() error
}

// cursor walks rows in order of their positions.
type cursor interface {
	walker
	// seek goes to the first row at or behind a position.
	seek(position string) error
}

// ranged walks the rows of one value of an index, reading a few ahead.
type ranged struct {
	view       cluster.View
	prefix     keys.Key
	start, end keys.Key // what was not read yet
	rows       []cluster.Row
	read       int // rows of the next read
}

const (
	fewRows  = 2
	mostRead = 512
)

// over walks the rows of an index value.
func (r *reading) over(tag keys.Tag, read int) (cursor, error) {
	c := &ranged{view: r.view, prefix: tag.Prefix(), start: tag.From(r.within.earliest), read: max(read, fewRows)}
	c.end = c.prefix.End()
	if r.within.latest != math.MaxInt64 {
		c.end = tag.From(r.within.latest + 1)
	}
	if r.after != "" {
		c.start = max(c.start, (c.prefix + keys.Key(r.after)).After())
	}
	return c, c.fill()
}

func (c *ranged) at() (string, bool) {
	if len(c.rows) == 0 {
		return "", false
	}
	return string(c.rows[0].Key[len(c.prefix):]), true
}

func (c *ranged) next() error {
	c.rows = c.rows[1:]
	return c.fill()
}

func (c *ranged) seek(position string) error {
	to := c.prefix + keys.Key(position)
	for len(c.rows) > 0 && c.rows[0].Key < to {
		c.rows = c.rows[1:]
	}
	if len(c.rows) == 0 && to > c.start {
		c.start, c.read = to, fewRows
	}
	return c.fill()
}

// fill makes sure that a row is at hand if there is one.
func (c *ranged) fill() error {
	if len(c.rows) > 0 || c.start >= c.end {
		return nil
	}
	rows, err := c.view.Scan(c.start, c.end, c.read)
	if err != nil {
		return err
	}
	c.rows, c.start = rows, c.end
	if len(rows) == c.read {
		c.start = rows[len(rows)-1].Key.After()
		c.read = min(2*c.read, mostRead)
	}
	return nil
}

// union walks the rows of all its members, of which no two share a row.
type union []cursor

// unite leaves out the members that have no rows.
func unite(members []cursor) cursor {
	if len(members) == 1 {
		return members[0]
	}
	u := union(slices.DeleteFunc(members, func(c cursor) bool {
		_, ok := c.at()
		return !ok
	}))
	heap.Init(&u)
	return &u
}

func (u *union) at() (string, bool) {
	if len(*u) == 0 {
		return "", false
	}
	return (*u)[0].at()
}

func (u *union) next() error {
	err := (*u)[0].next()
	u.settle()
	return err
}

func (u *union) seek(position string) error {
	for len(*u) > 0 {
		first := (*u)[0]
		if at, _ := first.at(); at >= position {
			return nil
		}
		if err := first.seek(position); err != nil {
			return err
		}
		u.settle()
	}
	return nil
}

// settle puts the first member where it now belongs.
func (u *union) settle() {
	if _, ok := (*u)[0].at(); ok {
		heap.Fix(u, 0)
	} else {
		heap.Pop(u)
	}
}

func (u *union) Len() int { return len(*u) }

func (u *union) Less(i, j int) bool {
	a, _ := (*u)[i].at()
	b, _ := (*u)[j].at()
	return a < b
}
func (u *union) Swap(i, j int) { (*u)[i], (*u)[j] = (*u)[j], (*u)[i] }
func (u *union) Push(x any)    { *u = append(*u, x.(cursor)) }
func (u *union) Pop() any {
	all := *u
	last := all[len(all)-1]
	*u = all[:len(all)-1]
	return last
}

// common walks the positions that all its members have. Each leaps to where the others are, so that what it reads
// goes by the member with the fewest rows.
type common struct {
	members []cursor
	ended   bool
}

func intersect(members []cursor) (cursor, error) {
	if len(members) == 1 {
		return members[0], nil
	}
	c := &common{members: members}
	return c, c.settle()
}

func (c *common) at() (string, bool) {
	if c.ended {
		return "", false
	}
	return c.members[0].at()
}

func (c *common) next() error {
	if err := c.members[0].next(); err != nil {
		return err
	}
	return c.settle()
}

func (c *common) seek(position string) error {
	if c.ended {
		return nil
	}
	if err := c.members[0].seek(position); err != nil {
		return err
	}
	return c.settle()
}

// settle goes to the first position that all have, beginning where the first of them stands.
func (c *common) settle() error {
	position, ok := c.members[0].at()
	for n, agree := 0, 0; ok && agree < len(c.members); n++ {
		m := c.members[n%len(c.members)]
		if err := m.seek(position); err != nil {
			return err
		}
		var at string
		if at, ok = m.at(); at == position {
			agree++
		} else {
			position, agree = at, 1
		}
	}
	c.ended = !ok
	return nil
}

// axis is one part of what an index lists: a number, or whatever there is.
type axis struct {
	any byte // 't' any text, 'i' any number, 0 the number n
	n   int32
}

// oneOrAny is the number, or any if there is none.
func oneOrAny(n *int32) axis {
	if n == nil {
		return axis{any: 'i'}
	}
	return axis{n: *n}
}

// values visits what an index lists of the axes behind a tag. It leaps from value to value: where an axis is open,
// it reads one row for each.
func (r *reading) values(tag keys.Tag, axes []axis, visit func(keys.Tag)) error {
	open := ""
	for len(axes) > len(open) && axes[len(open)].any != 0 {
		open += string(axes[len(open)].any)
	}
	switch {
	case len(axes) == 0:
		visit(tag)
		return nil
	case open == "":
		return r.values(tag.Int(axes[0].n), axes[1:], visit)
	}
	for start, end := tag.Prefix(), tag.Prefix().End(); ; {
		rows, err := r.view.Scan(start, end, 1)
		if err != nil || len(rows) == 0 {
			return err
		}
		found, err := tag.Along(rows[0].Key, open)
		if err != nil {
			return err
		}
		if err := r.values(found, axes[len(open):], visit); err != nil {
			return err
		}
		start = found.Prefix().End()
	}
}

// among walks the rows of all values that an index has.
func (r *reading) among(tag keys.Tag, axes ...axis) (cursor, error) {
	var tags []keys.Tag
	if err := r.values(tag, axes, func(value keys.Tag) { tags = append(tags, value) }); err != nil {
		return nil, err
	}
	return r.overAll(tags)
}

func (r *reading) overAll(tags []keys.Tag) (cursor, error) {
	members := make([]cursor, 0, len(tags))
	for _, tag := range tags {
		c, err := r.over(tag, r.want/len(tags)+1)
		if err != nil {
			return nil, err
		}
		members = append(members, c)
	}
	return unite(members), nil
}
