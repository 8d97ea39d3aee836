package keys

import (
	"slices"

	"littlehorse/lhpb"
)

// TagKind is what an index is over.
type TagKind byte

// The indexes. Each lists its values; behind them stand the creation time (ms since 1970-01-01 UTC) and the
// id, so that every index reads in order of creation. Rows change only with what they list. Their value is
// pb.Empty. A Variable of an entrypoint stands at the time at which its WfRun started.
const (
	TagWfRun         TagKind = 0x01 // WfSpec name, status, major version, revision
	TagWfRunParent   TagKind = 0x02 // parent WfRunId
	TagTaskRun       TagKind = 0x03 // TaskDef name, status (open ones under OpenTask)
	TagNodeRun       TagKind = 0x04 // ExternalEventDef name, status
	TagVariable      TagKind = 0x05 // WfSpec name, variable (or variable_$.path), value's text form, major version, revision
	TagExternalEvent TagKind = 0x06 // ExternalEventDef name, claimed
	TagWorkflowEvent TagKind = 0x07 // WorkflowEventDef name
	TagUserTaskRun   TagKind = 0x08 // UserTaskDef name, status
	TagUserTaskOwner TagKind = 0x09 // OwnerUser or OwnerGroup, its name, status
	TagSchedule      TagKind = 0x0a // WfSpec name, major version, revision
	// ExternalEventDef name, 1 if ExternalEvents came of it
	TagCorrelatedEvent TagKind = 0x0b
	TagMigration       TagKind = 0x0c // WorkflowMigrationPlan name, of WfRuns being migrated
	// status of a BulkJob, and its id in place of time and id
	TagBulkJob TagKind = 0x0d
	// WfSpec name, major version, revision from which the WfRun was migrated
	TagMigrated TagKind = 0x0e
	// WfSpec name of WfRuns that are being deleted, record after record; until the last of their rows is gone
	TagDeleting TagKind = 0x0f
)

// OpenTask stands for TASK_SCHEDULED, TASK_RUNNING and TASK_PENDING in TagTaskRun: an index row a status
// would cost two writes at every step of every task. A search for one of the three looks at the objects.
const OpenTask int32 = -1

// What TagUserTaskOwner lists: those UserTaskRuns that a user has, and those that a group has.
const (
	OwnerUser  int32 = 1
	OwnerGroup int32 = 2
)

// Tag builds index keys of one kind and value.
type Tag struct{ b []byte }

// Tag starts the key of an index row.
func (t Tenant) Tag(kind TagKind) Tag { return Tag{t.appendTag(make([]byte, 0, 64), kind)} }

func (t Tenant) appendTag(b []byte, kind TagKind) []byte {
	return append(appendText(append(b, byte(SpaceTag)), t.name), byte(kind))
}

// WfRunTag is the row of a WfRun under its WfSpec and status.
func (t Tenant) WfRunTag(spec *lhpb.WfSpecId, status int32, createdMs int64, wfRun string) Key {
	var room usual
	b := appendText(t.appendTag(room[:0], TagWfRun), spec.GetName())
	b = appendInt32(appendInt32(appendInt32(b, status), spec.GetMajorVersion()), spec.GetRevision())
	return Key(appendTagID(b, createdMs, TagID{WfRun: wfRun}))
}

// TaskRunTag is the row of a TaskRun under its TaskDef and status.
func (t Tenant) TaskRunTag(taskDef string, status int32, createdMs int64, wfRun, guid string) Key {
	var room usual
	b := appendInt32(appendText(t.appendTag(room[:0], TagTaskRun), taskDef), status)
	return Key(appendTagID(b, createdMs, TagID{WfRun: wfRun, Guid: guid}))
}

// Text adds a text that is indexed.
func (g Tag) Text(s string) Tag { return Tag{appendText(slices.Clip(g.b), s)} }

// Int adds a number or enum that is indexed.
func (g Tag) Int(n int32) Tag { return Tag{appendInt32(slices.Clip(g.b), n)} }

// Version adds the version of a WfSpec.
func (g Tag) Version(id *lhpb.WfSpecId) Tag { return g.Int(id.GetMajorVersion()).Int(id.GetRevision()) }

// Along adds what stands behind the tag in a row of its range: parts says of what kind, 't' a text, 'i' a number.
func (g Tag) Along(row Key, parts string) (Tag, error) {
	p := g.behind(row)
	for _, part := range parts {
		if part == 't' {
			g = g.Text(p.text())
		} else {
			g = g.Int(p.int32())
		}
	}
	return g, p.err
}

// ParseVersion reads the version that stands behind the tag in a row of its range.
func (g Tag) ParseVersion(row Key) (major, revision int32, err error) {
	p := g.behind(row)
	major, revision = p.int32(), p.int32()
	return major, revision, p.err
}

// LastVersion is the version that was added last.
func (g Tag) LastVersion() (major, revision int32) {
	p := &reader{rest: string(g.b[len(g.b)-8:])}
	major, revision = p.int32(), p.int32()
	return major, revision
}

func (g Tag) behind(row Key) *reader {
	p := &reader{}
	if row.HasPrefix(g.Prefix()) {
		p.rest = string(row[len(g.b):])
	} else {
		p.fail("index key")
	}
	return p
}

// Prefix is the range of what has been added so far.
func (g Tag) Prefix() Key { return Key(g.b) }

// Row is the index row of an object; id parts are those that TagID gives back.
func (g Tag) Row(createdMs int64, id TagID) Key {
	var room usual
	return Key(appendTagID(append(room[:0], g.b...), createdMs, id))
}

func appendTagID(b []byte, createdMs int64, id TagID) []byte {
	b = appendText(appendInt64(b, createdMs), id.WfRun)
	b = appendInt32(appendInt32(b, id.Thread), id.Number)
	return appendText(appendText(b, id.Name), id.Guid)
}

// From is the first possible row of that creation time.
func (g Tag) From(createdMs int64) Key {
	return Key(appendInt64(slices.Clip(g.b), createdMs))
}

// TagID is the id of an indexed object in one shape for all kinds; what a kind does not use stays zero.
type TagID struct {
	WfRun  string // canonical text of the WfRunId
	Thread int32
	Number int32  // NodeRun position, WorkflowEvent number
	Name   string // variable or definition name
	Guid   string // TaskRun, UserTaskRun, ExternalEvent, schedule; key of a CorrelatedEvent
}

// ParseTagRow reads creation time and id of a row under the given prefix.
func ParseTagRow(prefix, row Key) (createdMs int64, id TagID, err error) {
	p := &reader{}
	if !row.HasPrefix(prefix) {
		p.fail("index key")
	}
	if p.err == nil {
		p.rest = string(row[len(prefix):])
	}
	createdMs = p.int64()
	id = TagID{WfRun: p.text(), Thread: p.int32(), Number: p.int32(), Name: p.text(), Guid: p.text()}
	return createdMs, id, p.done()
}

// NextText reads the text that follows prefix in k: how an index is walked value by value.
func NextText(prefix, k Key) (string, error) {
	p := &reader{}
	if !k.HasPrefix(prefix) {
		p.fail("index key")
	} else {
		p.rest = string(k[len(prefix):])
	}
	s := p.text()
	return s, p.err
}
