package engine

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// appendTags keeps the index rows of an object (keys/tag.go lists them), by what was and what is.
func (t *txn) appendTags(c []machine.Change, of, before, after machine.Value) []machine.Change {
	switch of.(type) {
	case *pb.WfRunRow:
		c = move(c, t.deletingTag(typed[pb.WfRunRow](before)), t.deletingTag(typed[pb.WfRunRow](after)), empty)
		return t.appendWfRunTags(c, listed(typed[pb.WfRunRow](before)), listed(typed[pb.WfRunRow](after)))
	case *lhpb.TaskRun:
		return t.appendTaskRunTag(c, typed[lhpb.TaskRun](before), typed[lhpb.TaskRun](after))
	case *lhpb.NodeRun:
		return t.appendNodeRunTag(c, typed[lhpb.NodeRun](before), typed[lhpb.NodeRun](after))
	case *lhpb.UserTaskRun:
		return t.appendUserTaskTags(c, typed[lhpb.UserTaskRun](before), typed[lhpb.UserTaskRun](after))
	case *lhpb.Variable:
		return t.appendVariableTags(c, typed[lhpb.Variable](before), typed[lhpb.Variable](after))
	case *lhpb.ExternalEvent:
		return move(c, t.externalEventTag(typed[lhpb.ExternalEvent](before)), t.externalEventTag(typed[lhpb.ExternalEvent](after)), empty)
	case *lhpb.WorkflowEvent:
		return move(c, t.workflowEventTag(typed[lhpb.WorkflowEvent](before)), t.workflowEventTag(typed[lhpb.WorkflowEvent](after)), empty)
	case *pb.CorrelatedEventRow:
		return move(c, t.correlatedEventTag(typed[pb.CorrelatedEventRow](before)), t.correlatedEventTag(typed[pb.CorrelatedEventRow](after)), empty)
	case *pb.ScheduleRow:
		return t.appendScheduleTag(c, typed[pb.ScheduleRow](before).GetScheduledWfRun(), typed[pb.ScheduleRow](after).GetScheduledWfRun())
	default:
		return c
	}
}

const nsPerMs = 1_000_000

// listed is the WfRun as far as indexes know it: not any more when it is being deleted.
func listed(row *pb.WfRunRow) *lhpb.WfRun {
	if row.GetDeleting() {
		return nil
	}
	return row.GetWfRun()
}

// deletingTag lists a WfRun between the record that begins to delete it and the one that ends it; most are deleted by one.
func (t *txn) deletingTag(row *pb.WfRunRow) keys.Key {
	if !row.GetDeleting() {
		return ""
	}
	w := row.WfRun
	return t.keys.Tag(keys.TagDeleting).Text(w.WfSpecId.GetName()).
		Row(nanos(w.StartTime)/nsPerMs, keys.TagID{WfRun: lh.WfRunIDString(w.Id)})
}

func (t *txn) appendWfRunTags(c []machine.Change, before, after *lhpb.WfRun) []machine.Change {
	if before == nil || after == nil {
		c = move(c, t.parentTag(before), t.parentTag(after), empty)
	}
	c = move(c, t.migrationTag(before), t.migrationTag(after), empty)
	c = t.appendMigratedTags(c, before, after)
	if before != nil && after != nil && before.Status == after.Status && sameWfSpec(before.WfSpecId, after.WfSpecId) {
		return c
	}
	return move(c, t.wfRunTag(before), t.wfRunTag(after), empty)
}

func (t *txn) wfRunTag(w *lhpb.WfRun) keys.Key {
	if w == nil {
		return ""
	}
	return t.keys.WfRunTag(w.WfSpecId, int32(w.Status), nanos(w.StartTime)/nsPerMs, lh.WfRunIDString(w.Id))
}

func (t *txn) parentTag(w *lhpb.WfRun) keys.Key {
	if w == nil || w.Id.ParentWfRunId == nil {
		return ""
	}
	return t.keys.Tag(keys.TagWfRunParent).Text(lh.WfRunIDString(w.Id.ParentWfRunId)).
		Row(nanos(w.StartTime)/nsPerMs, keys.TagID{WfRun: lh.WfRunIDString(w.Id)})
}

func (t *txn) migrationTag(w *lhpb.WfRun) keys.Key {
	if w.GetWorkflowMigrationPlanId() == nil {
		return ""
	}
	return t.keys.Tag(keys.TagMigration).Text(w.WorkflowMigrationPlanId.Name).
		Row(nanos(w.StartTime)/nsPerMs, keys.TagID{WfRun: lh.WfRunIDString(w.Id)})
}

// appendMigratedTags keeps a row for each version from which the WfRun was migrated. A version is only ever added.
func (t *txn) appendMigratedTags(c []machine.Change, before, after *lhpb.WfRun) []machine.Change {
	if before != nil && after != nil && len(before.OldWfSpecVersions) == len(after.OldWfSpecVersions) {
		return c
	}
	was, is := t.migratedTags(before), t.migratedTags(after)
	for _, k := range was {
		if !slices.Contains(is, k) {
			c = append(c, machine.Change{Key: k})
		}
	}
	for _, k := range is {
		if !slices.Contains(was, k) {
			c = append(c, machine.Change{Key: k, Value: empty})
		}
	}
	return c
}

// migratedTags are the rows of the versions from which the WfRun was migrated, sorted, each once.
func (t *txn) migratedTags(w *lhpb.WfRun) (rows []keys.Key) {
	for _, id := range w.GetOldWfSpecVersions() {
		rows = append(rows, t.keys.Tag(keys.TagMigrated).Text(id.GetName()).Version(id).
			Row(nanos(w.StartTime)/nsPerMs, keys.TagID{WfRun: lh.WfRunIDString(w.Id)}))
	}
	slices.Sort(rows)
	return slices.Compact(rows)
}

func (t *txn) appendTaskRunTag(c []machine.Change, before, after *lhpb.TaskRun) []machine.Change {
	if before != nil && after != nil && indexedStatus(before) == indexedStatus(after) {
		return c
	}
	return move(c, t.taskRunTag(before), t.taskRunTag(after), empty)
}

func (t *txn) taskRunTag(k *lhpb.TaskRun) keys.Key {
	if k == nil {
		return ""
	}
	return t.keys.TaskRunTag(k.TaskDefId.GetName(), indexedStatus(k), nanos(k.ScheduledAt)/nsPerMs,
		lh.WfRunIDString(k.Id.WfRunId), k.Id.TaskGuid)
}

func indexedStatus(k *lhpb.TaskRun) int32 {
	if openTask(k.Status) {
		return keys.OpenTask
	}
	return int32(k.Status)
}

func (t *txn) appendNodeRunTag(c []machine.Change, before, after *lhpb.NodeRun) []machine.Change {
	if before != nil && after != nil && before.Status == after.Status {
		return c
	}
	return move(c, t.nodeRunTag(before), t.nodeRunTag(after), empty)
}

func (t *txn) nodeRunTag(n *lhpb.NodeRun) keys.Key {
	if n.GetExternalEvent() == nil {
		return ""
	}
	return t.keys.Tag(keys.TagNodeRun).Text(n.GetExternalEvent().ExternalEventDefId.GetName()).Int(int32(n.Status)).
		Row(nanos(n.ArrivalTime)/nsPerMs, keys.TagID{
			WfRun:  lh.WfRunIDString(n.Id.WfRunId),
			Thread: n.Id.ThreadRunNumber,
			Number: n.Id.Position,
		})
}

func (t *txn) appendUserTaskTags(c []machine.Change, before, after *lhpb.UserTaskRun) []machine.Change {
	c = move(c, t.userTaskTag(before), t.userTaskTag(after), empty)
	c = move(c, t.ownerTag(before, keys.OwnerUser), t.ownerTag(after, keys.OwnerUser), empty)
	return move(c, t.ownerTag(before, keys.OwnerGroup), t.ownerTag(after, keys.OwnerGroup), empty)
}

func (t *txn) userTaskTag(u *lhpb.UserTaskRun) keys.Key {
	if u == nil {
		return ""
	}
	return t.keys.Tag(keys.TagUserTaskRun).Text(u.UserTaskDefId.GetName()).Int(int32(u.Status)).Row(userTaskTagID(u))
}

// ownerTag lists a UserTaskRun under its user or its group, if it has one.
func (t *txn) ownerTag(u *lhpb.UserTaskRun, kind int32) keys.Key {
	name := u.GetUserId()
	has := u != nil && u.UserId != nil
	if kind == keys.OwnerGroup {
		name = u.GetUserGroup()
		has = u != nil && u.UserGroup != nil
	}
	if !has {
		return ""
	}
	return t.keys.Tag(keys.TagUserTaskOwner).Int(kind).Text(name).Int(int32(u.Status)).Row(userTaskTagID(u))
}

func userTaskTagID(u *lhpb.UserTaskRun) (createdMs int64, id keys.TagID) {
	return nanos(u.ScheduledTime) / nsPerMs, keys.TagID{WfRun: lh.WfRunIDString(u.Id.WfRunId), Guid: u.Id.UserTaskGuid}
}

func (t *txn) externalEventTag(e *lhpb.ExternalEvent) keys.Key {
	if e == nil {
		return ""
	}
	claimed := int32(0)
	if e.Claimed {
		claimed = 1
	}
	def := e.Id.ExternalEventDefId.GetName()
	return t.keys.Tag(keys.TagExternalEvent).Text(def).Int(claimed).
		Row(nanos(e.CreatedAt)/nsPerMs, keys.TagID{WfRun: lh.WfRunIDString(e.Id.WfRunId), Name: def, Guid: e.Id.Guid})
}

func (t *txn) workflowEventTag(e *lhpb.WorkflowEvent) keys.Key {
	if e == nil {
		return ""
	}
	def := e.Id.WorkflowEventDefId.GetName()
	return t.keys.Tag(keys.TagWorkflowEvent).Text(def).
		Row(nanos(e.CreatedAt)/nsPerMs, keys.TagID{WfRun: lh.WfRunIDString(e.Id.WfRunId), Name: def, Number: e.Id.Number})
}

func (t *txn) correlatedEventTag(e *pb.CorrelatedEventRow) keys.Key {
	if e == nil || e.Spent {
		return ""
	}
	correlated := int32(0)
	if e.Correlated {
		correlated = 1
	}
	id := e.CorrelatedEvent.Id
	def := id.ExternalEventDefId.GetName()
	return t.keys.Tag(keys.TagCorrelatedEvent).Text(def).Int(correlated).
		Row(nanos(e.CorrelatedEvent.CreatedAt)/nsPerMs, keys.TagID{Name: def, Guid: id.Key})
}

func (t *txn) appendScheduleTag(c []machine.Change, before, after *lhpb.ScheduledWfRun) []machine.Change {
	return move(c, t.scheduleTag(before), t.scheduleTag(after), empty)
}

func (t *txn) scheduleTag(s *lhpb.ScheduledWfRun) keys.Key {
	if s == nil {
		return ""
	}
	return t.keys.Tag(keys.TagSchedule).Text(s.WfSpecId.GetName()).Version(s.WfSpecId).
		Row(nanos(s.CreatedAt)/nsPerMs, keys.TagID{Guid: s.Id.GetId()})
}

// appendVariableTags keeps the rows of searchable Variables: one for each distinct value of each name.
func (t *txn) appendVariableTags(c []machine.Change, before, after *lhpb.Variable) []machine.Change {
	v := before
	if v == nil {
		v = after
	}
	if v.Id.Name == inputVariable {
		return c
	}
	def, known := t.variableDef(v)
	if known && !indexed(def) {
		return c
	}
	was, is := indexEntries(before, def, known), indexEntries(after, def, known)
	for _, e := range was {
		if _, stays := slices.BinarySearchFunc(is, e, compareEntries); !stays {
			c = append(c, machine.Change{Key: t.variableTag(v, e)})
		}
	}
	for _, e := range is {
		if _, stood := slices.BinarySearchFunc(was, e, compareEntries); !stood {
			c = append(c, machine.Change{Key: t.variableTag(v, e), Value: empty})
		}
	}
	return c
}

func (t *txn) variableTag(v *lhpb.Variable, e indexEntry) keys.Key {
	return t.keys.Tag(keys.TagVariable).Text(v.WfSpecId.GetName()).Text(e.name).Text(e.text).Version(v.WfSpecId).
		Row(nanos(t.indexedTime(v))/nsPerMs, keys.TagID{
			WfRun:  lh.WfRunIDString(v.Id.WfRunId),
			Thread: v.Id.ThreadRunNumber,
			Name:   v.Id.Name,
		})
}

// indexedTime is when a Variable was made. For one of an entrypoint it is when the WfRun started, even if a
// migration has made it: so searches can read the index of Variables and that of WfRuns side by side.
func (t *txn) indexedTime(v *lhpb.Variable) *timestamppb.Timestamp {
	if v.Id.ThreadRunNumber != 0 {
		return v.CreatedAt
	}
	w := t.anyWfRun(v.Id.WfRunId)
	if w.row.now == nil {
		return w.row.before.GetWfRun().GetStartTime() // the record deletes it
	}
	return w.row.now.GetWfRun().GetStartTime()
}

// variableDef is the declaration of a Variable; not known if its WfSpec is gone.
func (t *txn) variableDef(v *lhpb.Variable) (def *lhpb.ThreadVarDef, known bool) {
	g := t.specs.WfSpec(v.WfSpecId)
	if g == nil {
		return nil, false
	}
	for _, thread := range g.Threads {
		if def := thread.Vars[v.Id.Name]; def != nil {
			return def, true // names are unique within a WfSpec
		}
	}
	return nil, true
}

func indexed(def *lhpb.ThreadVarDef) bool {
	return def.GetSearchable() || len(def.GetJsonIndexes()) > 0
}

// indexEntry is a name under which a Variable is found, and the text it is found by.
type indexEntry struct{ name, text string }

func compareEntries(a, b indexEntry) int {
	if c := strings.Compare(a.name, b.name); c != 0 {
		return c
	}
	return strings.Compare(a.text, b.text)
}

// indexEntries are the entries of a Variable, sorted, each once. Without its declaration they are all that
// any declaration could ask for, so that none is left behind when the Variable goes.
func indexEntries(v *lhpb.Variable, def *lhpb.ThreadVarDef, known bool) []indexEntry {
	if v == nil {
		return nil
	}
	x := indexer{variable: v.Id.Name, def: def, all: !known}
	x.value(v.Value)
	slices.SortFunc(x.entries, compareEntries)
	return slices.Compact(x.entries)
}

// indexer collects the entries of one Variable.
type indexer struct {
	variable string
	def      *lhpb.ThreadVarDef
	all      bool
	entries  []indexEntry
}

func (x *indexer) value(v *lhpb.VariableValue) {
	switch v.GetValue().(type) {
	case *lhpb.VariableValue_Str, *lhpb.VariableValue_Int, *lhpb.VariableValue_Double, *lhpb.VariableValue_Bool:
		if x.all || x.def.GetSearchable() {
			x.plain(textOf(v))
		}
	case *lhpb.VariableValue_JsonObj, *lhpb.VariableValue_JsonArr:
		value.Leaves(v, x.leaf)
	}
}

// leaf takes what a document has at a path; entries are sorted in the end.
func (x *indexer) leaf(path, text string) {
	switch {
	case path == "":
		x.plain(text)
	case x.wants(path):
		x.entries = append(x.entries, indexEntry{x.variable + "_" + path, text})
	}
}

func (x *indexer) plain(text string) {
	x.entries = append(x.entries, indexEntry{x.variable, text})
}

func (x *indexer) wants(path string) bool {
	return x.all || slices.ContainsFunc(x.def.GetJsonIndexes(), func(i *lhpb.JsonIndex) bool { return i.FieldPath == path })
}
