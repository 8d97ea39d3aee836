package catalog

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// txn is what one record reads and changes.
type txn struct {
	*rows
	// cluster are the definitions that belong to no tenant.
	cluster *rows
	config  Config
	header  *pb.Header
	changes []machine.Change
	emits   []machine.Emit
}

func newTxn(c Config, v machine.View, h *pb.Header) *txn {
	return &txn{rows: rowsOf(v, h.GetTenant()), cluster: rowsOf(v, ""), config: c, header: h}
}

func (t *txn) now() *timestamppb.Timestamp { return timestamppb.New(time.Unix(0, t.header.GetAtNs())) }

// version is as of which version the record is applied.
func (t *txn) version() uint32 {
	if v := t.header.GetEngineVersion(); v != 0 {
		return v
	}
	return machine.EngineVersion
}

// emit asks for a record for another stream.
func (t *txn) emit(to machine.Stream, r *pb.Record) {
	r.Header = &pb.Header{
		AtNs:           t.header.GetAtNs(),
		Tenant:         t.header.GetTenant(),
		CatalogVersion: t.header.GetCatalogVersion(),
		RequestId:      []byte(lh.DerivedID(t.header.GetRequestId(), uint32(len(t.emits)+1))),
	}
	t.emits = append(t.emits, machine.Emit{To: to, Record: r})
}

// write keeps the definition as of this record. v belongs to the state from then on.
func (t *txn) write(d keys.Definition, v machine.Value) *lh.Error {
	if size := v.SizeVT(); size > spec.MaxBytes {
		return lh.Errorf(lh.ResourceExhausted, "a definition may take at most %d bytes, %s would take %d", spec.MaxBytes, d.Name, size)
	}
	d.Written = t.header.GetCatalogVersion()
	t.changes = append(t.changes, machine.Change{Key: d.Key(), Value: v})
	t.publish(v)
	return nil
}

// writeUsing is write for a definition that refers to StructDefs.
func (t *txn) writeUsing(d keys.Definition, v machine.Value, uses uses) *lh.Error {
	if refusal := t.write(d, v); refusal != nil {
		return refusal
	}
	for _, k := range uses.keys(d) {
		t.changes = append(t.changes, machine.Change{Key: k, Value: &pb.Empty{}})
	}
	return nil
}

// remove says that the definition is deleted as of this record.
func remove[T any, P stored[T]](t *txn, d keys.Definition, usesOf func(P) uses) *lh.Error {
	old := current[T, P](t.rows, d)
	if old == nil {
		return lh.Errorf(lh.NotFound, "Couldn't find provided %sModel", old.ProtoReflect().Descriptor().Name())
	}
	for _, k := range usesOf(old).keys(d) {
		t.changes = append(t.changes, machine.Change{Key: k})
	}
	return t.write(d, P(new(T)))
}

// uses are the versions of StructDefs that a definition refers to.
type uses map[structVersion]bool

type structVersion struct {
	name    string
	version int32
}

func noUses[P any](P) uses { return nil }

func (u uses) add(id *lhpb.StructDefId) { u[structVersion{id.GetName(), id.GetVersion()}] = true }

func (u uses) addType(t *lhpb.TypeDefinition) { spec.StructDefIDs(t, u.add) }

// keys of the rows that say so, in no order.
func (u uses) keys(user keys.Definition) []keys.Key {
	var out []keys.Key
	for s := range u {
		out = append(out, keys.In(user.Tenant).StructUse(s.name, s.version, user))
	}
	return out
}

func invalid(format string, args ...any) *lh.Error {
	return lh.Errorf(lh.InvalidArgument, format, args...)
}
