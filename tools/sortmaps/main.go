// Command sortmaps rewrites the vtprotobuf files of a package so that map fields are encoded in the order
// of their keys: the same message then always has the same bytes, which the determinism of stored state
// and of logged records rests on. vtprotobuf by itself follows the map's iteration order.
//
// Usage: sortmaps DIR ...
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// vtprotobuf fills its buffer from the end, so keys are visited in descending order.
var loop = regexp.MustCompile(`for k := range (m\.\w+) \{\n(\s*v := m\.\w+\[k\])`)

// unsorted is any encoding loop over the bare map; sizing and cloning loop over keys and values.
var unsorted = regexp.MustCompile(`for k := range m\.`)

func main() {
	for _, dir := range os.Args[1:] {
		if err := rewrite(dir); err != nil {
			fmt.Fprintln(os.Stderr, "sortmaps:", err)
			os.Exit(1)
		}
	}
}

func rewrite(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*_vtproto.pb.go"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("%s holds no vtprotobuf file", dir)
	}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		out := loop.ReplaceAll(src, []byte("for _, k := range descendingKeys($1) {\n$2"))
		if unsorted.Match(out) {
			return fmt.Errorf("%s encodes a map in a way this program does not know", f)
		}
		if bytes.Equal(src, out) {
			continue
		}
		if err := os.WriteFile(f, out, 0o644); err != nil {
			return err
		}
	}
	return nil
}
