package sim

import (
	"context"
	"fmt"
	"slices"
	"time"

	"littlehorse/internal/catalog"
	"littlehorse/internal/engine"
	"littlehorse/internal/keys"
	"littlehorse/internal/log/embedded"
	"littlehorse/internal/machine"
	"littlehorse/internal/partition"
	"littlehorse/internal/pb"
	"littlehorse/internal/rollup"
	"littlehorse/internal/store"
)

// metadata is the stream of definitions.
var metadata = machine.Stream{Kind: machine.Metadata}

// clock is the time of the simulation.
type clock struct{ ns int64 }

// Now implements partition.Clock.
func (c *clock) Now() time.Time { return time.Unix(0, c.ns) }

// Alarm implements partition.Clock; lanes in manual mode do not ask.
func (c *clock) Alarm(time.Time) (<-chan time.Time, func()) {
	panic("sim: a lane asks for an alarm although it is driven by hand")
}

// server is one incarnation: from the opening of the store to the power cut.
type server struct {
	world       *world
	incarnation string
	store       *store.Store
	log         *embedded.Log
	host        *partition.Host
	view        *catalog.View
	lanes       []*driven
	waiting     map[keys.Key]machine.Stream // attempts that can be claimed, as the commits tell
	dead        bool
}

// driven is a lane and how far its commit has got.
type driven struct {
	*partition.Lane
	sealed, synced bool
}

// start opens what the disk holds.
func (w *world) start() (*server, error) {
	w.starts++
	s := &server{world: w, incarnation: fmt.Sprintf("incarnation-%d", w.starts), waiting: map[keys.Key]machine.Stream{}}
	if err := s.open(); err != nil {
		s.close()
		return nil, err
	}
	if !w.disk.isCut() {
		w.forgetUncommitted(s)
	}
	return s, nil
}

func (s *server) open() (err error) {
	o := store.DefaultOptions()
	o.Dir, o.FS, o.Partitions = "/data", s.world.disk.fs(s.world.options.Fault == ReplyBeforeSync), partitions
	o.MemoryBytes = 2 << 20
	if s.store, err = store.Open(context.Background(), o); err != nil {
		return err
	}
	l := embedded.DefaultConfig()
	l.Store, l.Streams, l.Now = s.store, s.world.streams, s.world.clock.Now
	if s.log, err = embedded.Open(l); err != nil {
		return err
	}
	s.view = catalog.NewView()
	c := partition.DefaultConfig()
	c.Streams, c.Store, c.Log, c.Clock = s.world.streams, s.store, s.log, &s.world.clock
	c.Machines = s.machines()
	c.CatalogVersion = s.view.Version
	c.Listener, c.Incarnation, c.Lanes = s, s.incarnation, s.world.lanes
	c.BatchRecords = 1 + s.world.rng.IntN(8)
	c.TimerPage, c.TimerQueue, c.TimerWindow = 4, 2, 64
	c.FatalPanics, c.Manual = true, true
	if s.host, err = partition.Open(context.Background(), c); err != nil {
		return err
	}
	for _, l := range s.host.Lanes() {
		s.lanes = append(s.lanes, &driven{Lane: l})
	}
	return s.load()
}

// machines are the real ones, recorded, with the planted fault if there is one.
func (s *server) machines() map[machine.Kind]machine.Machine {
	return map[machine.Kind]machine.Machine{
		machine.Core:     &recorder{world: s.world, next: s.world.core(s.view)},
		machine.Metadata: &recorder{world: s.world, next: definitions()},

		machine.Repartition: &recorder{world: s.world, next: aggregates()},
	}
}

func (w *world) core(view *catalog.View) machine.Machine {
	c := engine.DefaultConfig()
	c.ApartBytes = 4 // nearly all values of the workload lie apart
	c.Partitions = partitions
	c.CorrelateChunk = 1
	c.MaxBulkDeletes = 1
	if w.narrow {
		c.FanOutChunk, c.InlineThreads = 1, 2
		c.MaxSteps, c.DeleteChunk = 12, 3
	}
	if w.crowded {
		c.MaxThreadRuns = 6
	}
	c.OutputRetention, c.OutputRecords = outputRetention, outputRecords
	e := losing{engine.New(specs{view}, c)}
	if w.options.Fault == NoFault || w.options.Fault == ReplyBeforeSync {
		return e
	}
	return &faulty{Machine: e, fault: w.options.Fault}
}

// definitions keep what they publish so short that it is gone in the end.
func definitions() machine.Machine {
	c := catalog.DefaultConfig()
	c.OutputRetention, c.OutputRecords = outputRetention, outputRecords
	return catalog.NewMachine(c)
}

// aggregates keep their windows so short that they are gone in the end.
func aggregates() machine.Machine { return rollup.New(rollup.Config{Retention: 10 * time.Minute}) }

// specs is the catalog as the engine wants to see it.
type specs struct{ view *catalog.View }

// At implements engine.Catalog.
func (s specs) At(version uint64, tenant string) engine.Specs { return s.view.At(version, tenant) }

// load reads what a server keeps in memory.
func (s *server) load() error {
	if err := s.view.Load(s.host.Position(metadata), func(visit func(k keys.Key, value []byte) bool) error {
		return s.host.Scan(metadata, "", "", visit)
	}); err != nil {
		return err
	}
	for _, stream := range s.world.streams {
		if stream.Kind != machine.Core {
			continue
		}
		err := s.host.Scan(stream, keys.Queues(), keys.Queues().End(), func(k keys.Key, _ []byte) bool {
			s.waiting[k] = stream
			return true
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// close lets go of the incarnation; who still waits learns nothing.
func (s *server) close() {
	s.dead = true
	if s.host != nil {
		_ = s.host.Close()
	}
	if s.log != nil {
		_ = s.log.Close()
	}
	if s.store != nil {
		_ = s.store.Close()
	}
}

// Committed implements partition.Listener.
func (s *server) Committed(stream machine.Stream, changes []machine.Change) {
	if stream == metadata {
		s.view.Committed(s.host.Position(metadata), changes)
		return
	}
	for _, c := range changes {
		switch {
		case c.Key.Space() == keys.SpaceQueue && c.Value != nil:
			s.waiting[c.Key] = stream
		case c.Key.Space() == keys.SpaceQueue:
			delete(s.waiting, c.Key)
		}
	}
}

// advance takes one step of a lane, as far as it can go.
func (s *server) advance(l *driven) error {
	s.world.at = l
	steps := []func() (bool, error){
		func() (bool, error) { n, err := l.Fire(); return n > 0, err },
		func() (bool, error) { n, err := l.Apply(); return n > 0, err },
		func() (bool, error) { return l.seal(), nil },
		func() (bool, error) { return s.sync(l) },
		func() (bool, error) { return l.publish(), nil },
	}
	first := s.world.rng.IntN(len(steps))
	for i := range steps {
		did, err := steps[(first+i)%len(steps)]()
		if err != nil || did {
			return err
		}
	}
	return nil
}

func (l *driven) seal() bool {
	if l.sealed || !l.Seal() {
		return false
	}
	l.sealed = true
	return true
}

func (s *server) sync(l *driven) (bool, error) {
	if !l.sealed || l.synced {
		return false, nil
	}
	if err := l.Sync(); err != nil {
		return false, err
	}
	l.synced = true
	return true, s.flush()
}

// memtableBytes of a log have their memtable flushed. The store would do this too, a little later, but when it does hangs on chances
// of its own.
const memtableBytes = 100 << 10

func (s *server) flush() error {
	if s.world.disk.logged() < memtableBytes {
		return nil
	}
	return s.store.Flush()
}

func (l *driven) publish() bool {
	if !l.synced {
		return false
	}
	l.sealed, l.synced = false, false
	l.Publish()
	return true
}

// settle takes steps until nothing waits.
func (s *server) settle() error {
	for busy := true; busy; {
		busy = false
		for _, l := range s.lanes {
			for {
				s.world.at = l
				if _, err := s.sync(l); err != nil {
					return err
				}
				l.publish()
				worked, err := l.Step()
				if err != nil {
					return err
				}
				if err := s.flush(); err != nil {
					return err
				}
				if !worked {
					break
				}
				busy = true
			}
		}
	}
	return nil
}

// recorder keeps the records that a machine is given, so that they can be replayed.
type recorder struct {
	world *world
	next  machine.Machine
}

// Apply implements machine.Machine.
func (r *recorder) Apply(v machine.View, rec *pb.Record) machine.Effects {
	kept := clone(rec)
	e := r.next.Apply(v, rec)
	r.world.record(kept)
	r.world.see(kept, e.Changes)
	r.world.arrows(v, e.Changes)
	return e
}

// Foresee implements machine.Foreseer.
func (r *recorder) Foresee(v machine.View, rec *pb.Record) { foresee(r.next, v, rec) }

// sortedWaiting is in a fixed order, so that the seed decides.
func (s *server) sortedWaiting() []keys.Key {
	out := make([]keys.Key, 0, len(s.waiting))
	for k := range s.waiting {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
