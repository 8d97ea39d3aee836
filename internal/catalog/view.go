package catalog

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/spec"
	"littlehorse/lhpb"
)

// View holds the definitions of all metadata versions in memory. It is safe for concurrent use: read by
// everybody, changed by whoever follows the metadata stream. What it returns is shared and must not be
// changed.
type View struct {
	mu      sync.RWMutex
	tenants map[string]*definitions
	version atomic.Uint64                  // changed with mu held
	skipped atomic.Pointer[map[entry]bool] // replaced as a whole, with mu held
	moved   chan struct{}                  // closed when the version changes
}

// entry is a record of a stream.
type entry struct {
	stream string
	offset uint64
}

// Skips tells whether nobody is to apply a record. It is asked for each, and as a rule there are none.
func (v *View) Skips(of machine.Stream, offset uint64) bool {
	skipped := v.skipped.Load()
	return skipped != nil && len(*skipped) > 0 && (*skipped)[entry{of.String(), offset}]
}

// skip adds to the records that nobody applies.
func (v *View) skip(more []entry) {
	v.mu.Lock()
	defer v.mu.Unlock()
	all := map[entry]bool{}
	if skipped := v.skipped.Load(); skipped != nil {
		all = maps.Clone(*skipped)
	}
	for _, r := range more {
		all[r] = true
	}
	v.skipped.Store(&all)
}

// definitions are those of one tenant, by kind.
type definitions struct {
	kinds [keys.KindWorkflowMigrationPlan - keys.KindTaskDef + 1]kind
}

func (d *definitions) of(k keys.ObjectKind) *kind { return &d.kinds[k-keys.KindTaskDef] }

// NewView returns an empty View at version 0.
func NewView() *View {
	return &View{tenants: map[string]*definitions{}, moved: make(chan struct{})}
}

// Version is the newest metadata version that the View knows all about.
func (v *View) Version() uint64 { return v.version.Load() }

// WaitFor returns when the View has reached the version, or with the error of the context.
func (v *View) WaitFor(ctx context.Context, version uint64) error {
	for {
		v.mu.RLock()
		reached, moved := v.version.Load() >= version, v.moved
		v.mu.RUnlock()
		if reached {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Load takes over what the store holds of the metadata stream as of the version. scan calls visit with each
// row, in any order, until visit returns false; rows that are no definitions are passed over.
func (v *View) Load(version uint64, scan func(visit func(k keys.Key, value []byte) bool) error) error {
	var problem error
	var rows []loaded
	var skipped []entry
	err := scan(func(k keys.Key, value []byte) bool {
		if stream, offset, err := keys.ParseSkipped(k); err == nil {
			skipped = append(skipped, entry{stream, offset})
			return true
		}
		row, ok, err := decode(k, value)
		if err != nil {
			problem = err
			return false
		}
		if ok {
			rows = append(rows, row)
		}
		return true
	})
	if err == nil {
		err = problem
	}
	if err != nil {
		return fmt.Errorf("load the catalog: %w", err)
	}
	v.skip(skipped)
	v.take(version, rows)
	return nil
}

// Committed takes over what the metadata stream changed up to the version. It must be called in the order
// of the versions.
func (v *View) Committed(version uint64, changes []machine.Change) {
	var rows []loaded
	for _, c := range changes {
		if stream, offset, err := keys.ParseSkipped(c.Key); err == nil && c.Value != nil {
			v.skip([]entry{{stream, offset}})
			continue
		}
		d, ok := definitionOf(c.Key)
		if !ok || c.Value == nil {
			continue
		}
		row := loaded{definition: d}
		if !deleted(c.Value) {
			row.value = keep(c.Value)
		}
		rows = append(rows, row)
	}
	v.take(version, rows)
}

func (v *View) take(version uint64, rows []loaded) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, row := range rows {
		d := row.definition
		k := v.definitionsOf(d.Tenant).of(d.Kind)
		k.family(d.Name).history(d.Major, d.Revision).add(written{version: d.Written, value: row.value})
	}
	if version > v.version.Load() {
		v.version.Store(version)
		close(v.moved)
		v.moved = make(chan struct{})
	}
}

func (v *View) definitionsOf(tenant string) *definitions {
	d := v.tenants[tenant]
	if d == nil {
		d = &definitions{}
		for i := range d.kinds {
			d.kinds[i].families = map[string]*family{}
		}
		v.tenants[tenant] = d
	}
	return d
}

// loaded is a row on its way into the View.
type loaded struct {
	definition keys.Definition
	value      any // nil for a delete
}

func definitionOf(k keys.Key) (keys.Definition, bool) {
	if k.Space() != keys.SpaceObject {
		return keys.Definition{}, false
	}
	if kind, err := keys.ObjectKindOf(k); err != nil || !kind.IsDefinition() {
		return keys.Definition{}, false
	}
	d, err := keys.ParseDefinition(k)
	return d, err == nil
}

func decode(k keys.Key, value []byte) (row loaded, ok bool, _ error) {
	d, ok := definitionOf(k)
	if !ok {
		return loaded{}, false, nil
	}
	row.definition = d
	if len(value) == 0 {
		return row, true, nil
	}
	m := emptyOf(d.Kind)
	if err := m.UnmarshalVT(value); err != nil {
		return loaded{}, false, fmt.Errorf("%s: %w", describe(d), err)
	}
	row.value = keep(m)
	return row, true, nil
}

func emptyOf(kind keys.ObjectKind) machine.Value {
	switch kind {
	case keys.KindTaskDef:
		return &lhpb.TaskDef{}
	case keys.KindExternalEventDef:
		return &lhpb.ExternalEventDef{}
	case keys.KindWorkflowEventDef:
		return &lhpb.WorkflowEventDef{}
	case keys.KindUserTaskDef:
		return &lhpb.UserTaskDef{}
	case keys.KindStructDef:
		return &lhpb.StructDef{}
	case keys.KindWfSpec:
		return &lhpb.WfSpec{}
	case keys.KindTenant:
		return &lhpb.Tenant{}
	case keys.KindQuota:
		return &lhpb.Quota{}
	case keys.KindWorkflowMigrationPlan:
		return &lhpb.WorkflowMigrationPlan{}
	default:
		return &lhpb.Principal{}
	}
}

// compiled is a WfSpec and its graph, which is made when it is first asked for, once for each row.
type compiled struct {
	spec  *lhpb.WfSpec
	once  sync.Once
	graph *spec.Graph
}

func (c *compiled) get() *spec.Graph {
	c.once.Do(func() { c.graph = spec.Compile(c.spec) })
	return c.graph
}

func keep(m machine.Value) any {
	if w, ok := m.(*lhpb.WfSpec); ok {
		return &compiled{spec: w}
	}
	return m
}
