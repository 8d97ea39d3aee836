package engine

import (
	"iter"
	"slices"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/lhpb"
)

// A ThreadRun lists its first children, and the first failures of others that it has dealt with, in its own
// row. Those beyond are rows of their own, or each child would cost as much as all before it.

// kinRow is what a ThreadRun has to do with another, within a record.
type kinRow struct {
	other int32
	row   row[pb.Kin, *pb.Kin]
}

func (t *threadRun) kin(other int32) *kinRow {
	if k := t.kinRows.get(other); k != nil {
		return k
	}
	k := &kinRow{other: other, row: load[pb.Kin](t.run.tx, t.run.keys.Kin(t.number, other))}
	t.kinRows.add(other, k)
	return k
}

func (k *kinRow) edit(t *txn) *pb.Kin {
	if k.row.now == nil {
		k.row.put(t, &pb.Kin{})
	}
	return k.row.edit(t)
}

// adopt notes a new child.
func (t *threadRun) adopt(child int32) {
	if len(t.get().ChildThreadIds) < t.run.tx.engine.config.InlineThreads {
		thread := t.edit()
		thread.ChildThreadIds = append(thread.ChildThreadIds, child)
		return
	}
	t.kin(child).edit(t.run.tx).Child = true
	t.born = append(t.born, child)
}

// childrenFrom are the numbers of the children that are not below that number, ascending.
func (t *threadRun) childrenFrom(from int32) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		listed := t.get().ChildThreadIds
		i, _ := slices.BinarySearch(listed, from)
		for _, n := range listed[i:] {
			if !yield(n) {
				return
			}
		}
		if len(listed) < t.run.tx.engine.config.InlineThreads {
			return
		}
		for n := range t.storedKin(from, (*pb.Kin).GetChild) {
			if !yield(n) {
				return
			}
		}
		i, _ = slices.BinarySearch(t.born, from)
		for _, n := range t.born[i:] {
			if !yield(n) {
				return
			}
		}
	}
}

// storedKin are the others of whom earlier records noted so, ascending.
func (t *threadRun) storedKin(from int32, noted func(*pb.Kin) bool) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		end := t.run.keys.KinOf(t.number).End()
		for k, row := range machine.Scan[pb.Kin](t.run.tx.view, t.run.keys.Kin(t.number, from), end, maxWatches) {
			_, other, err := t.run.keys.ParseKin(k)
			if err == nil && noted(row) && !yield(other) {
				return
			}
		}
	}
}

// handled reports whether this ThreadRun has dealt with the failure of the other.
func (t *threadRun) handled(other int32) bool {
	listed := t.get().HandledFailedChildren
	if slices.Contains(listed, other) {
		return true
	}
	return len(listed) >= t.run.tx.engine.config.InlineThreads && t.kin(other).row.now.GetHandled()
}

func (t *threadRun) markHandled(other int32) {
	if t.handled(other) {
		return
	}
	if len(t.get().HandledFailedChildren) < t.run.tx.engine.config.InlineThreads {
		thread := t.edit()
		thread.HandledFailedChildren = append(thread.HandledFailedChildren, other)
		return
	}
	t.kin(other).edit(t.run.tx).Handled = true
}

// Join adds to a stored ThreadRun what is kept of it in rows of its own: k is a Kin row of it.
func Join(t *lhpb.ThreadRun, other int32, k *pb.Kin) {
	if k.GetChild() {
		t.ChildThreadIds = append(t.ChildThreadIds, other)
	}
	if k.GetHandled() {
		t.HandledFailedChildren = append(t.HandledFailedChildren, other)
	}
}

// joined is the public form of the ThreadRun.
func (t *threadRun) joined() *lhpb.ThreadRun {
	limit := t.run.tx.engine.config.InlineThreads
	if len(t.get().ChildThreadIds) < limit && len(t.get().HandledFailedChildren) < limit {
		return t.get()
	}
	kin := map[int32]*pb.Kin{}
	prefix := t.run.keys.KinOf(t.number)
	for k, row := range machine.Scan[pb.Kin](t.run.tx.view, prefix, prefix.End(), maxWatches) {
		if _, other, err := t.run.keys.ParseKin(k); err == nil {
			kin[other] = row
		}
	}
	for _, k := range t.kinRows.all {
		kin[k.other] = k.row.now
	}
	out := t.get().CloneVT()
	for _, other := range sortedKeys(kin) {
		Join(out, other, kin[other])
	}
	return out
}

// all are the ThreadRuns that are not archived, ascending.
func (w *wfRun) allThreads() []*threadRun { return slices.Collect(w.threadsFrom(0)) }

// threadsFrom are the active ThreadRuns that are not below that number, ascending.
func (w *wfRun) threadsFrom(n int32) iter.Seq[*threadRun] {
	return func(yield func(*threadRun) bool) {
		if w.row.before != nil {
			rows := machine.Scan[lhpb.ThreadRun](w.tx.view, w.keys.ThreadRun(n), w.keys.Kind(keys.KindThreadRun).End(), maxWatches)
			for _, stored := range rows {
				n = stored.Number + 1
				if t := w.thread(stored.Number); t != nil && !yield(t) {
					return
				}
			}
		}
		for _, t := range slices.Clone(w.loaded) {
			if t.number >= n && !yield(t) {
				return
			}
		}
	}
}
