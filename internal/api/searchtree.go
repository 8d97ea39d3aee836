package api

import (
	"encoding/binary"
	"slices"

	"google.golang.org/protobuf/proto"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// tree walks all below a WfRun, each before what is below it, and children of one parent in order of their start. It
// remembers nothing but the way down to where it stands, so it goes on from any WfRun at the cost of its depth.
type tree struct {
	query  *wfRunQuery
	r      reading
	levels []level
}

// level is the children of one WfRun that were not visited.
type level struct {
	children cursor
	above    string // start times of the WfRuns on the way to them
}

const timeBytes = 8

// descendants walks the tree. A child starts no earlier than its parent, so nothing is below what started too late.
func (q *wfRunQuery) descendants(r *reading) (walker, error) {
	t := &tree{query: q, r: *r}
	t.r.within.earliest, t.r.after = spanOf(nil, nil).earliest, ""
	parent := lh.WfRunIDString(q.req.ParentWfRunId)
	if r.after == "" {
		return t, t.open(parent, "", "")
	}
	ids, times, err := q.way(r.after)
	if err != nil {
		return nil, err
	}
	above := ""
	for i, id := range ids {
		if err := t.open(parent, above, string(keys.Tag{}.Row(times[i], keys.TagID{WfRun: id}))); err != nil {
			return nil, err
		}
		parent, above = id, above+timeText(times[i])
	}
	return t, t.open(parent, above, "")
}

// open goes to the children of a WfRun, behind the one of that position.
func (t *tree) open(parent, above, after string) error {
	r := t.r
	r.after = after
	children, err := r.over(tagged{tag: t.query.childrenOf(parent)}, fewRows)
	if err != nil {
		return err
	}
	t.levels = append(t.levels, level{children, above})
	for n := len(t.levels); n > 0; n-- {
		if _, ok := t.levels[n-1].children.at(); ok {
			break
		}
		t.levels = t.levels[:n-1]
	}
	return nil
}

// at is the row of a WfRun behind the times of those on the way to it and their number.
func (t *tree) at() (string, bool) {
	if len(t.levels) == 0 {
		return "", false
	}
	l := t.levels[len(t.levels)-1]
	row, _ := l.children.at()
	return string(byte(len(l.above)/timeBytes)) + l.above + row, true
}

func (t *tree) next() error {
	l := t.levels[len(t.levels)-1]
	row, _ := l.children.at()
	createdMs, id, err := keys.ParseTagRow("", keys.Key(row))
	if err != nil {
		return err
	}
	if err := l.children.next(); err != nil {
		return err
	}
	return t.open(id.WfRun, l.above+timeText(createdMs), "")
}

func timeText(ms int64) string { return string(binary.BigEndian.AppendUint64(nil, uint64(ms))) }

// way reads from a position the WfRuns on the way to it, itself the last, and when they started.
func (q *wfRunQuery) way(position string) (ids []string, times []int64, err error) {
	invalid := lh.Errorf(lh.InvalidArgument, "The bookmark is not one that this server returns: repeat the request without it to start from the beginning")
	n := int(position[0])
	if len(position) < 1+n*timeBytes {
		return nil, nil, invalid
	}
	for i := range n {
		times = append(times, int64(binary.BigEndian.Uint64([]byte(position[1+i*timeBytes:]))))
	}
	createdMs, last, err := keys.ParseTagRow("", keys.Key(rowInTree(position)))
	if err != nil {
		return nil, nil, invalid
	}
	id := lh.ParseWfRunID(last.WfRun)
	for ; id != nil && !proto.Equal(id, q.req.ParentWfRunId); id = id.ParentWfRunId {
		ids = append(ids, lh.WfRunIDString(id))
	}
	if id == nil || len(ids) != n+1 {
		return nil, nil, invalid
	}
	slices.Reverse(ids)
	return ids, append(times, createdMs), nil
}

// rowInTree is the row of the WfRun itself.
func rowInTree(position string) string { return position[1+int(position[0])*timeBytes:] }

// keepInTree judges a WfRun by reading it, unless only the time is asked for.
func (q *wfRunQuery) keepInTree(r *reading, h hit) (bool, error) {
	if h.createdMs < r.within.earliest {
		return false, nil
	}
	if q.req.Status == nil && q.req.WfSpecName == "" {
		return true, nil
	}
	row, err := viewed[pb.WfRunRow](r.view, q.tenant.RunNamed(h.id.WfRun).WfRun())
	if err != nil || row == nil || !q.fits(row.WfRun) {
		return false, err
	}
	return q.variablesMatch(r, h)
}

func (q *wfRunQuery) fits(w *lhpb.WfRun) bool {
	id := w.GetWfSpecId()
	return (q.req.Status == nil || w.Status == *q.req.Status) &&
		(q.req.WfSpecName == "" || id.GetName() == q.req.WfSpecName) &&
		(q.req.WfSpecMajorVersion == nil || id.GetMajorVersion() == *q.req.WfSpecMajorVersion) &&
		(q.req.WfSpecRevision == nil || id.GetRevision() == *q.req.WfSpecRevision)
}
