package store

// Store is the one open store of a server.
type Store struct{}

// Batch is a set of changes that become durable together.
type Batch struct{}
