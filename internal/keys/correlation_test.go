package keys

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"littlehorse/internal/lh"
	"littlehorse/lhpb"
)

func TestRowsOfACorrelationKeyReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tenant, def, key := anyText().Draw(t, "tenant"), anyText().Draw(t, "def"), anyText().Draw(t, "key")
		c := In(tenant).Correlation(def, key)
		n := &lhpb.NodeRunId{
			WfRunId:         lh.ParseWfRunID(rapid.SampledFrom([]string{"w", "w_c", "a-1_b_c"}).Draw(t, "run")),
			ThreadRunNumber: rapid.Int32().Draw(t, "thread"), Position: rapid.Int32().Draw(t, "position"),
		}
		for k, want := range map[Key]CorrelationKey{
			c.Event():     {tenant, KindCorrelatedEvent, def, key, nil},
			c.Delivery(n): {tenant, KindCorrelatedEvent, def, key, n},
			c.Waiting(n):  {tenant, KindWaiting, def, key, n},
		} {
			got, err := ParseCorrelation(k)
			if err != nil || got.Tenant != want.Tenant || got.Kind != want.Kind || got.Def != def || got.Key != key ||
				!proto.Equal(got.NodeRun, want.NodeRun) {
				t.Fatalf("%q reads back as %+v, %v", k, got, err)
			}
		}
		if !c.Delivery(n).HasPrefix(c.Event()) || !c.Waiting(n).HasPrefix(c.AllWaiting()) {
			t.Fatal("a row lies outside its key")
		}
		other := In(tenant).Correlation(def, key+"x")
		if other.Event().HasPrefix(c.Event()) || other.Waiting(n).HasPrefix(c.AllWaiting()) {
			t.Fatal("a row lies in another key")
		}
	})
}

// What is on disk can be read for ever.
func TestObjectKeysNeverChange(t *testing.T) {
	n := &lhpb.NodeRunId{WfRunId: lh.ParseWfRunID("p_c"), ThreadRunNumber: 2, Position: 1}
	c := In("acme").Correlation("doc", "d-7")
	for k, want := range map[Key]string{
		In("acme").TaskWorkerGroup("t"): "gacme\x00\x01\x01t\x00\x01",
		In("acme").Schedule("nightly"):  "gacme\x00\x01\x02nightly\x00\x01",
		In("acme").BulkShare("b1"):      "gacme\x00\x01\x05b1\x00\x01",
		In("acme").BulkJob("b1"):        "gacme\x00\x01\x22b1\x00\x01",
		In("acme").BulkAct("b1"):        "gacme\x00\x01\x24b1\x00\x01",
		c.Event():                       "gacme\x00\x01\x03doc\x00\x01d-7\x00\x01",
		c.Delivery(n):                   "gacme\x00\x01\x03doc\x00\x01d-7\x00\x01p_c\x00\x01\x80\x00\x00\x02\x80\x00\x00\x01",
		c.Waiting(n):                    "gacme\x00\x01\x04doc\x00\x01d-7\x00\x01p_c\x00\x01\x80\x00\x00\x02\x80\x00\x00\x01",
		Timer{DueNs: 1, Tenant: "acme", Kind: TimerSchedule, ID: "nightly"}.Key():   "x\x80\x00\x00\x00\x00\x00\x00\x01acme\x00\x01\x09nightly\x00\x01",
		Timer{DueNs: 1, Tenant: "acme", Kind: TimerCorrelated, ID: "doc/d-7"}.Key(): "x\x80\x00\x00\x00\x00\x00\x00\x01acme\x00\x01\x0adoc/d-7\x00\x01",
		In("acme").Tag(TagSchedule).Text("report").Prefix():                         "tacme\x00\x01\x0areport\x00\x01",
		In("acme").Tag(TagCorrelatedEvent).Text("doc").Int(1).Prefix():              "tacme\x00\x01\x0bdoc\x00\x01\x80\x00\x00\x01",
		In("acme").Tag(TagMigration).Text("plan").Prefix():                          "tacme\x00\x01\x0cplan\x00\x01",
		In("acme").Tag(TagMigrated).Text("flow").Prefix():                           "tacme\x00\x01\x0eflow\x00\x01",
		In("acme").Tag(TagDeleting).Text("flow").Prefix():                           "tacme\x00\x01\x0fflow\x00\x01",
	} {
		if string(k) != want {
			t.Errorf("%q was %q", k, want)
		}
	}
}
