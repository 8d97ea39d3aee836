package value

import "fmt"

const (
	// MaxDepth is how deep values, types and VariableAssignments may nest.
	MaxDepth = 100
	// MaxJSONDepth is how deep JSON may nest. What is deeper counts as malformed.
	MaxJSONDepth = 255
	// MaxBytes is how large a value may become on the way: what fits the largest record that can be set. Whoever
	// keeps it holds it to the limit that is set.
	MaxBytes = 4 << 20
	// MaxWork bounds what one VariableAssignment may cost. The unit is about a byte looked at.
	MaxWork = 1 << 26
	// maxQuoted is how much of a text a message repeats, in bytes.
	maxQuoted = 200
)

func tooLarge() error {
	return fmt.Errorf("the result exceeds the limit of %d bytes for one value", MaxBytes)
}

func tooDeep() error {
	return fmt.Errorf("nested deeper than the limit of %d levels", MaxDepth)
}

// clip shortens what a message repeats of the user's text.
func clip(s string) string {
	if len(s) <= maxQuoted {
		return s
	}
	cut := maxQuoted
	for cut > 0 && s[cut]&0xC0 == 0x80 {
		cut--
	}
	return s[:cut] + "…"
}

// work is what may still be spent on one evaluation.
type work struct{ left int }

func newWork() *work { return &work{left: MaxWork} }

func (w *work) spend(n int) error {
	w.left -= n
	if w.left < 0 {
		return fmt.Errorf("evaluation exceeds the limit of %d units of work", MaxWork)
	}
	return nil
}
