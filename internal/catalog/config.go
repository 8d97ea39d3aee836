package catalog

import (
	"fmt"
	"time"
)

// Config holds what the machine is told once. All replicas must have the same.
type Config struct {
	// OutputRetention is how long output records are kept at least. Default 24 hours.
	OutputRetention time.Duration
	// OutputRecords is how many output records of a tenant are kept at most. Default 1,000,000.
	OutputRecords int
}

// DefaultConfig is the Config with all defaults.
func DefaultConfig() Config { return Config{OutputRetention: 24 * time.Hour, OutputRecords: 1_000_000} }

// Validate reports the first setting out of its bounds.
func (c Config) Validate() error {
	switch {
	case c.OutputRetention < time.Minute:
		return fmt.Errorf("OutputRetention is %v: at least a minute", c.OutputRetention)
	case c.OutputRecords < 1:
		return fmt.Errorf("OutputRecords is %d: at least 1", c.OutputRecords)
	}
	return nil
}
