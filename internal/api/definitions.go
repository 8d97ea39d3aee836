package api

import (
	"context"
	"encoding/binary"
	"strings"

	"littlehorse/internal/keys"
	"littlehorse/internal/lh"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// Definitions is this server's view of the metadata. What it gives is shared and must not be changed.
type Definitions interface {
	// Version that the view has reached.
	Version() uint64
	// Latest are the definitions of a tenant that hold now.
	Latest(tenant string) spec.Defs
	// Tenant of that id; nil if there is none.
	Tenant(id string) *lhpb.Tenant
	// Principal of that id; nil if there is none.
	Principal(id string) *lhpb.Principal
	// Quota of a tenant, or of a Principal within it; nil if there is none.
	Quota(tenant, principal string) *lhpb.Quota
	// MigrationPlan of a tenant; nil if there is none.
	MigrationPlan(tenant, name string) *lhpb.WorkflowMigrationPlan
	// Walk visits what exists of a kind in ascending order of name, major version and revision, from the first
	// that is not before the given one, until visit returns false. Only these three fields of a Definition count.
	Walk(tenant string, kind keys.ObjectKind, from keys.Definition, visit func(keys.Definition) bool)
}

// definitionSearch is a search over definitions of one kind.
type definitionSearch struct {
	rpc    string
	kind   keys.ObjectKind
	tenant string // whose definitions; "" for those of the cluster
	// name is exact, prefix is not; both empty find all.
	name, prefix string
	keep         func(keys.Definition) bool
}

// findDefinitions gathers one page of ids.
func (s *Service) findDefinitions(ctx context.Context, q definitionSearch, req paged, limit *int32) (ids []keys.Definition, bookmark []byte, err error) {
	p, refused := pageOf(callOf(ctx), q.rpc, req, limit)
	if refused != nil {
		return nil, nil, refused
	}
	from := keys.Definition{Name: max(q.name, q.prefix)}
	var after keys.Definition
	if p.after != "" {
		if after, refused = definitionAt(p.after); refused != nil {
			return nil, nil, refused
		}
		from = after
	}
	s.definitions.Walk(q.tenant, q.kind, from, func(d keys.Definition) bool {
		switch {
		case q.name != "" && d.Name != q.name, !strings.HasPrefix(d.Name, q.prefix):
			return false
		case p.after != "" && sameVersion(d, after), q.keep != nil && !q.keep(d):
			return true
		case len(ids) == p.limit:
			bookmark = p.next(definitionPosition(ids[len(ids)-1]))
			return false
		}
		ids = append(ids, d)
		return true
	})
	return ids, bookmark, nil
}

func sameVersion(a, b keys.Definition) bool {
	return a.Name == b.Name && a.Major == b.Major && a.Revision == b.Revision
}

func definitionPosition(d keys.Definition) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(d.Major))
	b = binary.BigEndian.AppendUint32(b, uint32(d.Revision))
	return string(append(b, d.Name...))
}

func definitionAt(position string) (keys.Definition, *lh.Error) {
	if len(position) < 8 {
		return keys.Definition{}, lh.Errorf(lh.InvalidArgument, "The bookmark is not one that this server returns: repeat the request without it to start from the beginning")
	}
	return keys.Definition{
		Major:    int32(binary.BigEndian.Uint32([]byte(position[:4]))),
		Revision: int32(binary.BigEndian.Uint32([]byte(position[4:8]))),
		Name:     position[8:],
	}, nil
}
