package crash

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"littlehorse/lhpb"
	"littlehorse/test/chain"
	"littlehorse/test/lhserver"
)

// TestNothingAcknowledgedBeforeSync watches the system calls of the real binary. Each RunWf carries an id
// of its own, which stands as it is in the bytes of the request and of the reply; between the read of the
// one and the write of the other a sync must have begun and ended.
//
// holds: AnswersComeBehindTheCommit
func TestNothingAcknowledgedBeforeSync(t *testing.T) {
	calls := trace(t)
	if bad := unsynced(calls, probes); len(bad) > 0 {
		t.Errorf("answered before a sync: %s", strings.Join(bad, ", "))
	}
}

// TestAMissingSyncIsSeen shows that the check above can fail: with the syncs taken out of the same trace
// every reply is reported.
func TestAMissingSyncIsSeen(t *testing.T) {
	var without []string
	for _, line := range trace(t) {
		if !isSync(line) {
			without = append(without, line)
		}
	}
	if bad := unsynced(without, probes); len(bad) != probes {
		t.Errorf("%d of %d replies were reported", len(bad), probes)
	}
}

const probes = 50

func probeID(i int) string { return fmt.Sprintf("sync-probe-%03d", i) }

// trace runs a server under strace through a number of RunWf calls, one after the other, and returns the
// lines of its log.
func trace(t *testing.T) []string {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Fatal("strace is missing: install it (Debian: apt-get install strace)")
	}
	dir := t.TempDir()
	log := filepath.Join(dir, "strace.log")
	s := lhserver.New(t, filepath.Join(dir, "data"), "LHS_CLUSTER_PARTITIONS=1")
	s.Wrap = []string{strace, "-f", "-q", "-yy", "-s", "65536", "-e", "trace=read,write,writev,sendmsg,recvmsg,fdatasync,fsync", "-o", log}
	s.Start(t)
	conn := s.Dial(t)
	client := lhpb.NewLittleHorseClient(conn)
	chain.Register(t, client)
	for i := range probes {
		id := probeID(i)
		if _, err := client.RunWf(context.Background(), &lhpb.RunWfRequest{WfSpecName: "chain", Id: &id}); err != nil {
			t.Fatal(err)
		}
	}
	conn.Close()
	s.Kill()
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(b), "\n")
}

// unsynced names the probes whose reply was written without a sync that began after the request was read
// and ended before the reply.
func unsynced(lines []string, n int) []string {
	var bad []string
	for i := range n {
		id := probeID(i)
		asked, began, synced, answered := false, map[string]bool{}, false, false
		for _, line := range lines {
			pid, _, _ := strings.Cut(line, " ")
			switch {
			case strings.Contains(line, id) && strings.Contains(line, "read") && !asked:
				asked = true
			case asked && isSync(line) && strings.Contains(line, "unfinished"):
				began[pid] = true
			case asked && isSync(line) && strings.Contains(line, "resumed"):
				synced = synced || began[pid]
			case asked && isSync(line):
				synced = true
			case asked && strings.Contains(line, id) && strings.Contains(line, "write") && toSocket(line):
				answered = true
			}
			if answered {
				break
			}
		}
		if !asked || !answered || !synced {
			bad = append(bad, fmt.Sprintf("%s (asked %t, synced %t, answered %t)", id, asked, synced, answered))
		}
	}
	return bad
}

func isSync(line string) bool {
	return strings.Contains(line, "fdatasync") || strings.Contains(line, "fsync")
}

// toSocket tells a reply from the record in the write-ahead log: both carry the id.
func toSocket(line string) bool { return strings.Contains(line, "<TCP") }
