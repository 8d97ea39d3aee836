package server

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// gcPercent trades memory that is there for time spent collecting.
const gcPercent = 400

// The shares of a process's memory. What is in neither the store nor the heap is code, stacks of threads and what
// allocators keep.
const (
	storeShare = 3.0 / 8
	otherShare = 1.0 / 16
	// Of the heap: replies that wait, requests that are not decoded with the calls that run, and the same of the dashboard's
	// port. The rest is for what the server knows and does.
	replyShare     = 1.0 / 8
	inputShare     = 3.0 / 16
	dashboardShare = 1.0 / 16
	// pendingShare is for records that wait for their commit.
	pendingShare = 3.0 / 64
	// usualMemory is what a server takes at most unless it is told otherwise or the machine is large.
	usualMemory = 1 << 30
	// largeMachine is how often usualMemory a machine must have for the server to take more: that part of it.
	largeMachine = 32
	// leastStore is what a store needs to be one.
	leastStore = 2 << 20
	// The largest request and the largest reply must have room, also of a connection that gets a part of it.
	leastReplies   = 16 << 20
	leastInputs    = 32 << 20
	leastDashboard = 32 << 20
	leastPending   = 16 << 20
)

// MemoryBytes is what the process should stay below; 0 if that is left to the Go runtime and its own variables.
func (c *Config) MemoryBytes() int64 {
	if c.MemoryLimitBytes >= 0 {
		return c.MemoryLimitBytes
	}
	return usualLimit(availableMemory())
}

// usualLimit is for a machine or container with so much memory.
func usualLimit(available int64) int64 {
	return min(available/2, max(usualMemory, available/largeMachine))
}

// storeMemory is the budget of the store: what was set, or its share.
func (c *Config) storeMemory() int64 {
	if c.StoreMemoryBytes >= 0 {
		return c.StoreMemoryBytes
	}
	return c.share(storeShare, leastStore)
}

// replyMemory is the budget of replies that wait: what was set, or its share.
func (c *Config) replyMemory() int64 {
	if c.ReplyBytes >= 0 {
		return c.ReplyBytes
	}
	return c.share(replyShare, leastReplies)
}

// inputMemory is the budget of requests that are not decoded, on all listeners, and of the calls that run.
func (c *Config) inputMemory() int64 { return c.share(inputShare, leastInputs) }

// pendingMemory is the budget of records that are submitted and not answered.
func (c *Config) pendingMemory() int64 { return c.share(pendingShare, leastPending) }

// dashboardMemory is the budget of requests and replies on the port of the dashboard.
func (c *Config) dashboardMemory() int64 { return c.share(dashboardShare, leastDashboard) }

// share is a part of the process's memory, or the least that will do.
func (c *Config) share(part float64, least int64) int64 {
	limit := c.MemoryBytes()
	if limit == 0 {
		limit = usualMemory
	}
	return max(int64(float64(limit)*part), least)
}

// heapLimit is what of the process's memory is for the Go runtime. Built with C, the store keeps its own outside.
func (c *Config) heapLimit() int64 {
	limit := c.MemoryBytes()
	heap := limit - int64(float64(limit)*otherShare)
	if storeOutside {
		heap -= c.storeMemory()
	}
	return max(heap, limit/4)
}

// TuneMemory sets the process's garbage collection by Config.MemoryLimitBytes and gives the limit in bytes;
// 0 if it was left alone.
func TuneMemory(c Config) int64 {
	if c.MemoryBytes() == 0 || os.Getenv("GOMEMLIMIT") != "" {
		return 0
	}
	debug.SetMemoryLimit(c.heapLimit())
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	return c.MemoryBytes()
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
