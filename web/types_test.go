package web

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"littlehorse/lhpb"
	"littlehorse/lhpb/extra"
)

var rewrite = flag.Bool("rewrite", false, "write what is made: src/types.gen.ts")

// The pages know the messages of the API as the protocol describes them.
func TestTypesAreThoseOfTheProtocol(t *testing.T) {
	const file = "src/types.gen.ts"
	g := &typeWriter{seen: map[protoreflect.FullName]bool{}}
	g.line("// The messages of the API as they are in JSON. Made from the protocol by go test ./web -rewrite.")
	g.line("")
	g.line("export interface Rpcs {")
	for _, service := range []protoreflect.ServiceDescriptor{
		lhpb.File_service_proto.Services().ByName("LittleHorse"), extra.File_littlehorse_extra_v1_explain_proto.Services().ByName("ExtraService"),
		extra.File_littlehorse_extra_v1_view_proto.Services().ByName("ViewService"),
		extra.File_littlehorse_extra_v1_bulk_proto.Services().ByName("BulkService"),
	} {
		for i := range service.Methods().Len() {
			if m := service.Methods().Get(i); !m.IsStreamingClient() {
				g.line("  %s: [%s, %s];", m.Name(), g.message(m.Input()), g.message(m.Output()))
			}
		}
	}
	g.line("}")
	for len(g.left) > 0 {
		next := g.left[0]
		g.left = g.left[1:]
		next()
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(g.text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != g.text.String() {
		t.Errorf("%s is not what the protocol says (%v): go test ./web -rewrite, then make web", file, err)
	}
}

// typeWriter writes types, and those that they need behind them.
type typeWriter struct {
	text strings.Builder
	seen map[protoreflect.FullName]bool
	left []func()
}

func (g *typeWriter) line(format string, args ...any) { fmt.Fprintf(&g.text, format+"\n", args...) }

// name of a type without its package.
func (g *typeWriter) name(d protoreflect.Descriptor) string {
	name := strings.TrimPrefix(string(d.FullName()), string(d.ParentFile().Package())+".")
	return strings.ReplaceAll(name, ".", "_")
}

func (g *typeWriter) once(d protoreflect.Descriptor, write func()) {
	if !g.seen[d.FullName()] {
		g.seen[d.FullName()] = true
		g.left = append(g.left, write)
	}
}

func (g *typeWriter) message(d protoreflect.MessageDescriptor) string {
	switch d.FullName() {
	case "google.protobuf.Timestamp":
		return "string"
	case "google.protobuf.Empty":
		return "Record<string, never>"
	}
	g.once(d, func() {
		g.line("\nexport interface %s {", g.name(d))
		for i := range d.Fields().Len() {
			f := d.Fields().Get(i)
			mark := ""
			if f.HasPresence() {
				mark = "?"
			}
			g.line("  %s%s: %s;", f.JSONName(), mark, g.field(f))
		}
		g.line("}")
	})
	return g.name(d)
}

func (g *typeWriter) enum(d protoreflect.EnumDescriptor) string {
	g.once(d, func() {
		var names []string
		for i := range d.Values().Len() {
			names = append(names, fmt.Sprintf("%q", d.Values().Get(i).Name()))
		}
		g.line("\nexport type %s = %s;", g.name(d), strings.Join(names, " | "))
	})
	return g.name(d)
}

func (g *typeWriter) field(f protoreflect.FieldDescriptor) string {
	switch {
	case f.IsMap():
		return "Record<string, " + g.single(f.MapValue()) + ">"
	case f.IsList():
		return g.single(f) + "[]"
	default:
		return g.single(f)
	}
}

func (g *typeWriter) single(f protoreflect.FieldDescriptor) string {
	switch f.Kind() {
	case protoreflect.MessageKind:
		return g.message(f.Message())
	case protoreflect.EnumKind:
		return g.enum(f.Enum())
	case protoreflect.BoolKind:
		return "boolean"
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		return "number | string" // NaN and the infinities are words
	case protoreflect.Int32Kind, protoreflect.Uint32Kind:
		return "number"
	default: // numbers of 64 bits are strings, and bytes are, too
		return "string"
	}
}
