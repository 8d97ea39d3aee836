package conformance

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"littlehorse/lhpb"
)

// builders are the clients that turn functions into WfSpecs.
var builders = []string{"python", "java"}

// The requests that the Go SDK is compared with are what the official builders make. They lie with the SDK, so that its
// tests need no other language.
func TestRecordedSpecs(t *testing.T) {
	if *endpoint != "" {
		return // no server is asked
	}
	watchSources(t)
	for _, c := range clients {
		if !slices.Contains(builders, c.language) {
			continue
		}
		t.Run(c.language, func(t *testing.T) {
			t.Parallel()
			built := c.specs(t)
			dir := filepath.Join("../../sdk/wf/testdata/official", c.language)
			if *recordSpecs {
				replace(t, dir, built)
			}
			compareSpecs(t, dir, built)
		})
	}
}

// specs are the requests that the client builds, as JSON by name.
func (c client) specs(t *testing.T) map[string][]byte {
	t.Helper()
	cmd := c.program(t.Context(), t, c.install(t), specs)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	built := map[string][]byte{}
	for line := range strings.Lines(string(out)) {
		name, text, _ := strings.Cut(line, " ")
		built[name] = []byte(text)
	}
	return built
}

func replace(t *testing.T, dir string, built map[string][]byte) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range built {
		var sorted any
		if err := json.Unmarshal(text, &sorted); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		pretty, err := json.MarshalIndent(sorted, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".json"), append(pretty, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func compareSpecs(t *testing.T, dir string, built map[string][]byte) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) != len(built) {
		t.Errorf("%d are recorded and %d are built (%v): make specs records them anew", len(files), len(built), err)
	}
	for _, name := range slices.Sorted(maps.Keys(built)) {
		recorded, err := os.ReadFile(filepath.Join(dir, name+".json"))
		if err != nil {
			t.Error(err)
			continue
		}
		if !proto.Equal(specOf(t, name, recorded), specOf(t, name, built[name])) {
			t.Errorf("%s is not what is recorded: make specs records it anew\n%s", name, built[name])
		}
	}
}

func specOf(t *testing.T, name string, text []byte) *lhpb.PutWfSpecRequest {
	t.Helper()
	spec := &lhpb.PutWfSpecRequest{}
	if err := protojson.Unmarshal(text, spec); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, text)
	}
	return spec
}
