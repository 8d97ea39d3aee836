package catalog

import (
	"bytes"

	"littlehorse/internal/machine"
)

// same is equality by content: equal messages have equal bytes.
func same[P machine.Value](a, b P) bool { return bytes.Equal(encode(a), encode(b)) }

func encode(v machine.Value) []byte {
	b, err := v.MarshalVT()
	if err != nil {
		panic(err)
	}
	return b
}
