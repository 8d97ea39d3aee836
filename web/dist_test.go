//go:build !noui

package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// sources of what is built, and nothing else.
var sources = []string{"src", "build", "index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"}

// What is embedded is what the sources beside it make. It needs no Node: the build wrote down what it was made from.
func TestTheBuiltDashboardIsOfTheseSources(t *testing.T) {
	text, err := fs.ReadFile(Files(), "build-info.json")
	if err != nil {
		t.Fatal(err)
	}
	var info struct{ Sources string }
	if err := json.Unmarshal(text, &info); err != nil {
		t.Fatal(err)
	}
	if is := digest(t); info.Sources != is {
		t.Errorf("web/dist is stale: run make web\nit is made of %s\nthere is      %s", info.Sources, is)
	}
}

// digest is a hash over the names and hashes of all sources, in the order of their names.
func digest(t *testing.T) string {
	t.Helper()
	var files []string
	for _, s := range sources {
		err := fs.WalkDir(os.DirFS("."), s, func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && !strings.Contains(name, ".test.") {
				files = append(files, name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(files)
	all := sha256.New()
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(all, "%s %x\n", f, sha256.Sum256([]byte(strings.ReplaceAll(string(text), "\r\n", "\n"))))
	}
	return hex.EncodeToString(all.Sum(nil))
}

// Budgets in bytes, compressed, as what is embedded is. First is what index.html asks for; page is the largest of the scripts that
// are loaded when a page needs them.
var budgets = map[string]int{"first": 160_000, "page": 35_000, "graph": 110_000, "css": 20_000, "all": 700_000}

func TestTheBuiltDashboardIsSmall(t *testing.T) {
	index, err := fs.ReadFile(Files(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int{}
	err = fs.WalkDir(Files(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		size, base := int(info.Size()), path.Base(name)
		sizes["all"] += size
		switch {
		case strings.HasSuffix(base, ".css.gz"):
			sizes["css"] += size
		case strings.HasPrefix(base, "graph-") || strings.HasPrefix(base, "layout"):
			sizes["graph"] += size
		case strings.HasSuffix(base, ".js.gz") && bytes.Contains(index, []byte(strings.TrimSuffix(base, ".gz"))):
			sizes["first"] += size
		case strings.HasSuffix(base, ".js.gz"):
			sizes["page"] = max(sizes["page"], size)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, most := range budgets {
		t.Logf("%s: %d of %d bytes", name, sizes[name], most)
		if sizes[name] > most || sizes[name] == 0 {
			t.Errorf("%s has %d bytes, the budget is %d", name, sizes[name], most)
		}
	}
}

type lock struct {
	Packages map[string]struct {
		Version, License string
		Dev, Optional    bool
		Dependencies     map[string]string
	}
}

func readLock(t *testing.T) (l lock) {
	t.Helper()
	text, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &l); err != nil {
		t.Fatal(err)
	}
	return l
}

// What is in the pages may be passed on by anybody; tools that only build and test them may be of a licence, too, that
// asks for changes of theirs.
func TestLicencesOfPackagesArePermissive(t *testing.T) {
	pages := []string{"MIT", "ISC", "Apache-2.0", "BSD-3-Clause", "BSD-2-Clause", "0BSD"}
	tools := append([]string{"MPL-2.0", "BlueOak-1.0.0", "CC0-1.0", "Python-2.0", "(MIT OR CC0-1.0)"}, pages...)
	for name, p := range readLock(t).Packages {
		allowed := pages
		if p.Dev {
			allowed = tools
		}
		if name != "" && !slices.Contains(allowed, p.License) {
			t.Errorf("%s %s has the licence %q", name, p.Version, p.License)
		}
	}
}

// mostPackages may be named for run time.
const mostPackages = 10

func TestFewPackagesAreNeededAtRunTime(t *testing.T) {
	l := readLock(t)
	if n := len(l.Packages[""].Dependencies); n > mostPackages || n == 0 {
		t.Errorf("%d packages are needed at run time, at most %d may be", n, mostPackages)
	}
	for name, version := range l.Packages[""].Dependencies {
		if strings.ContainsAny(version, "^~*<>| ") {
			t.Errorf("%s is not pinned: %s", name, version)
		}
	}
}
