package server

import (
	"testing"

	"littlehorse/internal/api"
)

// TestMemoryIsShared: one setting bounds all, and its default fits the machine.
//
// covers: operations §2
func TestMemoryIsShared(t *testing.T) {
	const gib = 1 << 30
	for available, want := range map[int64]int64{0: 0, gib: gib / 2, 2 * gib: gib, 24 * gib: gib, 128 * gib: 4 * gib} {
		if got := usualLimit(available); got != want {
			t.Errorf("of %d bytes a server takes %d, want %d", available, got, want)
		}
	}
	for _, limit := range []int64{minMemoryLimit, gib, 16 * gib} {
		c := DefaultConfig()
		c.MemoryLimitBytes = limit
		within := c.heapLimit()
		if storeOutside {
			within += c.storeMemory()
		}
		if within >= limit || c.heapLimit() < limit/4 || c.storeMemory() < limit/4 {
			t.Errorf("of %d bytes the heap gets %d, the store %d", limit, c.heapLimit(), c.storeMemory())
		}
		calls := c.replyMemory() + c.inputMemory() + c.dashboardMemory() + c.pendingMemory()
		if limit >= gib/2 && calls > c.heapLimit()*3/4 {
			t.Errorf("of a heap of %d bytes calls may take %d", c.heapLimit(), calls)
		}
		if least := int64(5 * api.MaxMessageBytes); c.inputMemory() < least || c.dashboardMemory() < least || c.replyMemory() < leastReplies {
			t.Errorf("of %d bytes the largest request gets too little", limit)
		}
	}
	c := DefaultConfig()
	c.MemoryLimitBytes = gib
	if c.replyMemory() != gib/8 || c.inputMemory() != gib*3/16 || c.dashboardMemory() != gib/16 || c.pendingMemory() != gib*3/64 {
		t.Errorf("replies get %d bytes, requests %d, the dashboard %d, records %d",
			c.replyMemory(), c.inputMemory(), c.dashboardMemory(), c.pendingMemory())
	}
	if c.ReplyBytes = 1 << 28; c.replyMemory() != 1<<28 {
		t.Errorf("replies get %d bytes, not what was set", c.replyMemory())
	}
	c.MemoryLimitBytes, c.StoreMemoryBytes = gib, 8<<20
	if c.storeMemory() != 8<<20 {
		t.Errorf("the store gets %d bytes, not what was set", c.storeMemory())
	}
	c.MemoryLimitBytes, c.StoreMemoryBytes = 0, -1
	if c.storeMemory() < leastStore {
		t.Errorf("without a limit the store gets %d bytes", c.storeMemory())
	}
}
