package spec

import (
	"fmt"
	"strings"

	"littlehorse/internal/value"
	"littlehorse/lhpb"
)

type structKey struct {
	name    string
	version int32
}

// structDef is a StructDef that the WfSpec refers to.
type structDef struct {
	id     *lhpb.StructDefId
	fields map[string]*lhpb.StructFieldDef
	// required fields in order of their names.
	required []string
}

// structDef of that version; nil if there is none.
func (c *check) structDef(name string, version int32) *structDef {
	key := structKey{name, version}
	if known, ok := c.structs[key]; ok {
		return known
	}
	var d *structDef
	if def := c.defs.StructDef(name, version); def != nil {
		d = &structDef{id: def.Id, fields: def.GetStructDef().GetFields()}
		for _, field := range sortedKeys(d.fields) {
			if value.RequiredField(d.fields[field]) {
				d.required = append(d.required, field)
			}
		}
	}
	c.structs[key] = d
	return d
}

func structDefString(id *lhpb.StructDefId) string {
	return fmt.Sprintf("%s/%05d", id.GetName(), id.GetVersion())
}

func noStructDef(id *lhpb.StructDefId) *problem {
	return problemf("StructDef not found: %s", structDefString(id))
}

// structBuilder checks what is built, and pins its StructDef.
func (t *thread) structBuilder(b *lhpb.StructBuilder) *problem {
	def := t.structDef(b.GetStructDefId().GetName(), b.GetStructDefId().GetVersion())
	if def == nil {
		return noStructDef(b.GetStructDefId())
	}
	b.StructDefId = &lhpb.StructDefId{Name: def.id.GetName(), Version: def.id.GetVersion()}
	return t.fields(def, b.GetValue())
}

func (t *thread) fields(def *structDef, b *lhpb.InlineStructBuilder) *problem {
	for _, name := range sortedKeys(b.GetFields()) {
		f := def.fields[name]
		if f == nil {
			return problemf("StructDef %s does not contain field '%s'", structDefString(def.id), name)
		}
		if p := t.field(name, f, b.Fields[name]); p != nil {
			return p
		}
	}
	return missingFields(def, b)
}

func (t *thread) field(name string, f *lhpb.StructFieldDef, v *lhpb.InlineStructFieldValue) *problem {
	want := value.Declared(f.GetFieldType())
	switch k := v.GetStructValue().(type) {
	case *lhpb.InlineStructFieldValue_SimpleValue:
		have, p := t.typeOf(k.SimpleValue)
		if p != nil {
			return p
		}
		if !value.Compatible(want, have) {
			return problemf("Field '%s' expects %v but got %v", name, want, have)
		}
		return nil
	case *lhpb.InlineStructFieldValue_SubStructure:
		if want.Struct() == nil {
			return problemf("Field '%s' expects %v but got a Struct", name, want)
		}
		def := t.structDef(want.Struct().GetName(), want.Struct().GetVersion())
		if def == nil {
			return noStructDef(want.Struct())
		}
		return t.fields(def, k.SubStructure)
	}
	return problemf("Field '%s' is missing a value", name)
}

// missingFields costs no more than the builder is long, unless it refuses.
func missingFields(def *structDef, b *lhpb.InlineStructBuilder) *problem {
	given := 0
	for name := range b.GetFields() {
		if value.RequiredField(def.fields[name]) {
			given++
		}
	}
	if given == len(def.required) {
		return nil
	}
	var missing []string
	for _, name := range def.required {
		if _, ok := b.GetFields()[name]; !ok {
			missing = append(missing, name)
		}
	}
	return problemf("Missing required field(s) for StructDef %s: %s", structDefString(def.id), strings.Join(missing, ", "))
}

// mapBuilder checks the entries against the type of the Map, if it says one, and pins it.
func (t *thread) mapBuilder(b *lhpb.MapBuilder) *problem {
	if b.GetMapType() == nil {
		return nil
	}
	pinned, err := PinType(t.defs, value.MapDef(b.MapType.KeyType, b.MapType.ValueType))
	if err == nil {
		err = CheckMapKeys(pinned)
	}
	if err != nil {
		return problemf("%v", err)
	}
	b.MapType = pinned.GetInlineMapDef()
	typ := value.Declared(pinned)
	for i, e := range b.GetEntries() {
		if p := first(
			t.entry(i, "key", e.GetKey(), typ.Key()),
			t.entry(i, "value", e.GetValue(), typ.Element()),
		); p != nil {
			return p
		}
	}
	return nil
}

func (t *thread) entry(i int, part string, a *lhpb.VariableAssignment, want value.Type) *problem {
	have, p := t.typeOf(a)
	if p != nil {
		return p
	}
	if !value.Compatible(want, have) {
		return problemf("The %s of entry %d of a Map expects %v but got %v", part, i, want, have)
	}
	return nil
}
