package server

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var write = flag.Bool("write", false, "write generated documents instead of comparing them")

func TestDefaultsAreTheDocumentedOnes(t *testing.T) {
	c := DefaultConfig()
	if c.ClusterID != "cluster1" || c.Partitions != 12 || c.StateDir != "./lh-data" || c.InstanceID != -1 || c.InternalPort != 2011 || c.MaxRecordBytes != 1_047_000 {
		t.Errorf("%+v", c)
	}
	if want := (Listener{Name: "PLAIN", Port: 2023, AdvertisedHost: "localhost"}); len(c.Listeners) != 1 || c.Listeners[0] != want {
		t.Errorf("%+v", c.Listeners)
	}
	if want := (HealthConfig{1822, "/liveness", "/readiness", "/status", "/metrics", "/diskUsage", "/standby-status"}); c.Health != want {
		t.Errorf("%+v", c.Health)
	}
}

func TestSettingsAct(t *testing.T) {
	c, notes, err := configFrom(map[string]string{
		"LHS_CLUSTER_ID": "bank", "LHS_INSTANCE_ID": "0", "LHS_CLUSTER_PARTITIONS": "4", "LHS_STATE_DIR": "/data",
		"LHS_LISTENERS": "A:1000, B:1001", "LHS_ADVERTISED_LISTENERS": "B://lh.example.com:443",
		"HEALTH_PATH_STANDBY": "/sb", "LHS_HEALTH_PATH_STATUS": "/st", "LHS_LOG_LEVEL": "WARN", "PATH": "/bin",
	})
	if err != nil || len(notes) != 0 {
		t.Fatal(err, notes)
	}
	if c.ClusterID != "bank" || c.InstanceID != 0 || c.Partitions != 4 || c.StateDir != "/data" || c.LogLevel != "warn" {
		t.Errorf("%+v", c)
	}
	if c.Health.Standby != "/sb" || c.Health.Status != "/st" {
		t.Errorf("%+v", c.Health)
	}
	if want := []Listener{{Name: "A", Port: 1000}, {Name: "B", Port: 1001, AdvertisedHost: "lh.example.com", AdvertisedPort: 443}}; !slices.Equal(c.Listeners, want) {
		t.Errorf("%+v", c.Listeners)
	}
}

func TestBadSettingsAreRefusedByName(t *testing.T) {
	for name, value := range map[string]string{
		"LHS_CLUSTER_PARTITIONS": "0", "LHS_CLUSTER_ID": "a b", "LHS_INSTANCE_ID": "server1", "LHS_LISTENERS": "A:1,B:1",
		"LHS_KAFKA_BOOTSTRAP_SERVERS": "localhost:9092", "LHS_LISTENERS_PROTOCOL_MAP": "PLAIN:SSL", "LHS_INTERNAL_SERVER_KEY": "k.pem", "LHS_INTERNAL_CA_CERT": "ca.pem", "LHS_OAUTH_CLIENT_ID_FILE": "/missing",
		"LHS_LISTENERS_AUTHENTICATION_MAP": "PLAIN:MTLS", "LHS_METRICS_LEVEL": "LOUD", "LHS_HEALTH_PATH_STATUS": "status",
		"LHS_X_MAX_THREAD_RUNS_PER_WF_RUN": "1", "LHS_ADVERTISED_LISTENERS": "PLAIN:localhost:2023", "LHS_LOG_FORMAT": "xml",
		"LHS_MEMORY_LIMIT_BYTES": "1", "LHS_INTERNAL_ADVERTISED_HOST": "a b", "LHS_HEALTH_PATH_READINESS": "/liveness",
	} {
		if _, _, err := configFrom(map[string]string{name: value}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s gives %v", name, value, err)
		}
	}
	_, _, err := configFrom(map[string]string{"LHS_ADVERTISED_LISTENERS": "PLIAN://localhost:2023"})
	if err == nil || !strings.Contains(err.Error(), "LHS_LISTENERS has no listener PLIAN") {
		t.Error(err)
	}
	_, _, err = configFrom(map[string]string{"LHS_KAFKA_BOOTSTRAP_SERVERS": "x:1"})
	if !strings.Contains(err.Error(), "not available in this build") {
		t.Error(err)
	}
}

func TestSettingsWithoutEffectAreNamed(t *testing.T) {
	_, notes, err := configFrom(map[string]string{
		"LHS_RACK_ID": "r1", "LHS_STREAMS_METRICS_LEVEL": "x", "LHS_TYPO": "1", "LHS_KAFKA_CONFIG_ACKS": "all", "OTHER": "1", "LHS_EMPTY": "",
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, n := range notes {
		got[n.Name] = n.Text
	}
	if len(got) != 4 || !strings.Contains(got["LHS_RACK_ID"], "without meaning") || !strings.Contains(got["LHS_STREAMS_METRICS_LEVEL"], "removed") ||
		!strings.Contains(got["LHS_TYPO"], "unknown") || !strings.Contains(got["LHS_KAFKA_CONFIG_ACKS"], "without meaning") {
		t.Fatal(got)
	}
}

func TestFileReplacesTheEnvironment(t *testing.T) {
	t.Setenv("LHS_CLUSTER_ID", "environment")
	file := filepath.Join(t.TempDir(), "lh.properties")
	if err := os.WriteFile(file, []byte("LHS_CLUSTER_PARTITIONS = 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := LoadConfig(file)
	if err != nil || c.ClusterID != "cluster1" || c.Partitions != 3 {
		t.Fatalf("%+v %v", c, err)
	}
	if c, _, err = LoadConfig(""); err != nil || c.ClusterID != "environment" || c.Partitions != 12 {
		t.Fatalf("%+v %v", c, err)
	}
	if _, _, err := LoadConfig(file + ".missing"); err == nil {
		t.Fatal("a missing file is no error")
	}
	if err := os.WriteFile(file, make([]byte, 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := LoadConfig(file); err == nil || !strings.Contains(err.Error(), "more than 1048576 bytes") {
		t.Fatalf("an endless file: %v", err)
	}
}

func TestSecretsAreStarred(t *testing.T) {
	for name, want := range map[string]bool{
		"LHS_KAFKA_KEYSTORE_PASSWORD": true, "LHS_OAUTH_CLIENT_SECRET": true, "LHS_KAFKA_SASL_JAAS_CONFIG": true,
		"LHS_OAUTH_CLIENT_SECRET_FILE": false, "LHS_CLUSTER_ID": false,
	} {
		if secret(name) != want {
			t.Error(name)
		}
	}
}

// The document is made from the table: regenerate it with go test ./internal/server -run SettingsDocument -write.
func TestSettingsDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Server settings\n\n")
	b.WriteString("`lh serve [properties-file]` reads them from the file if one is named, else from the environment; the two are never merged.\n")
	b.WriteString("A value that cannot be used ends the start with its name; names without effect are told at start. ")
	b.WriteString("`LHS_KAFKA_CONFIG_…`, `LHS_KAFKA_PRODUCER_CONFIG_…` and `LHS_CORE_KS_CONFIG_…` are accepted without effect.\n")
	b.WriteString("`lh check` says what is wrong with them. Settings of clients and workers are in [lhctl](../lhctl.md#which-server).\n")
	for _, state := range []State{Used, NoMeaning, Refused, Removed} {
		fmt.Fprintf(&b, "\n## %s\n\n", map[State]string{
			Used: "In use", NoMeaning: "Accepted without effect", Refused: "Refused", Removed: "Removed",
		}[state])
		b.WriteString("| name | default | values | meaning |\n| --- | --- | --- | --- |\n")
		for _, s := range Settings {
			if s.State == state {
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.Name, code(s.Default), s.Bounds, s.Doc)
			}
		}
	}
	const file = "../../docs/ops/settings.md"
	if *write {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != b.String() {
		t.Fatalf("%s is not what the table says (%v): run this test with -write", file, err)
	}
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
