package tidy_test

import (
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"littlehorse/lhpb"
	"littlehorse/test/page"
)

const features = "docs/howto/features.md"

var (
	quotedName = regexp.MustCompile("`([A-Za-z_]+)`")
	servedRPC  = regexp.MustCompile(`(?m)^\| (\w+) \| served \|`)
	linkTo     = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// Whatever the API can do stands in the table of features, which leads to code that runs.
func TestEveryFeatureHasAHowTo(t *testing.T) {
	text := readText(t, features)
	_, table, _ := strings.Cut(text, "| --- |")
	var listed []string
	for _, m := range quotedName.FindAllStringSubmatch(table, -1) {
		listed = append(listed, m[1])
	}
	var wanted []string
	for _, m := range servedRPC.FindAllStringSubmatch(readText(t, "docs/rpcs.md"), -1) {
		wanted = append(wanted, m[1])
	}
	for _, message := range []protoreflect.ProtoMessage{&lhpb.Node{}, &lhpb.TypeDefinition{}, &lhpb.UTActionTrigger{}} {
		wanted = append(wanted, choices(message, "node", "defined_type", "action")...)
	}
	types := lhpb.VariableType(0).Descriptor().Values()
	for i := range types.Len() {
		wanted = append(wanted, string(types.Get(i).Name()))
	}
	for _, name := range wanted {
		if !slices.Contains(listed, name) {
			t.Errorf("%s does not have %s", features, name)
		}
	}
	for _, name := range listed {
		if !slices.Contains(wanted, name) {
			t.Errorf("%s has %s, which there is not", features, name)
		}
	}
	for _, m := range linkTo.FindAllStringSubmatch(table, -1) {
		target, anchor, _ := strings.Cut(m[1], "#")
		if file := path.Join(path.Dir(features), target); !slices.ContainsFunc(blocksBelow(t, file, anchor), runs) {
			t.Errorf("%s: %s has no code that runs", features, m[1])
		}
	}
}

// choices are the fields of a message's oneofs of these names.
func choices(message protoreflect.ProtoMessage, oneofs ...string) (names []string) {
	all := message.ProtoReflect().Descriptor().Oneofs()
	for i := range all.Len() {
		if !slices.Contains(oneofs, string(all.Get(i).Name())) {
			continue
		}
		fields := all.Get(i).Fields()
		for k := range fields.Len() {
			// That a type is primitive says nothing: the types themselves are wanted. A structure without a name is read as JSON_OBJ.
			if name := string(fields.Get(k).Name()); name != "primitive_type" && name != "inline_struct_def" {
				names = append(names, name)
			}
		}
	}
	return names
}

// blocksBelow are those of a page below a heading, or all of them.
func blocksBelow(t *testing.T, file, anchor string) []page.Block {
	t.Helper()
	blocks := page.Read(t, file)
	if anchor == "" {
		return blocks
	}
	lines := strings.Split(readText(t, file), "\n")
	from := slices.IndexFunc(lines, func(line string) bool { return hasHeading(line, anchor) })
	if from < 0 {
		return nil
	}
	to, inBlock := len(lines), false
	for n := from + 1; n < to; n++ {
		switch line := lines[n]; {
		case strings.HasPrefix(line, "```"):
			inBlock = !inBlock
		case !inBlock && strings.HasPrefix(line, "#") && level(line) <= level(lines[from]):
			to = n
		}
	}
	return slices.DeleteFunc(blocks, func(b page.Block) bool { return b.Line() <= from || b.Line() > to })
}

func level(heading string) int { return len(heading) - len(strings.TrimLeft(heading, "#")) }

// runs tells whether a test executes or compiles the block.
func runs(b page.Block) bool {
	return b.Language == "go" || b.Language == "sh" && !b.Is("server") && b.Values["needs"] == ""
}

// plumbing are exported names of the SDK that its users have no use for: they are there for its other packages, or for errors.
var plumbing = []string{
	"Err", "Error", "FieldsOf", "GRPCStatus", "Has", "Invoke", "Line", "PutRequests", "PutTaskDef", "PutUserTaskDef", "StructDefOf", "Tag", "Type", "Unwrap",
	"ValidName",
}

var exportedName = regexp.MustCompile(`^\S+: (?:func (?:\([^)]*\) )?|const |var |type \w+, field )(\w+)`)

// Each function, option and field of the SDK is named on a page that shows how a thing is done.
func TestHowToPagesNameAllOfTheSDK(t *testing.T) {
	var words strings.Builder
	files, err := os.ReadDir("docs/howto")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		words.WriteString(readText(t, "docs/howto/"+f.Name()))
	}
	named := strings.FieldsFunc(words.String(), func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	slices.Sort(named)
	for line := range strings.Lines(readText(t, "sdk/api.txt")) {
		m := exportedName.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if _, found := slices.BinarySearch(named, m[1]); !found && !slices.Contains(plumbing, m[1]) {
			t.Errorf("no page of docs/howto names %s", strings.TrimSpace(line))
		}
	}
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
