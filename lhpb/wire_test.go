package lhpb

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// testdata/littlehorse.tsv holds every name, number and type of the official API in release 1.3.0, read from
// the descriptors in the published Python client littlehorse-client 1.3.0 (Apache-2.0): facts, no text.
const table = "testdata/littlehorse.tsv"

func TestTheWireIsThatOfTheOfficialAPI(t *testing.T) {
	text, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	want := lines[1:] // behind the header

	var got rows
	for file := range registeredFiles() {
		got.file(file)
	}
	for _, row := range missing(want, got) {
		t.Errorf("not in our schemas: %q", row)
	}
	for _, row := range missing(got, want) {
		t.Errorf("only in our schemas: %q", row)
	}
}

func registeredFiles() map[protoreflect.FileDescriptor]bool {
	found := map[protoreflect.FileDescriptor]bool{}
	var add func(protoreflect.FileDescriptor)
	add = func(f protoreflect.FileDescriptor) {
		if f.Package() != "littlehorse" || found[f] {
			return
		}
		found[f] = true
		for i := range f.Imports().Len() {
			add(f.Imports().Get(i).FileDescriptor)
		}
	}
	add(File_service_proto)
	add(File_output_topic_proto)
	return found
}

func missing(want, got []string) []string {
	have := map[string]bool{}
	for _, row := range got {
		have[row] = true
	}
	out := slices.DeleteFunc(slices.Clone(want), func(row string) bool { return have[row] })
	slices.Sort(out)
	return out
}

// rows are lines of the table: kind, file, scope, name, number, type, label, oneof, notes.
type rows []string

func (r *rows) add(d protoreflect.Descriptor, kind, scope, name, number, typ, label, oneof string, notes []string) {
	row := []string{kind, d.ParentFile().Path(), scope, name, number, typ, label, oneof, strings.Join(notes, ";")}
	*r = append(*r, strings.Join(row, "\t"))
}

func (r *rows) file(f protoreflect.FileDescriptor) {
	r.add(f, "file", string(f.Package()), "", "", f.Syntax().String(), "", "", nil)
	for i := range f.Imports().Len() {
		imported := f.Imports().Get(i)
		label := ""
		if imported.IsPublic {
			label = "public"
		}
		r.add(f, "import", "", imported.Path(), "", "", label, "", nil)
	}
	r.enums(f.Enums())
	r.messages(f.Messages())
	for i := range f.Services().Len() {
		r.service(f.Services().Get(i))
	}
}

func (r *rows) enums(enums protoreflect.EnumDescriptors) {
	for i := range enums.Len() {
		e := enums.Get(i)
		options := e.Options().(*descriptorpb.EnumOptions)
		var notes []string
		if options.GetAllowAlias() {
			notes = append(notes, "allow_alias")
		}
		notes = append(notes, deprecated(options)...)
		for i := range e.ReservedRanges().Len() {
			from := e.ReservedRanges().Get(i)
			notes = append(notes, fmt.Sprintf("reserved %d-%d", from[0], from[1]))
		}
		r.add(e, "enum", string(e.FullName()), "", "", "", "", "", notes)
		for i := range e.Values().Len() {
			v := e.Values().Get(i)
			r.add(e, "value", string(e.FullName()), string(v.Name()), strconv.Itoa(int(v.Number())), "", "", "",
				deprecated(v.Options().(*descriptorpb.EnumValueOptions)))
		}
	}
}

func (r *rows) messages(messages protoreflect.MessageDescriptors) {
	for i := range messages.Len() {
		m := messages.Get(i)
		if m.IsMapEntry() {
			continue
		}
		notes := deprecated(m.Options().(*descriptorpb.MessageOptions))
		for i := range m.ReservedRanges().Len() {
			from := m.ReservedRanges().Get(i)
			notes = append(notes, fmt.Sprintf("reserved %d-%d", from[0], from[1]-1))
		}
		r.add(m, "message", string(m.FullName()), "", "", "", "", "", notes)
		for i := range m.Fields().Len() {
			r.field(m, m.Fields().Get(i))
		}
		r.messages(m.Messages())
		r.enums(m.Enums())
	}
}

func (r *rows) field(m protoreflect.MessageDescriptor, f protoreflect.FieldDescriptor) {
	options := f.Options().(*descriptorpb.FieldOptions)
	notes := deprecated(options)
	if options != nil && options.Packed != nil {
		notes = append(notes, fmt.Sprintf("packed=%t", *options.Packed))
	}
	if name := f.JSONName(); name != jsonName(f.Name()) {
		notes = append(notes, "json_name="+name)
	}
	label, oneof := "single", ""
	switch {
	case f.IsMap():
		label = "map"
	case f.IsList():
		label = "repeated"
	case f.HasOptionalKeyword():
		label = "optional"
	case f.ContainingOneof() != nil:
		label, oneof = "oneof", string(f.ContainingOneof().Name())
	}
	number := strconv.Itoa(int(f.Number()))
	r.add(m, "field", string(m.FullName()), string(f.Name()), number, fieldType(f), label, oneof, notes)
}

func (r *rows) service(s protoreflect.ServiceDescriptor) {
	r.add(s, "service", string(s.FullName()), "", "", "", "", "", deprecated(s.Options().(*descriptorpb.ServiceOptions)))
	for i := range s.Methods().Len() {
		m := s.Methods().Get(i)
		label := map[[2]bool]string{
			{false, false}: "unary",
			{true, false}:  "client-stream",
			{false, true}:  "server-stream",
			{true, true}:   "bidi-stream",
		}[[2]bool{m.IsStreamingClient(), m.IsStreamingServer()}]
		types := fmt.Sprintf("%s -> %s", m.Input().FullName(), m.Output().FullName())
		r.add(s, "rpc", string(s.FullName()), string(m.Name()), "", types, label, "",
			deprecated(m.Options().(*descriptorpb.MethodOptions)))
	}
}

func fieldType(f protoreflect.FieldDescriptor) string {
	switch {
	case f.IsMap():
		return fmt.Sprintf("map<%s,%s>", fieldType(f.MapKey()), fieldType(f.MapValue()))
	case f.Message() != nil:
		return string(f.Message().FullName())
	case f.Enum() != nil:
		return string(f.Enum().FullName())
	default:
		return f.Kind().String()
	}
}

func deprecated(o interface{ GetDeprecated() bool }) []string {
	if o.GetDeprecated() {
		return []string{"deprecated"}
	}
	return nil
}

func jsonName(name protoreflect.Name) string {
	parts := strings.Split(string(name), "_")
	for i, p := range parts[1:] {
		if p != "" {
			parts[i+1] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "")
}
