package keys

import "littlehorse/lhpb"

// The kinds of definitions. Every put and every delete of one writes a row of its own, so that what was true
// as of an older version of the metadata stays readable. A row without content says that it was deleted.
const (
	KindTaskDef          ObjectKind = 0x10 // lhpb.TaskDef
	KindExternalEventDef ObjectKind = 0x11 // lhpb.ExternalEventDef
	KindWorkflowEventDef ObjectKind = 0x12 // lhpb.WorkflowEventDef
	KindUserTaskDef      ObjectKind = 0x13 // lhpb.UserTaskDef; Major is its version
	KindStructDef        ObjectKind = 0x14 // lhpb.StructDef; Major is its version
	KindWfSpec           ObjectKind = 0x15 // lhpb.WfSpec
	KindTenant           ObjectKind = 0x16 // lhpb.Tenant, under tenant ""
	KindPrincipal        ObjectKind = 0x17 // lhpb.Principal, under tenant ""
	KindQuota            ObjectKind = 0x18 // lhpb.Quota, under tenant ""; tenant and principal

	KindWorkflowMigrationPlan ObjectKind = 0x19 // lhpb.WorkflowMigrationPlan
)

// What the metadata machine keeps for itself, as of now only.
const (
	KindAdmin     ObjectKind = 0x20 // pb.Empty: principal; who holds all rights
	KindStructUse ObjectKind = 0x21 // pb.Empty: StructDef name, version, kind and id of what refers to it
	KindBulkJob   ObjectKind = 0x22 // lhpb.BulkJob: id
	KindBulkAct   ObjectKind = 0x24 // pb.BulkActRow: id of the BulkJob
	KindSkipped   ObjectKind = 0x23 // pb.SkipRecord: stream, offset; a record that nobody applies
)

// Definition names one row of a definition. Within a kind rows order by name, then newest version first,
// then what was written last first.
type Definition struct {
	Tenant string // "" for what belongs to the whole cluster
	Kind   ObjectKind
	Name   string
	// Major and Revision are zero for kinds that are not versioned; kinds with one number use Major.
	Major, Revision int32
	// Written is the metadata version that wrote the row.
	Written uint64
}

// Key is the row.
func (d Definition) Key() Key {
	return Key(appendInt64(d.id(), ^int64(d.Written)))
}

// Rows is the prefix of all rows of the definition, the one written last first. Written plays no part.
func (d Definition) Rows() Key { return Key(d.id()) }

// SameMajor is the prefix of all revisions of the definition's name and major version, newest first.
func (d Definition) SameMajor() Key { return Key(d.major()) }

// SameName is the prefix of all versions of the definition's name, newest first.
func (d Definition) SameName() Key { return Key(d.named()) }

// AsOf is the first row of the definition that was written at or before that metadata version.
func (d Definition) AsOf(version uint64) Key {
	d.Written = version
	return d.Key()
}

func (d Definition) named() []byte {
	b := make([]byte, 0, 32+len(d.Tenant)+len(d.Name))
	b = append(b, byte(SpaceObject))
	b = appendText(b, d.Tenant)
	b = append(b, byte(d.Kind))
	return appendText(b, d.Name)
}

// The complement of a number orders the other way round.
func (d Definition) major() []byte { return appendInt32(d.named(), ^d.Major) }
func (d Definition) id() []byte    { return appendInt32(d.major(), ^d.Revision) }

// ParseDefinition reads the key of a definition's row.
func ParseDefinition(k Key) (Definition, error) {
	p := &reader{rest: string(k)}
	if Space(p.byte()) != SpaceObject {
		p.fail("definition key")
	}
	d := Definition{Tenant: p.text(), Kind: ObjectKind(p.byte()), Name: p.text()}
	d.Major, d.Revision, d.Written = ^p.int32(), ^p.int32(), uint64(^p.int64())
	return d, p.done()
}

// ObjectKindOf reads what a key of the object space holds.
func ObjectKindOf(k Key) (ObjectKind, error) {
	_, kind, err := ParseObject(k)
	return kind, err
}

// ParseObject reads tenant and kind of a key of the object space.
func ParseObject(k Key) (tenant string, kind ObjectKind, err error) {
	p := &reader{rest: string(k)}
	if Space(p.byte()) != SpaceObject {
		p.fail("object key")
	}
	tenant, kind = p.text(), ObjectKind(p.byte())
	return tenant, kind, p.err
}

// IsDefinition reports whether rows of the kind are Definitions.
func (k ObjectKind) IsDefinition() bool { return k >= KindTaskDef && k <= KindWorkflowMigrationPlan }

// Definitions is the prefix of all rows of one kind of definition.
func (t Tenant) Definitions(kind ObjectKind) Key { return Key(t.object(kind)) }

// Objects is the prefix of the object space.
func Objects() Key { return Key([]byte{byte(SpaceObject)}) }

// Admin is the row that says that a principal holds all rights.
func Admin(principal string) Key { return Key(appendText(In("").object(KindAdmin), principal)) }

// Admins is the prefix of all principals that hold all rights.
func Admins() Key { return Key(In("").object(KindAdmin)) }

// Skipped is the row of a record that nobody applies.
func Skipped(stream string, offset uint64) Key {
	return Key(appendInt64(appendText(In("").object(KindSkipped), stream), int64(offset)))
}

// AllSkipped is the prefix of all records that nobody applies.
func AllSkipped() Key { return Key(In("").object(KindSkipped)) }

// ParseSkipped reads the parts of a Skipped key.
func ParseSkipped(k Key) (stream string, offset uint64, err error) {
	p := &reader{}
	if !k.HasPrefix(AllSkipped()) {
		p.fail("key of a record that nobody applies")
	} else {
		p.rest = string(k[len(AllSkipped()):])
	}
	stream = p.text()
	offset = uint64(p.int64())
	return stream, offset, p.done()
}

// ParseAdmin reads the principal of an Admin key.
func ParseAdmin(k Key) (principal string, err error) {
	p := &reader{}
	if !k.HasPrefix(Admins()) {
		p.fail("admin key")
	} else {
		p.rest = string(k[len(Admins()):])
	}
	principal = p.text()
	return principal, p.done()
}

// StructUse is the row that says that a definition refers to a version of a StructDef.
func (t Tenant) StructUse(structDef string, version int32, user Definition) Key {
	b := appendText(append([]byte(t.StructUses(structDef, version)), byte(user.Kind)), user.Name)
	return Key(appendInt32(appendInt32(b, user.Major), user.Revision))
}

// StructUses is the prefix of all references to a version of a StructDef.
func (t Tenant) StructUses(structDef string, version int32) Key {
	return Key(appendInt32(appendText(t.object(KindStructUse), structDef), version))
}

// ParseStructUse reads who refers, from a key under StructUses.
func (t Tenant) ParseStructUse(structDef string, version int32, k Key) (user Definition, err error) {
	p, prefix := &reader{}, t.StructUses(structDef, version)
	if !k.HasPrefix(prefix) {
		p.fail("StructDef reference")
	} else {
		p.rest = string(k[len(prefix):])
	}
	user = Definition{Tenant: t.name, Kind: ObjectKind(p.byte()), Name: p.text(), Major: p.int32(), Revision: p.int32()}
	return user, p.done()
}

// BulkJob is the row of a bulk job.
func (t Tenant) BulkJob(id string) Key { return Key(appendText(t.object(KindBulkJob), id)) }

// BulkAct is the row of what a bulk job does that does not delete.
func (t Tenant) BulkAct(id string) Key { return Key(appendText(t.object(KindBulkAct), id)) }

// BulkJobs is the prefix of all bulk jobs, in order of their ids.
func (t Tenant) BulkJobs() Key { return Key(t.object(KindBulkJob)) }

// BulkJobsOf is the prefix of the index of all bulk jobs with a status, in order of their ids.
func (t Tenant) BulkJobsOf(status lhpb.BulkJobStatus) Key {
	return t.Tag(TagBulkJob).Int(int32(status)).Prefix()
}

// BulkJobIndex is the row of the index of a bulk job.
func (t Tenant) BulkJobIndex(job *lhpb.BulkJob) Key {
	return t.Tag(TagBulkJob).Int(int32(job.Status)).Text(job.GetId().GetId()).Prefix()
}
