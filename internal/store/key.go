package store

import (
	"encoding/binary"

	"littlehorse/internal/keys"
	"littlehorse/internal/machine"
)

// A key on disk is the kind of the stream, its partition as a big-endian uint16, and the key within it. Keys
// that begin with a zero byte are the store's own; no stream has that kind.
const prefixBytes = 3

// keyBuffer holds most keys without an allocation.
const keyBuffer = 192

func appendPrefix(b []byte, s machine.Stream) []byte {
	return binary.BigEndian.AppendUint16(append(b, byte(s.Kind)), s.Partition)
}

func appendKey(b []byte, s machine.Stream, k keys.Key) []byte {
	return append(appendPrefix(b, s), k...)
}

// streamOf is the stream of a key on disk.
func streamOf(k []byte) machine.Stream {
	return machine.Stream{Kind: machine.Kind(k[0]), Partition: binary.BigEndian.Uint16(k[1:])}
}

// appendEnd is the first key behind the partition.
func appendEnd(b []byte, s machine.Stream) []byte {
	if s.Partition == 0xffff {
		return append(b, byte(s.Kind)+1)
	}
	return appendPrefix(b, machine.Stream{Kind: s.Kind, Partition: s.Partition + 1})
}
