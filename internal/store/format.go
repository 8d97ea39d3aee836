package store

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// formatVersion is stepped by one whenever the meaning of stored bytes changes.
const formatVersion = 4

// formatKey is the row that says what the store is.
var formatKey = []byte("\x00format")

// format is the value of that row, as JSON, so that any later program and any human can read it.
type format struct {
	Version    int  `json:"version"`
	Mode       Mode `json:"mode"`
	Partitions int  `json:"partitions"`
	// VirtualTime is set in a store whose times are not those of the world.
	VirtualTime bool `json:"virtualTime,omitempty"`
}

// checkFormat writes the row of a new store and compares that of an old one.
func (s *Store) checkFormat(o *Options) error {
	b, closer, err := s.db.Get(formatKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return s.writeFormat(format{Version: formatVersion, Mode: o.Mode, Partitions: o.Partitions, VirtualTime: o.VirtualTime})
	}
	if err != nil {
		return fmt.Errorf("store: read format: %w", err)
	}
	var f format
	err = errors.Join(json.Unmarshal(b, &f), closer.Close())
	if err != nil {
		return fmt.Errorf("store: %s is not a store of this program: %w", s.dir, err)
	}
	return f.accept(s.dir, o)
}

func (f format) accept(dir string, o *Options) error {
	switch {
	case f.Version > formatVersion:
		return fmt.Errorf("store: %s has format %d, this program knows formats up to %d: start a newer version of it",
			dir, f.Version, formatVersion)
	case f.Version < formatVersion:
		return fmt.Errorf("store: %s has format %d, which was in no release, and nothing leads from there to format %d: start with an empty folder",
			dir, f.Version, formatVersion)
	case f.Mode != o.Mode:
		return fmt.Errorf("store: %s was made in %s mode and the server runs in %s mode: start it in the mode of its data, or with another folder",
			dir, f.Mode, o.Mode)
	case f.VirtualTime && !o.VirtualTime:
		return fmt.Errorf("store: %s was made by a virtual clock, and its times mean nothing to a real one: start the server with a virtual clock, or with another folder", dir)
	case !f.VirtualTime && o.VirtualTime:
		return fmt.Errorf("store: %s was made in real time, and a virtual clock would bring its data out of it for good: start the server without one, or with another folder", dir)
	case f.Partitions != o.Partitions:
		return fmt.Errorf("store: %s was made with %d partitions and the server is configured with %d: the number can never change",
			dir, f.Partitions, o.Partitions)
	}
	return nil
}

func (s *Store) writeFormat(f format) error {
	b, err := json.Marshal(f)
	if err == nil {
		err = s.db.Set(formatKey, b, pebble.Sync)
	}
	if err != nil {
		return fmt.Errorf("store: write format: %w", err)
	}
	return nil
}
