package lhtest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"littlehorse/lhpb"
)

// Compiled is a workflow that can be compiled.
type Compiled interface {
	Compile() (*lhpb.PutWfSpecRequest, error)
}

// Golden compares the WfSpec that a workflow compiles to with a file, so that no change of it goes unseen. With
// LHTEST_UPDATE=1 in the environment the file is written instead.
func Golden(t testing.TB, w Compiled, file string) {
	t.Helper()
	got, err := compiledText(w)
	if err != nil {
		t.Fatalf("lhtest: %v", err)
	}
	if os.Getenv("LHTEST_UPDATE") != "" {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatalf("lhtest: %v", err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatalf("lhtest: %v", err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("lhtest: %v; LHTEST_UPDATE=1 makes it", err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("lhtest: %s is not what the workflow compiles to; LHTEST_UPDATE=1 writes it. It is now:\n%s", file, got)
	}
}

// compiledText is indented alike everywhere: protojson varies its spaces on purpose.
func compiledText(w Compiled) ([]byte, error) {
	req, err := w.Compile()
	if err != nil {
		return nil, err
	}
	text, err := protojson.Marshal(req)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}
