package engine

import "testing"

// TestMet finds every object that was added, while there are few and when there are many.
func TestMet(t *testing.T) {
	var m met[int, *int]
	for n := range 3 * few {
		if m.get(n) != nil {
			t.Fatalf("%d is there before it was added", n)
		}
		m.add(n, &n)
		if many := n >= few; many != (m.byKey != nil) {
			t.Fatalf("with %d objects there is a map: %v", n+1, m.byKey != nil)
		}
		for k := range n + 1 {
			if got := m.get(k); got == nil || *got != k {
				t.Fatalf("%d of %d: %v", k, n+1, got)
			}
		}
	}
	if len(m.all) != 3*few || *m.all[few] != few {
		t.Errorf("%d objects", len(m.all))
	}
}
