package catalog

import (
	"cmp"
	"slices"
	"strings"

	"littlehorse/internal/keys"
	"littlehorse/internal/spec"
)

// written is a row of a definition: what it became with a metadata version. A nil value was a delete.
type written struct {
	version uint64
	value   any
}

// history is all rows of one definition, oldest first.
type history struct {
	major, revision int32
	rows            []written
}

// at is the value as of the metadata version; nil if there is none.
func (h *history) at(version uint64) any {
	for _, row := range slices.Backward(h.rows) {
		if row.version <= version {
			return row.value
		}
	}
	return nil
}

// add keeps rows in order and each version once; a row that is there already is replaced.
func (h *history) add(row written) {
	i, found := slices.BinarySearchFunc(h.rows, row.version, func(w written, v uint64) int {
		return cmp.Compare(w.version, v)
	})
	if found {
		h.rows[i] = row
		return
	}
	h.rows = slices.Insert(h.rows, i, row)
}

// family is all definitions of one kind and name, lowest version first.
type family struct {
	name     string
	versions []*history
}

func (f *family) find(major, revision int32) (int, bool) {
	return slices.BinarySearchFunc(f.versions, [2]int32{major, revision}, func(h *history, at [2]int32) int {
		return cmp.Or(cmp.Compare(h.major, at[0]), cmp.Compare(h.revision, at[1]))
	})
}

func (f *family) history(major, revision int32) *history {
	i, found := f.find(major, revision)
	if !found {
		f.versions = slices.Insert(f.versions, i, &history{major: major, revision: revision})
	}
	return f.versions[i]
}

// exact is one version as of a metadata version; nil if there is none.
func (f *family) exact(major, revision int32, version uint64) any {
	if f == nil {
		return nil
	}
	i, found := f.find(major, revision)
	if !found {
		return nil
	}
	return f.versions[i].at(version)
}

// newest is the highest version that exists as of a metadata version: of one major version, or of all if
// major is spec.NewestVersion.
func (f *family) newest(major int32, version uint64) any {
	if f == nil {
		return nil
	}
	for _, h := range slices.Backward(f.versions) {
		if major != spec.NewestVersion && h.major != major {
			continue
		}
		if v := h.at(version); v != nil {
			return v
		}
	}
	return nil
}

// kind is all definitions of one kind of one tenant.
type kind struct {
	names    []string // in order
	families map[string]*family
}

func (k *kind) family(name string) *family {
	if f := k.families[name]; f != nil {
		return f
	}
	i, _ := slices.BinarySearchFunc(k.names, name, strings.Compare)
	k.names = slices.Insert(k.names, i, name)
	f := &family{name: name}
	k.families[name] = f
	return f
}

// from appends to out what exists as of a metadata version, in order, from the first definition that is not
// before at, until out is full.
func (k *kind) from(at keys.Definition, version uint64, out []keys.Definition) []keys.Definition {
	i, _ := slices.BinarySearchFunc(k.names, at.Name, strings.Compare)
	for _, name := range k.names[i:] {
		f, start := k.families[name], 0
		if name == at.Name {
			start, _ = f.find(at.Major, at.Revision)
		}
		for _, h := range f.versions[start:] {
			if len(out) == cap(out) {
				return out
			}
			if h.at(version) != nil {
				out = append(out, keys.Definition{Name: name, Major: h.major, Revision: h.revision})
			}
		}
	}
	return out
}
