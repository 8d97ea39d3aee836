package engine

import (
	"fmt"
	"strings"

	"littlehorse/lhpb"
)

// overheadBytes is more than an object needs beside the one value that makes it large.
const overheadBytes = 16 << 10

// maxMessageBytes is how much of a message a failure keeps.
const maxMessageBytes = 8 << 10

// clipped is the text, cut where a failure's message ends.
func clipped(text string) string {
	if len(text) <= maxMessageBytes {
		return text
	}
	return strings.ToValidUTF8(text[:maxMessageBytes], "") + "…"
}

// valueLimit is how large a value may be that becomes part of a larger object.
func (t *txn) valueLimit() int {
	return t.engine.config.MaxRecordBytes - min(overheadBytes, t.engine.config.MaxRecordBytes/2)
}

func (t *txn) limitError() error {
	return fmt.Errorf("the record limit is %d bytes", t.engine.config.MaxRecordBytes)
}

// mustFit is an error for a value too large to be part of another object.
func (t *txn) mustFit(v *lhpb.VariableValue) error {
	if n := v.SizeVT(); n > t.valueLimit() {
		return fmt.Errorf("the value has %d bytes: %w", n, t.limitError())
	}
	return nil
}

// mustFitTogether is mustFit for values that become part of one object.
func (t *txn) mustFitTogether(values map[string]*lhpb.VariableValue) error {
	size := 0
	for name, v := range values {
		size += len(name) + v.SizeVT() + 16
	}
	if size > t.valueLimit() {
		return fmt.Errorf("the values have %d bytes: %w", size, t.limitError())
	}
	return nil
}
