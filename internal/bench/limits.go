package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// limit is what a figure may be.
type limit struct {
	name      string
	value     float64
	tolerance float64 // percent
}

func (l limit) worse(measured float64) bool  { return measured > l.value*(1+l.tolerance/100) }
func (l limit) better(measured float64) bool { return measured < l.value*(1-l.tolerance/100) }

type limits []limit

const limitsHead = `# What a TaskRun may cost: figure, limit, tolerance. Compared by "make guard", written by "make guard UPDATE=1"
# (docs/bench.md, "The guard"). alone: one WfRun in flight; busy: 64. cpu is in units of the calibration loop.
`

// readLimits reads lines of name, value and tolerance.
func readLimits(file string) (limits, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all limits
	for number, line := range strings.Split(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) != 3 {
			return nil, fmt.Errorf("%s:%d: not a name, a value and a tolerance", file, number+1)
		}
		value, errValue := strconv.ParseFloat(fields[1], 64)
		tolerance, errTolerance := strconv.ParseFloat(strings.TrimSuffix(fields[2], "%"), 64)
		if errValue != nil || errTolerance != nil || value <= 0 || tolerance <= 0 {
			return nil, fmt.Errorf("%s:%d: value and tolerance must be positive numbers", file, number+1)
		}
		all = append(all, limit{fields[0], value, tolerance})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no limits", file)
	}
	return all, nil
}

// exceeded tells whether a figure is worse than its limit. What has no limit is not.
func (l limits) exceeded(name string, measured float64) bool {
	for _, one := range l {
		if one.name == name {
			return one.worse(measured)
		}
	}
	return false
}

// take makes what was measured the limits, with the tolerances that were.
func (l limits) take(measured figures) limits {
	taken := make(limits, len(l))
	for i, one := range l {
		taken[i] = one
		if value, ok := measured[one.name]; ok {
			taken[i].value = significant(value)
		}
	}
	return taken
}

func (l limits) write(file string) error {
	var b strings.Builder
	b.WriteString(limitsHead)
	for _, one := range l {
		fmt.Fprintf(&b, "%-20s %10s %6s\n", one.name, strconv.FormatFloat(one.value, 'f', -1, 64), strconv.FormatFloat(one.tolerance, 'f', -1, 64)+"%")
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}
