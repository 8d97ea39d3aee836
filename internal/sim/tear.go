package sim

import (
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// tear is what a disk may hold after a power cut: what was synced, and by chance, block by block and name by
// name, what was not. vfs.MemFS can do this too, but draws its chances in the order of a map. Here the chances
// of a file depend on the seed and its name alone, and of a log on the number of logs after it: the numbers in their names hang on
// what the store has compacted meanwhile.
func tear(mem *vfs.MemFS, seed uint64) *vfs.MemFS {
	t := tearing{
		synced:  mem.CrashClone(vfs.CrashCloneCfg{}),
		all:     mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(0, 0))}),
		out:     vfs.NewCrashableMem(),
		seed:    seed,
		percent: int(seed % 101),
	}
	if err := t.dir("/"); err != nil {
		panic(fmt.Sprintf("sim: a file system in memory failed: %v", err))
	}
	return t.out
}

type tearing struct {
	synced, all, out *vfs.MemFS
	seed             uint64
	percent          int
}

// chances of one file, drawn in order.
type chances struct {
	rng     *rand.Rand
	percent int
}

func (t *tearing) chances(path string) chances {
	h := fnv.New64a()
	_, _ = h.Write([]byte(path))
	return chances{rand.New(rand.NewPCG(t.seed, h.Sum64())), t.percent}
}

func (c chances) survives() bool { return c.rng.IntN(100) < c.percent }

func (t *tearing) dir(path string) error {
	names := t.names(path)
	for n, name := range names {
		drawn := name
		if isLog(name) {
			drawn = fmt.Sprintf("log-%d", len(names[n:])-len(slices.DeleteFunc(slices.Clone(names[n:]), isLog)))
		}
		if err := t.entry(t.out.PathJoin(path, name), t.chances(t.out.PathJoin(path, drawn))); err != nil {
			return err
		}
	}
	d, err := t.out.OpenDir(path)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		return err
	}
	return d.Close()
}

// names of the entries that either state has, in order.
func (t *tearing) names(path string) []string {
	a, _ := t.synced.List(path)
	b, _ := t.all.List(path)
	names := append(a, b...)
	slices.Sort(names)
	return slices.Compact(names)
}

func (t *tearing) entry(path string, chances chances) error {
	kept, err := t.synced.Stat(path)
	sure := err == nil
	info, err := t.all.Stat(path)
	if err != nil {
		info = kept
	}
	if !sure && !chances.survives() {
		return nil
	}
	if info.IsDir() {
		if err := t.out.MkdirAll(path, 0o755); err != nil {
			return err
		}
		return t.dir(path)
	}
	content, err := t.content(path, sure, chances)
	if err != nil {
		return err
	}
	f, err := t.out.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

// blockBytes is what a disk writes whole or not at all.
const blockBytes = 4096

// content is that of the synced file with some of the blocks that were written since. A file whose name alone was
// not synced is whole.
func (t *tearing) content(path string, sure bool, c chances) ([]byte, error) {
	latest, err := read(t.all, path)
	if err != nil || !sure {
		return latest, err
	}
	out, err := read(t.synced, path)
	if err != nil {
		return nil, err
	}
	for at := 0; at < len(latest); at += blockBytes {
		block := latest[at:min(at+blockBytes, len(latest))]
		if !c.survives() {
			continue
		}
		if missing := at + len(block) - len(out); missing > 0 {
			out = append(out, make([]byte, missing)...)
		}
		copy(out[at:], block)
	}
	return out, nil
}

// read returns the file's content; nothing if there is no such file.
func read(fs vfs.FS, path string) ([]byte, error) {
	if _, err := fs.Stat(path); err != nil {
		return nil, nil
	}
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
