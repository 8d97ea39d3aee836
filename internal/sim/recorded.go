package sim

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"hash"

	"littlehorse/internal/catalog"
	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// history is what all streams of one simulation have applied, and what came of it.
type history struct {
	Seed            uint64
	Narrow, Crowded bool
	Streams         []recordedStream // the metadata first
}

type recordedStream struct {
	Kind      byte
	Partition uint16
	Records   [][]byte // as a log hands them out
	// Sums are over all that the records up to each have changed and emitted.
	Sums [][sumBytes]byte
}

// sumBytes of a sum are kept of each record.
const sumBytes = 6

// Record plays seeds and gives what was applied, to be replayed by later programs. Seeds whose streams share lanes are left out.
func Record(seeds ...uint64) ([]byte, error) {
	var all []history
	for _, seed := range seeds {
		w := newWorld(Options{Seed: seed, Steps: 1_000})
		err := w.play()
		if w.server != nil {
			w.server.close()
		}
		if err != nil || len(w.violations) > 0 {
			return nil, fmt.Errorf("seed %d: %w, %v", seed, err, w.violations)
		}
		if w.lanes < len(w.streams) {
			continue
		}
		h := history{Seed: seed, Narrow: w.narrow, Crowded: w.crowded}
		for _, s := range w.streams {
			of := recordedStream{Kind: byte(s.Kind), Partition: s.Partition}
			for _, r := range w.applied[s] {
				b, err := r.MarshalVT()
				if err != nil {
					return nil, err
				}
				of.Records = append(of.Records, b)
			}
			h.Streams = append(h.Streams, of)
		}
		if err := h.replay(func(of *recordedStream, _ int, sum [sumBytes]byte) error {
			of.Sums = append(of.Sums, sum)
			return nil
		}); err != nil {
			return nil, err
		}
		all = append(all, h)
	}
	var out bytes.Buffer
	zip, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err == nil {
		err = errors.Join(gob.NewEncoder(zip).Encode(all), zip.Close())
	}
	return out.Bytes(), err
}

// Replay applies what was recorded, with the machines of this program, and names the first record of which something else comes. It tells how many there are.
func Replay(recorded []byte) (records int, err error) {
	zip, err := gzip.NewReader(bytes.NewReader(recorded))
	if err != nil {
		return 0, err
	}
	var all []history
	if err := gob.NewDecoder(zip).Decode(&all); err != nil {
		return 0, err
	}
	for i := range all {
		if err := all[i].replay(func(of *recordedStream, n int, sum [sumBytes]byte) error {
			if records++; sum == of.Sums[n] {
				return nil
			}
			r := &pb.Record{}
			_ = r.UnmarshalVT(of.Records[n])
			return fmt.Errorf("seed %d: record %d of %c/%d, a %T, changes or emits something else than when it was recorded", all[i].Seed, n+1, of.Kind, of.Partition, r.GetCommand())
		}); err != nil {
			return records, err
		}
	}
	return records, nil
}

// replay applies the records of all streams, and tells the sum behind each.
func (h *history) replay(applied func(of *recordedStream, n int, sum [sumBytes]byte) error) error {
	w := &world{narrow: h.Narrow, crowded: h.Crowded}
	view := catalog.NewView()
	for i := range h.Streams {
		of := &h.Streams[i]
		state, sum := machine.NewMem(), sha256.New()
		var m machine.Machine
		switch machine.Kind(of.Kind) {
		case machine.Metadata:
			m = definitions()
		case machine.Core:
			m = w.core(view)
		case machine.Repartition:
			m = aggregates()
		}
		for n, b := range of.Records {
			r := &pb.Record{}
			if err := r.UnmarshalVT(b); err != nil {
				return err
			}
			e := m.Apply(state, r)
			state.Commit(e.Changes)
			if machine.Kind(of.Kind) == machine.Metadata {
				view.Committed(uint64(n)+1, e.Changes)
			}
			if err := addTo(sum, e); err != nil {
				return err
			}
			if err := applied(of, n, [sumBytes]byte(sum.Sum(nil)[:sumBytes])); err != nil {
				return err
			}
		}
	}
	return nil
}

// addTo takes what came of a record into the sum.
func addTo(sum hash.Hash, e machine.Effects) error {
	put := func(b []byte) {
		_ = binary.Write(sum, binary.BigEndian, uint32(len(b))) // a hash takes everything
		_, _ = sum.Write(b)
	}
	for _, c := range e.Changes {
		put([]byte(c.Key))
		var value []byte
		if c.Value != nil {
			var err error
			if value, err = c.Value.MarshalVT(); err != nil {
				return err
			}
			put([]byte{1})
		}
		put(value)
	}
	for _, emitted := range e.Emit {
		b, err := emitted.Record.MarshalVT()
		if err != nil {
			return err
		}
		put([]byte(emitted.To.String()))
		put(b)
	}
	return nil
}
