package catalog

import (
	"cmp"
	"slices"
	"strings"

	"littlehorse/internal/keys"
)

// walkChunk is how many definitions are looked at while the View is locked.
const walkChunk = 256

// Walk visits what exists of a kind as of the newest version, in ascending order of name, major version and
// revision, from the first that is not before the given one, until visit returns false. Only these three
// fields of a Definition count. visit may ask the View. The tenant of Tenants and Principals is "".
func (v *View) Walk(tenant string, k keys.ObjectKind, from keys.Definition, visit func(keys.Definition) bool) {
	version := v.Version()
	chunk := make([]keys.Definition, 0, walkChunk)
	for {
		chunk = v.chunk(tenant, k, from, version, chunk[:0])
		for _, d := range chunk {
			if !visit(d) {
				return
			}
		}
		if len(chunk) < cap(chunk) {
			return
		}
		from = after(chunk[len(chunk)-1])
	}
}

// after is the first possible definition behind d.
func after(d keys.Definition) keys.Definition {
	if d.Revision < 1<<31-1 {
		return keys.Definition{Name: d.Name, Major: d.Major, Revision: d.Revision + 1}
	}
	return keys.Definition{Name: d.Name, Major: d.Major + 1}
}

func (v *View) chunk(tenant string, k keys.ObjectKind, from keys.Definition, version uint64, out []keys.Definition) []keys.Definition {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if d := v.tenants[tenant]; d != nil {
		out = d.of(k).from(from, version, out)
	}
	return v.always(k, from, version, out)
}

// always puts in what exists without a row.
func (v *View) always(k keys.ObjectKind, from keys.Definition, version uint64, out []keys.Definition) []keys.Definition {
	d, ok := withoutRow(k)
	full := len(out) == cap(out)
	if !ok || compareDefinitions(d, from) < 0 || full && compareDefinitions(d, out[len(out)-1]) > 0 {
		return out
	}
	if rows := v.tenants[""]; rows != nil && rows.of(k).families[d.Name].exact(0, 0, version) != nil {
		return out
	}
	if full {
		out = out[:len(out)-1]
	}
	i, _ := slices.BinarySearchFunc(out, d, compareDefinitions)
	return slices.Insert(out, i, d)
}

func withoutRow(k keys.ObjectKind) (keys.Definition, bool) {
	switch k {
	case keys.KindTenant:
		return keys.Definition{Name: DefaultTenant}, true
	case keys.KindPrincipal:
		return keys.Definition{Name: Anonymous}, true
	default:
		return keys.Definition{}, false
	}
}

func compareDefinitions(a, b keys.Definition) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.Major, b.Major), cmp.Compare(a.Revision, b.Revision))
}
