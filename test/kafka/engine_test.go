package kafka

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// TestOldProgramEnds lets a cluster go over to an engine version that this program does not know: a server that runs ends, and so does one
// that comes late.
//
// covers: operations §5
// survives: 12 refuses
func TestOldProgramEnds(t *testing.T) {
	name := newCluster()
	s := newServer(t, t.TempDir(), name)
	s.Start(t)
	note, err := (&pb.LogNote{Note: &pb.LogNote_Engine{Engine: &pb.LogEngine{Version: machine.EngineVersion + 1}}}).MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	r := &kgo.Record{Topic: name + "-metadata-cmd", Value: note, Headers: []kgo.RecordHeader{{Key: "lh-note"}}}
	if err := newClient(t).ProduceSync(t.Context(), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
	const want = "a later engine version than this program knows"
	if code := s.Exited(); code == 0 || !strings.Contains(s.Output(), want) {
		t.Errorf("%d, %s", code, s.Output())
	}
	if code, said := newServer(t, t.TempDir(), name).TryStart(t); code == 0 || !strings.Contains(said, want) {
		t.Errorf("late: %d, %s", code, said)
	}
}
