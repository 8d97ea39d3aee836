package partition

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// prober is a machine that changes keys at random and compares what its view shows with a model.
type prober struct {
	t     *testing.T
	rng   *rand.Rand
	model *machine.Mem
	steps int
}

func probeKey(n int) keys.Key {
	space := "rgtqx"[n%5]
	return keys.Key(fmt.Sprintf("%c%02d", space, n))
}

const probeKeys = 40

func (m *prober) Apply(v machine.View, _ *pb.Record) machine.Effects {
	m.steps++
	m.compareGets(v)
	m.compareScan(v)
	changes := map[int]machine.Change{}
	for range m.rng.IntN(4) {
		n := m.rng.IntN(probeKeys)
		changes[n] = machine.Change{Key: probeKey(n)}
		if m.rng.IntN(3) > 0 {
			changes[n] = machine.Change{Key: probeKey(n), Value: counter(m.steps)}
		}
	}
	var e machine.Effects
	for n := range probeKeys {
		if c, ok := changes[n]; ok {
			e.Changes = append(e.Changes, c)
		}
	}
	machine.SortChanges(e.Changes)
	m.model.Commit(e.Changes)
	return e
}

// Foresee implements machine.Foreseer.
func (m *prober) Foresee(v machine.View, _ *pb.Record) {
	for range 10 {
		read(v, probeKey(m.rng.IntN(probeKeys)))
	}
}

func (m *prober) compareGets(v machine.View) {
	for range 5 {
		k := probeKey(m.rng.IntN(probeKeys))
		if got, want := read(v, k), read(m.model, k); got != want {
			m.t.Fatalf("step %d: %q is %d, want %d", m.steps, k, got, want)
		}
	}
}

func (m *prober) compareScan(v machine.View) {
	from, to := probeKey(m.rng.IntN(probeKeys)), probeKey(m.rng.IntN(probeKeys))
	if to < from {
		from, to = to, from
	}
	limit := 1 + m.rng.IntN(probeKeys)
	scan := func(v machine.View) (out []string) {
		for k, c := range machine.Scan[pb.Counter](v, from, to, limit) {
			out = append(out, fmt.Sprint(k, "=", c.Value))
		}
		return out
	}
	if got, want := scan(v), scan(m.model); fmt.Sprint(got) != fmt.Sprint(want) {
		m.t.Fatalf("step %d: [%q, %q) at most %d: %q, want %q", m.steps, from, to, limit, got, want)
	}
}

// TestViewIsTheStateBeforeTheRecord drives a lane by single steps in random order, so that batches are filled
// while others are synced, with a cache too small for the state. Some of the state is read ahead at any time, and the cache
// is given it much later. Each record must see exactly what those before it left.
func TestViewIsTheStateBeforeTheRecord(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 0))
		m := &prober{t: t, rng: rng, model: machine.NewMem()}
		r := newRig(t, func(c *Config) {
			c.Manual, c.Lanes, c.FatalPanics = true, 1, true
			c.CacheBytes = int64(1 + rng.IntN(3)*12*objectBytes)
			c.Machines = map[machine.Kind]machine.Machine{machine.Core: m}
		})
		r.streams = []machine.Stream{core(0)}
		r.open()
		l := r.host.Lanes()[0]
		synced := true
		var early []*foresight
		for range 500 {
			var err error
			switch rng.IntN(7) {
			case 0, 1:
				r.host.Submit(core(0), fresh("probe"), nil)
			case 2:
				_, err = l.Apply()
			case 3:
				synced = !l.Seal() && synced
			case 4:
				if l.flying == nil {
					break
				}
				if synced {
					l.Publish()
					break
				}
				err, synced = l.Sync(), true
			case 5:
				g := l.gazeAt(l.order[0])
				early = append(early, g.foresee(fresh("probe")))
				err = g.err
				g.close()
			case 6:
				if n := len(early); n > 0 {
					l.cache.recall(l.order[0], early[rng.IntN(n)])
				}
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if m.steps < 50 {
			t.Errorf("only %d records were applied", m.steps)
		}
		r.stop()
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(64 * 1024)
	p, other := &part{}, &part{stream: core(1)}
	put := func(k keys.Key, n, size int) {
		o, _ := c.change(p, k)
		c.set(o, counter(n), size)
		c.age()
	}
	put("r-first", 1, 100)
	for n := range 10_000 {
		put(keys.Key(fmt.Sprintf("r%d", n)), n, 100)
		c.find(p, "r7")
	}
	for _, g := range []*table{&c.young, &c.old} {
		var sum int64
		for i := range g.objects {
			sum += g.objects[i].cost()
		}
		if sum != g.bytes {
			t.Errorf("objects are %d bytes, counted are %d", sum, g.bytes)
		}
		if sum > c.limit+300 {
			t.Errorf("%d of %d bytes", sum, c.limit)
		}
	}
	if o := c.find(p, "r9999"); o == nil || o.value.(*pb.Counter).Value != 9999 {
		t.Error("the newest object is gone")
	}
	if c.find(other, "r9999") != nil {
		t.Error("an object is found in another partition")
	}
	if c.find(p, "r7") == nil {
		t.Error("the object that was used again and again is gone")
	}
	if c.find(p, "r-first") != nil {
		t.Error("the oldest object is still there")
	}
	c.learn(p, "r-large", counter(1), largeShare*int(c.limit))
	if c.find(p, "r-large") != nil {
		t.Error("the cache has learnt what it has no room for")
	}
}

// TestLargeValuesOfWorkAreCached: a hundred runs with values of 100 KB find them again at each step, in a lane of two.
func TestLargeValuesOfWorkAreCached(t *testing.T) {
	p := &part{}
	c := newCache(32 << 20 / 2)
	for step := range 10 {
		for n := range 100 {
			for _, kind := range []string{"variable", "task"} {
				k := keys.Key(fmt.Sprint(kind, n))
				if step > 0 && c.find(p, k) == nil {
					t.Fatalf("step %d of %d does not find its %s", step, n, kind)
				}
				o, _ := c.change(p, k)
				c.set(o, counter(step), 100_000)
			}
			c.age()
		}
	}
}

// TestLargestValueIsCached: half of the default cache, as one of two lanes has it, holds the largest value.
func TestLargestValueIsCached(t *testing.T) {
	p := &part{}
	c := newCache(32 << 20 / 2)
	c.learn(p, "v", counter(1), 4<<20)
	if c.find(p, "v") == nil {
		t.Error("a value of 4 MiB is read anew by every command")
	}
}

// TestAViewReadsBackwards reads a partition in both directions at one moment, while it goes on.
func TestAViewReadsBackwards(t *testing.T) {
	r := newRig(t, nil).start()
	defer r.stop()
	for n := range 9 {
		r.must(core(0), fmt.Sprintf("set k%d %d", n, n+1))
	}
	r.must(core(0), "del k8")
	r.must(core(0), "del k4")
	r.must(core(1), "set k9 1")
	err := r.host.View(core(0), func(v View) error {
		r.must(core(0), "del k7")
		r.must(core(0), "set k8 1")
		for range 2 {
			for _, c := range []struct {
				from, to keys.Key
				most     int
				want     string
			}{
				{rowKey("k"), rowKey("k").End(), 9, "7653210"},
				{rowKey("k"), rowKey("k").End(), 3, "765"},
				{rowKey("k3"), rowKey("k6"), 9, "53"},
				{rowKey("k4"), rowKey("k5"), 9, ""},
				{rowKey("k9"), rowKey("k").End(), 9, ""},
			} {
				got := ""
				err := v.ScanBack(c.from, c.to, func(k keys.Key, _ []byte) bool {
					got += string(k[len(k)-1:])
					return len(got) < c.most
				})
				if err != nil || got != c.want {
					t.Errorf("[%q, %q) at most %d: %q instead of %q: %v", c.from, c.to, c.most, got, c.want, err)
				}
			}
			first := ""
			if err := v.Scan(rowKey("k1"), rowKey("k").End(), func(k keys.Key, _ []byte) bool {
				first += string(k[len(k)-1:])
				return len(first) < 4
			}); err != nil || first != "1235" {
				t.Errorf("forwards %q, %v", first, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
