package server

import (
	"littlehorse/internal/catalog"
	"littlehorse/internal/cluster"
	"littlehorse/internal/engine"
	"littlehorse/internal/keys"
	"littlehorse/internal/partition"
)

// specs is the catalog as the engine wants to see it.
type specs struct{ view *catalog.View }

// At implements engine.Catalog.
func (s specs) At(version uint64, tenant string) engine.Specs { return s.view.At(version, tenant) }

// loadDefinitions fills the view with what the store holds.
func (s *Server) loadDefinitions(from *partition.Host) error {
	return s.view.Load(from.Position(cluster.MetadataStream), func(visit func(k keys.Key, value []byte) bool) error {
		return from.Scan(cluster.MetadataStream, keys.Objects(), keys.Objects().End(), visit)
	})
}
