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
	back   bool   // from the last row to the first
	after  string // position behind which it begins
	want   int    // how many rows are wanted; a hint
	found  int    // how many values of indexes were found
	// doubtful says that there are rows among those that are walked of which the indexes do not tell all that is asked for.
	doubtful bool
}

// turned is the position of what stands behind the value of an index in a row, and the other way round. Forwards it is that
// itself, backwards its complement: the last row has the first position, and what walks positions knows no direction. It needs
// that no row begins with another, and none does.
func turned(of string, back bool) string {
	if !back {
		return of
	}
	b := []byte(of)
	for i := range b {
		b[i] = ^b[i]
	}
	return string(b)
}

// scan reads some rows in the order in which the rows are read.
func (r *reading) scan(start, end keys.Key, limit int) ([]cluster.Row, error) {
	if r.back {
		return r.view.ScanBack(start, end, limit)
	}
	return r.view.Scan(start, end, limit)
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
	of         *reading
	prefix     keys.Key
	start, end keys.Key      // what was not read yet
	rows       []cluster.Row // with their positions behind the prefix
	read       int           // rows of the next read
}

const (
	fewRows  = 2
	mostRead = 512
)

// over walks the rows of an index value.
func (r *reading) over(v tagged, read int) (cursor, error) {
	c := &ranged{of: r, prefix: v.tag.Prefix(), start: v.tag.From(r.within.earliest), read: max(read, fewRows)}
	c.end = c.prefix.End()
	if r.within.latest != math.MaxInt64 {
		c.end = v.tag.From(r.within.latest + 1)
	}
	if r.after != "" {
		c.leave(c.prefix + keys.Key(turned(r.after, r.back)))
	}
	for _, row := range v.first {
		if c.start <= row.Key && row.Key < c.end {
			c.rows = append(c.rows, row)
		}
		c.leave(row.Key)
	}
	c.turn(c.rows)
	if v.whole {
		c.start = c.end
	}
	return c, c.fill()
}

// leave says that the row of that key and those in front of it need not be read.
func (c *ranged) leave(row keys.Key) {
	if c.of.back {
		c.end = min(c.end, row)
	} else {
		c.start = max(c.start, row.After())
	}
}

// turn puts the positions of rows in place of where they stand.
func (c *ranged) turn(rows []cluster.Row) {
	if !c.of.back {
		return
	}
	for i, row := range rows {
		rows[i].Key = c.prefix + keys.Key(turned(string(row.Key[len(c.prefix):]), true))
	}
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
	if len(c.rows) == 0 && c.leap(position) {
		c.read = fewRows
	}
	return c.fill()
}

// leap leaves out what is in front of a position, and tells whether there may be anything.
func (c *ranged) leap(position string) bool {
	to := c.prefix + keys.Key(turned(position, c.of.back))
	if c.of.back {
		if to = to.After(); to >= c.end {
			return false
		}
		c.end = to
		return true
	}
	if to <= c.start {
		return false
	}
	c.start = to
	return true
}

// fill makes sure that a row is at hand if there is one.
func (c *ranged) fill() error {
	if len(c.rows) > 0 || c.start >= c.end {
		return nil
	}
	rows, err := c.of.scan(c.start, c.end, c.read)
	if err != nil {
		return err
	}
	if len(rows) == c.read {
		c.leave(rows[len(rows)-1].Key)
		c.read = min(2*c.read, mostRead)
	} else {
		c.start = c.end
	}
	c.turn(rows)
	c.rows = rows
	return nil
}

// union walks the positions of all its members, each once.
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
	for position, _ := u.at(); ; {
		err := (*u)[0].next()
		u.settle()
		if at, _ := u.at(); err != nil || at != position {
			return err
		}
	}
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

// rest walks the positions of a cursor that another does not have.
type rest struct{ of, without cursor }

func except(of, without cursor) (cursor, error) {
	if _, any := without.at(); !any {
		return of, nil
	}
	c := &rest{of, without}
	return c, c.settle()
}

func (c *rest) at() (string, bool) { return c.of.at() }

func (c *rest) next() error {
	if err := c.of.next(); err != nil {
		return err
	}
	return c.settle()
}

func (c *rest) seek(position string) error {
	if err := c.of.seek(position); err != nil {
		return err
	}
	return c.settle()
}

// settle goes on to a position that the other does not have.
func (c *rest) settle() error {
	for {
		position, ok := c.of.at()
		if !ok {
			return nil
		}
		if err := c.without.seek(position); err != nil {
			return err
		}
		if at, any := c.without.at(); !any || at != position {
			return nil
		}
		if err := c.of.next(); err != nil {
			return err
		}
	}
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

// tagged is one value of an index, and what was read of its rows while it was found.
type tagged struct {
	tag   keys.Tag
	first []cluster.Row
	whole bool // there are no more rows
}

// values finds what an index lists of the axes behind a tag. It leaps from value to value: where an axis is open, it
// costs a seek for each.
func (r *reading) values(tag keys.Tag, axes []axis) ([]tagged, error) {
	open := ""
	for len(axes) > len(open) && axes[len(open)].any != 0 {
		open += string(axes[len(open)].any)
	}
	switch {
	case len(axes) == 0:
		return []tagged{{tag: tag}}, nil
	case open == "":
		return r.values(tag.Int(axes[0].n), axes[1:])
	case len(axes) == len(open):
		return r.lastValues(tag, open)
	}
	var all []tagged
	for start, end := tag.Prefix(), tag.Prefix().End(); ; {
		rows, err := r.view.Scan(start, end, 1)
		if err != nil || len(rows) == 0 {
			return all, err
		}
		found, err := tag.Along(rows[0].Key, open)
		if err != nil {
			return nil, err
		}
		below, err := r.values(found, axes[len(open):])
		if err != nil {
			return nil, err
		}
		all, start = append(all, below...), found.Prefix().End()
	}
}

// lastValues finds what an index lists in front of the time. If the search begins at the first row of each value, it reads
// them at once.
func (r *reading) lastValues(tag keys.Tag, open string) (all []tagged, err error) {
	fromFirst := r.after == "" && r.fromEnd()
	for start, end := tag.Prefix(), tag.Prefix().End(); ; {
		read := 1
		if fromFirst {
			read = max(r.want/(r.found+1), 1) + 1
		}
		rows, err := r.scan(start, end, read)
		if err != nil {
			return nil, err
		}
		ended := len(rows) < read
		for len(rows) > 0 {
			v := tagged{}
			if v.tag, err = tag.Along(rows[0].Key, open); err != nil {
				return nil, err
			}
			of := v.tag.Prefix()
			n := slices.IndexFunc(rows, func(row cluster.Row) bool { return !row.Key.HasPrefix(of) })
			if v.whole = fromFirst && (n >= 0 || ended); n < 0 {
				n = len(rows)
			}
			if fromFirst {
				v.first = rows[:n:n]
			}
			all, rows = append(all, v), rows[n:]
			if r.back {
				end = of
			} else {
				start = of.End()
			}
			r.found++
		}
		if ended {
			return all, nil
		}
	}
}

// fromEnd tells that no time bounds the rows where reading begins.
func (r *reading) fromEnd() bool {
	if r.back {
		return r.within.latest == math.MaxInt64
	}
	return r.within.earliest == math.MinInt64
}

// among walks the rows of all values that an index has.
func (r *reading) among(tag keys.Tag, axes ...axis) (cursor, error) {
	all, err := r.values(tag, axes)
	if err != nil {
		return nil, err
	}
	return r.overAll(all)
}

func (r *reading) overAll(all []tagged) (cursor, error) {
	members := make([]cursor, 0, len(all))
	for _, v := range all {
		c, err := r.over(v, r.want/len(all)+1)
		if err != nil {
			return nil, err
		}
		members = append(members, c)
	}
	return unite(members), nil
}
