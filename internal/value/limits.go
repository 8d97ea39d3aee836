package value

const (
	// MaxDepth is how deep values, types, JSON and VariableAssignments may nest.
	MaxDepth = 100
	// MaxBytes is how large a value may become: what fits a record of the log.
	MaxBytes = 1_047_000
)
