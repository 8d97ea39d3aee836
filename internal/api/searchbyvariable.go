package api

import (
	"slices"

	"littlehorse/internal/keys"
	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

// indexedFilters are those conditions of a search that the index of Variables can answer.
type indexedFilters struct {
	conditions []condition
	// told are those of them of which the index tells all there is to know.
	told map[condition]bool
	// versions of the WfSpec that are known. WfRuns of others, deleted ones, may have Variables that were never indexed.
	versions map[[2]int32]bool
}

// indexedFilters picks the conditions on what is indexed in each version of the WfSpec that has the variable;
// nil if there are none. A migrated WfRun may have its Variables from any version.
func (s *Service) indexedFilters(tenant string, q *wfRunQuery) *indexedFilters {
	if len(q.conditions) == 0 {
		return nil
	}
	var specs []*lhpb.WfSpec
	out, latest := &indexedFilters{told: map[condition]bool{}, versions: map[[2]int32]bool{}}, s.definitions.Latest(tenant)
	s.definitions.Walk(tenant, keys.KindWfSpec, keys.Definition{Name: q.req.WfSpecName}, func(d keys.Definition) bool {
		if d.Name != q.req.WfSpecName {
			return false
		}
		w := latest.WfSpec(&lhpb.WfSpecId{Name: d.Name, MajorVersion: d.Major, Revision: d.Revision})
		if w != nil {
			specs = append(specs, w)
			out.versions[[2]int32{d.Major, d.Revision}] = true
		}
		return true
	})
	for _, c := range q.conditions {
		if given, searchable := searchableType(c.value); searchable && c.indexedInAll(specs) {
			out.conditions = append(out.conditions, c)
			out.told[c] = c.path != "" || ofTypeInAll(specs, c.name, given)
		}
	}
	if len(out.conditions) == 0 {
		return nil
	}
	return out
}

// indexedInAll reports whether all that has the value is in the index, wherever the variable is declared.
func (c condition) indexedInAll(specs []*lhpb.WfSpec) bool {
	for _, w := range specs {
		def := variableOf(w, c.name)
		switch {
		case def == nil:
		case c.path != "" && !(isJSON(def) && hasIndex(def, c.path)):
			return false
		case c.path == "" && (!def.Searchable || !isPrimitive(def) || isJSON(def)):
			return false
		}
	}
	return true
}

// ofTypeInAll reports whether the variable is of that type wherever it is declared.
func ofTypeInAll(specs []*lhpb.WfSpec, name string, t lhpb.VariableType) bool {
	for _, w := range specs {
		if def := variableOf(w, name); def != nil && def.GetVarDef().GetTypeDef().GetPrimitiveType() != t {
			return false
		}
	}
	return true
}

// openByVariable intersects what has the values with the WfRuns. Those that are or were of unknown versions are read one
// by one.
func (q *wfRunQuery) openByVariable(r *reading) (cursor, error) {
	known, unknown, err := q.byVersion(r)
	if err != nil {
		return nil, err
	}
	migrated, err := q.migratedFromUnknown(r)
	if err != nil {
		return nil, err
	}
	members, err := q.withValues(r)
	if err != nil {
		return nil, err
	}
	r.doubtful = len(unknown)+len(migrated) > 0
	if q.req.Status == nil && q.req.WfSpecMajorVersion == nil && !r.doubtful {
		return q.standing(r, members)
	}
	found, err := q.amongWfRuns(r, known, members...)
	if err != nil || !r.doubtful {
		return found, err
	}
	gone, err := q.amongWfRuns(r, unknown)
	if err != nil {
		return nil, err
	}
	left, err := r.overAll(migrated)
	if err != nil {
		return nil, err
	}
	if left, err = q.amongWfRuns(r, known, left); err != nil {
		return nil, err
	}
	return unite([]cursor{found, gone, left}), nil
}

// standing walks what has the values without walking the WfRuns. Variables stay in their index until they are deleted
// themselves: WfRuns whose deletion has begun are left out.
func (q *wfRunQuery) standing(r *reading, members []cursor) (cursor, error) {
	found, err := q.belowParent(r, members...)
	if err != nil {
		return nil, err
	}
	deleting, err := r.over(tagged{tag: q.tenant.Tag(keys.TagDeleting).Text(q.req.WfSpecName)}, fewRows)
	if err != nil {
		return nil, err
	}
	return except(found, deleting)
}

// amongWfRuns leaves only what is among the WfRuns, and below the parent.
func (q *wfRunQuery) amongWfRuns(r *reading, runs []tagged, members ...cursor) (cursor, error) {
	all, err := r.overAll(runs)
	if err != nil {
		return nil, err
	}
	return q.belowParent(r, append(members, all)...)
}

// migratedFromUnknown are the unknown versions from which WfRuns were migrated: they have their Variables from there.
func (q *wfRunQuery) migratedFromUnknown(r *reading) ([]tagged, error) {
	from, err := r.values(q.tenant.Tag(keys.TagMigrated).Text(q.req.WfSpecName), []axis{{any: 'i'}, {any: 'i'}})
	return slices.DeleteFunc(from, q.knows), err
}

// byVersion tells the WfRuns of known versions from others.
func (q *wfRunQuery) byVersion(r *reading) (known, unknown []tagged, err error) {
	runs, err := q.wfRuns(r)
	for _, v := range runs {
		if q.knows(v) {
			known = append(known, v)
		} else {
			unknown = append(unknown, v)
		}
	}
	return known, unknown, err
}

// knows reports whether the version that a value of an index ends with is known.
func (q *wfRunQuery) knows(v tagged) bool {
	major, revision := v.tag.LastVersion()
	return q.indexed.versions[[2]int32{major, revision}]
}

// withValues walks, for each condition, the WfRuns whose entrypoint has the value.
func (q *wfRunQuery) withValues(r *reading) (members []cursor, err error) {
	for _, cond := range q.indexed.conditions {
		tag := q.tenant.Tag(keys.TagVariable).Text(q.req.WfSpecName).Text(cond.entry()).Text(value.Text(cond.value))
		variables, err := r.among(tag, axis{any: 'i'}, axis{any: 'i'})
		if err != nil {
			return nil, err
		}
		c := &entrypoints{variables: variables, name: cond.name, back: r.back, after: r.after}
		if err := c.settle(); err != nil {
			return nil, err
		}
		members = append(members, c)
	}
	return members, nil
}

// entrypoints walks Variables as the WfRuns whose entrypoint has them. A Variable of an entrypoint stands in its index
// directly behind the position of its WfRun.
type entrypoints struct {
	variables cursor
	name      string // of the Variable; a field of another may have an entry of the same name
	back      bool
	after     string
	position  string // of the WfRun; "" at the end
}

func (c *entrypoints) at() (string, bool) { return c.position, c.position != "" }

func (c *entrypoints) next() error {
	if err := c.variables.next(); err != nil {
		return err
	}
	return c.settle()
}

func (c *entrypoints) seek(position string) error {
	if c.position == "" || c.position >= position {
		return nil
	}
	if c.back {
		behind, err := c.behind(position)
		if err != nil {
			return err
		}
		position = behind
	}
	if err := c.variables.seek(position); err != nil {
		return err
	}
	return c.settle()
}

// behind is a position, read backwards, in front of the Variables of a WfRun's entrypoint.
func (c *entrypoints) behind(position string) (string, error) {
	createdMs, id, err := keys.ParseTagRow("", keys.Key(turned(position, true)))
	return turned(string(keys.Tag{}.Row(createdMs, keys.TagID{WfRun: id.WfRun, Thread: 1})), true), err
}

// settle goes on to a Variable of an entrypoint.
func (c *entrypoints) settle() error {
	for {
		row, ok := c.variables.at()
		if !ok {
			c.position = ""
			return nil
		}
		createdMs, id, err := keys.ParseTagRow("", keys.Key(turned(row, c.back)))
		if err != nil {
			return err
		}
		c.position = turned(string(keys.Tag{}.Row(createdMs, keys.TagID{WfRun: id.WfRun})), c.back)
		if id.Thread == 0 && id.Name == c.name && c.position > c.after {
			return nil
		}
		if err := c.variables.next(); err != nil {
			return err
		}
	}
}
