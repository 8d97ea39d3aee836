// Package store keeps the state of all partitions of one server in one Pebble: one keyspace, the partition
// first, so that a partition is a range. It knows bytes and keys, not what they mean.
package store
