package keys

import "testing"

func TestLaneKeysReadBack(t *testing.T) {
	if name, err := ParseSource(Source("out:c/3")); name != "out:c/3" || err != nil {
		t.Errorf("source %q, %v", name, err)
	}
	if target, n, err := ParseOutbox(Outbox("c/3", 7)); target != "c/3" || n != 7 || err != nil {
		t.Errorf("outbox %q %d, %v", target, n, err)
	}
	if target, err := ParseEmitted(Emitted("c/3")); target != "c/3" || err != nil {
		t.Errorf("emitted for %q, %v", target, err)
	}
	if Outbox("c/3", 9) >= Outbox("c/3", 10) || !Outbox("c/3", 1).HasPrefix(Outboxes()) || !Source("a").HasPrefix(Sources()) ||
		!Emitted("c/3").HasPrefix(AllEmitted()) || Changed(9) >= Changed(10) || !Changed(9).HasPrefix(AllChanged()) {
		t.Error("rows do not lie in order under their prefix")
	}
	for _, k := range []Key{"", "@", Position(), Clock(), Outboxes(), Sources(), AllEmitted(), Version(), "x"} {
		if _, err := ParseSource(k); err == nil {
			t.Errorf("%q reads as a source", k)
		}
		if _, err := ParseEmitted(k); err == nil {
			t.Errorf("%q reads as the last number emitted", k)
		}
		if _, _, err := ParseOutbox(k); err == nil {
			t.Errorf("%q reads as an outbox row", k)
		}
	}
}
