package server

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// gcPercent trades memory that is there for time spent collecting.
const gcPercent = 400

// TuneMemory sets the process's garbage collection by Config.MemoryLimitBytes and gives the limit in bytes;
// 0 if it was left alone.
func TuneMemory(limit int64) int64 {
	if limit < 0 {
		limit = availableMemory() / 2
	}
	if limit <= 0 || os.Getenv("GOMEMLIMIT") != "" {
		return 0
	}
	debug.SetMemoryLimit(limit)
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	return limit
}

// availableMemory is what the container allows or the machine has, in bytes; 0 if nobody says.
func availableMemory() int64 {
	machine := int64(0)
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		machine = memTotal(string(text))
	}
	text, err := os.ReadFile("/sys/fs/cgroup/memory.max")
	if err != nil {
		return machine
	}
	allowed, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || (machine > 0 && allowed > machine) {
		return machine
	}
	return allowed
}

func memTotal(meminfo string) int64 {
	for line := range strings.Lines(meminfo) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "MemTotal:" {
			kb, _ := strconv.ParseInt(f[1], 10, 64)
			return kb << 10
		}
	}
	return 0
}
