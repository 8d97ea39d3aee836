package spec

import (
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"

	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

// How large a WfSpec may be. Everything that Put does is linear in these, or nearly so.
const (
	// MaxBytes is the size of a request and of a stored WfSpec: what fits a record of the log
	// however it is set up.
	MaxBytes = 1_047_000
	// MaxDepth is how deep messages may nest in a request, entries of maps counted. Protobuf decoders of
	// most languages refuse anything deeper, so such a definition could not be read back.
	MaxDepth = 100
	// MaxThreads is how many ThreadSpecs a WfSpec may have.
	MaxThreads = 10_000
	// MaxNodes is how many nodes all ThreadSpecs of a WfSpec may have together.
	MaxNodes = 20_000
	// MaxEdges is how many edges all nodes of a WfSpec may have together.
	MaxEdges = 50_000
	// MaxVariables is how many variables all ThreadSpecs of a WfSpec may have together.
	MaxVariables = 10_000
)

func tooMany(what string, n, limit int) *problem {
	if n <= limit {
		return nil
	}
	return baref("a WfSpec may have at most %d %s, this one has %d", limit, what, n)
}

func tooLarge(what string, size int) *problem {
	if size <= MaxBytes {
		return nil
	}
	p := baref("%s may take at most %d bytes, this one takes %d", what, MaxBytes, size)
	p.code = lh.ResourceExhausted
	return p
}

// checkCounts refuses more parts than a WfSpec may have.
func checkCounts(req *lhpb.PutWfSpecRequest) *problem {
	nodes, edges, variables := 0, 0, 0
	for _, t := range req.GetThreadSpecs() {
		nodes += len(t.GetNodes())
		variables += len(t.GetVariableDefs())
		for _, n := range t.GetNodes() {
			edges += len(n.GetOutgoingEdges())
		}
	}
	return first(
		tooMany("threads", len(req.GetThreadSpecs()), MaxThreads),
		tooMany("nodes", nodes, MaxNodes),
		tooMany("edges", edges, MaxEdges),
		tooMany("variables", variables, MaxVariables),
	)
}

func first(problems ...*problem) *problem {
	for _, p := range problems {
		if p != nil {
			return p
		}
	}
	return nil
}

// form is what a walk over all of a message finds out about it.
type form struct {
	tooDeep bool
	// hollow says that a map has a key without a message, which some decoders make of an empty one.
	hollow bool
	// badText says that a text is not UTF-8, which protobuf demands and not every decoder checks.
	badText bool
	// unknown is the enum number without a name; of several the first in the order of texts.
	unknown string
}

// Message is a request with its generated fast encoding.
type Message interface {
	protoreflect.ProtoMessage
	SizeVT() int
}

// Admit refuses a request to the metadata that nobody should look at any closer: one above MaxBytes, one
// that nests deeper than MaxDepth, one with text that is not UTF-8 or an enum number that has no name.
func Admit(req Message) *lh.Error {
	_, p := examine(req)
	return p.refusal()
}

func examine(req Message) (f form, p *problem) {
	name := req.ProtoReflect().Descriptor().Name()
	if p = tooLarge("a "+string(name), req.SizeVT()); p != nil {
		return f, p
	}
	f.message(req.ProtoReflect(), 0)
	switch {
	case f.tooDeep:
		return f, baref("a %s may nest at most %d messages in each other", name, MaxDepth)
	case f.badText:
		return f, baref("a %s holds text that is not UTF-8", name)
	case f.unknown != "":
		return f, baref("%s", f.unknown)
	}
	return f, nil
}

func (f *form) message(m protoreflect.Message, depth int) {
	if f.tooDeep = f.tooDeep || depth > MaxDepth; f.tooDeep {
		return
	}
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		f.field(field, v, depth+1)
		return !f.tooDeep
	})
}

func (f *form) field(field protoreflect.FieldDescriptor, v protoreflect.Value, depth int) {
	switch {
	case field.IsMap():
		v.Map().Range(func(k protoreflect.MapKey, entry protoreflect.Value) bool {
			f.single(field.MapKey(), k.Value(), depth)
			if field.MapValue().Message() != nil {
				f.hollow = f.hollow || !entry.Message().IsValid()
			}
			f.single(field.MapValue(), entry, depth+1)
			return !f.tooDeep
		})
	case field.IsList():
		for i := 0; i < v.List().Len() && !f.tooDeep; i++ {
			f.single(field, v.List().Get(i), depth)
		}
	default:
		f.single(field, v, depth)
	}
}

func (f *form) single(field protoreflect.FieldDescriptor, v protoreflect.Value, depth int) {
	switch field.Kind() {
	case protoreflect.MessageKind:
		f.message(v.Message(), depth)
	case protoreflect.EnumKind:
		f.enum(field.Enum(), v.Enum())
	case protoreflect.StringKind:
		f.badText = f.badText || !utf8.ValidString(v.String())
	default: // single values nest nothing
	}
}

func (f *form) enum(d protoreflect.EnumDescriptor, n protoreflect.EnumNumber) {
	if d.Values().ByNumber(n) != nil {
		return
	}
	text := problemf("%s has no value %d", d.Name(), n).text
	if f.unknown == "" || text < f.unknown {
		f.unknown = text
	}
}

// fill gives every key of a map that has no message an empty one.
func fill(m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case field.IsMap() && field.MapValue().Message() != nil:
			fillMap(v.Map())
		case field.IsList() && field.Message() != nil:
			for i := range v.List().Len() {
				fill(v.List().Get(i).Message())
			}
		case !field.IsMap() && field.Message() != nil:
			fill(v.Message())
		}
		return true
	})
}

func fillMap(m protoreflect.Map) {
	var hollow []protoreflect.MapKey
	m.Range(func(k protoreflect.MapKey, entry protoreflect.Value) bool {
		if !entry.Message().IsValid() {
			hollow = append(hollow, k)
			return true
		}
		fill(entry.Message())
		return true
	})
	for _, k := range hollow {
		m.Set(k, m.NewValue())
	}
}
