package lhpb

import (
	"cmp"
	"slices"
)

// descendingKeys orders a map field for the generated encoders, which write from the end of their buffer.
func descendingKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b K) int { return cmp.Compare(b, a) })
	return keys
}
