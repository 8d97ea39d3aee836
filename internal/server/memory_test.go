package server

import "testing"

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
	}
	c := DefaultConfig()
	c.MemoryLimitBytes, c.StoreMemoryBytes = gib, 8<<20
	if c.storeMemory() != 8<<20 {
		t.Errorf("the store gets %d bytes, not what was set", c.storeMemory())
	}
	c.MemoryLimitBytes, c.StoreMemoryBytes = 0, -1
	if c.storeMemory() < leastStore {
		t.Errorf("without a limit the store gets %d bytes", c.storeMemory())
	}
}
