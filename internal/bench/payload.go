package bench

import (
	"math/rand/v2"
	"strings"

	"littlehorse/lhpb"
)

// payload makes the values of inputs and outputs.
type payload struct {
	same *lhpb.VariableValue
	text string // of which others are parts
	size int
}

// textBytes is how much text there is to choose from.
const textBytes = 1 << 20

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// newPayload makes values of a size: always the same letter, or each another text that hardly compresses.
func newPayload(size int, random bool) *payload {
	if !random {
		return &payload{same: str(strings.Repeat("x", size))}
	}
	r := rand.New(rand.NewPCG(1, 1))
	var b strings.Builder
	b.Grow(textBytes + size)
	for range textBytes + size {
		b.WriteByte(letters[r.IntN(len(letters))])
	}
	return &payload{text: b.String(), size: size}
}

func (p *payload) next() *lhpb.VariableValue {
	if p.same != nil {
		return p.same
	}
	at := rand.IntN(textBytes)
	return str(p.text[at : at+p.size])
}

func str(s string) *lhpb.VariableValue {
	return &lhpb.VariableValue{Value: &lhpb.VariableValue_Str{Str: s}}
}
