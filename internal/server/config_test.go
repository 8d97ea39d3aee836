package server

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"littlehorse/internal/dashboard"
	"littlehorse/internal/store"
)

var write = flag.Bool("write", false, "write generated documents instead of comparing them")

// covers: operations §2
// holds: MetricsAndHealthOn1822
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

// covers: operations §1; operations §2
func TestBadSettingsAreRefusedByName(t *testing.T) {
	for name, value := range map[string]string{
		"LHS_CLUSTER_PARTITIONS": "0", "LHS_CLUSTER_ID": "a b", "LHS_INSTANCE_ID": "server1", "LHS_LISTENERS": "A:1,B:1",
		"LHS_KAFKA_BOOTSTRAP_SERVERS": "localhost", "LHS_KAFKA_SECURITY_PROTOCOL": "KERBEROS", "LHS_KAFKA_LINGER_MS": "-1", "LHS_REPLICATION_FACTOR": "0",
		"LHS_SHOULD_CREATE_TOPICS": "yes", "LHS_LISTENERS_PROTOCOL_MAP": "PLAIN:SSL", "LHS_INTERNAL_SERVER_KEY": "k.pem", "LHS_INTERNAL_CA_CERT": "ca.pem", "LHS_OAUTH_CLIENT_ID_FILE": "/missing",
		"LHS_LISTENERS_AUTHENTICATION_MAP": "PLAIN:MTLS", "LHS_METRICS_LEVEL": "LOUD", "LHS_HEALTH_PATH_STATUS": "status",
		"LHS_X_MAX_THREAD_RUNS_PER_WF_RUN": "1", "LHS_ADVERTISED_LISTENERS": "PLAIN:localhost:2023", "LHS_LOG_FORMAT": "xml",
		"LHS_MEMORY_LIMIT_BYTES": "1", "LHD_OUTPUT_STREAM": "yes", "LHS_INTERNAL_ADVERTISED_HOST": "a b", "LHS_HEALTH_PATH_READINESS": "/liveness",
	} {
		if _, _, err := configFrom(map[string]string{name: value}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s gives %v", name, value, err)
		}
	}
	_, _, err := configFrom(map[string]string{"LHS_ADVERTISED_LISTENERS": "PLIAN://localhost:2023"})
	if err == nil || !strings.Contains(err.Error(), "LHS_LISTENERS has no listener PLIAN") {
		t.Error(err)
	}
}

// covers: operations §1; operations §2
func TestSettingsWithoutEffectAreNamed(t *testing.T) {
	_, notes, err := configFrom(map[string]string{
		"LHS_ROCKSDB_USE_DIRECT_IO": "true", "LHS_STREAMS_METRICS_LEVEL": "x", "LHS_TYPO": "1", "LHS_KAFKA_CONFIG_ACKS": "0", "OTHER": "1", "LHS_EMPTY": "",
	})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, n := range notes {
		got[n.Name] = n.Text
	}
	if len(got) != 4 || !strings.Contains(got["LHS_ROCKSDB_USE_DIRECT_IO"], "without meaning") || !strings.Contains(got["LHS_STREAMS_METRICS_LEVEL"], "removed") ||
		!strings.Contains(got["LHS_TYPO"], "unknown") || !strings.Contains(got["LHS_KAFKA_CONFIG_ACKS"], "LHS_KAFKA_BOOTSTRAP_SERVERS is not set") {
		t.Fatal(got)
	}
}

// covers: operations §2
func TestKafkaSettings(t *testing.T) {
	c, notes, err := configFrom(map[string]string{
		"LHS_KAFKA_BOOTSTRAP_SERVERS": "kafka-1:9092, [::1]:9093", "LHS_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT", "LHS_KAFKA_LINGER_MS": "2",
		"LHS_REPLICATION_FACTOR": "3", "LHS_SHOULD_CREATE_TOPICS": "false",
	})
	if err != nil || len(notes) != 0 {
		t.Fatal(err, notes)
	}
	if k := c.Kafka; !slices.Equal(k.Brokers, []string{"kafka-1:9092", "[::1]:9093"}) || k.Linger != 2*time.Millisecond ||
		k.ReplicationFactor != 3 || k.CreateTopics || k.mode() != store.Kafka {
		t.Errorf("%+v", k)
	}
	c, notes, err = configFrom(map[string]string{"LHS_REPLICATION_FACTOR": "3"})
	if want := []string{"LHS_REPLICATION_FACTOR: LHS_KAFKA_BOOTSTRAP_SERVERS is not set, ignored"}; err != nil || !slices.Equal(told(notes), want) {
		t.Error(err, notes)
	}
	if c.Kafka.mode() != store.Embedded {
		t.Error("a server without brokers has not its own log")
	}
	_, notes, err = configFrom(map[string]string{"LHS_KAFKA_BOOTSTRAP_SERVERS": "kafka-1:9092", "LHS_CORE_STREAM_THREADS": "3"})
	if want := []string{"LHS_CORE_STREAM_THREADS: over Kafka each partition has a goroutine of its own, ignored"}; err != nil || !slices.Equal(told(notes), want) {
		t.Error(err, notes)
	}
}

// covers: operations §2; operations §10
func TestSettingsThatNoListenerReadsAreNamed(t *testing.T) {
	for _, c := range []struct {
		settings map[string]string
		want     []string
	}{
		{map[string]string{"LHS_OAUTH_ISSUER_URL": "https://id.example.com", "LHS_OAUTH_CLIENT_SECRET": "s"}, []string{
			"LHS_OAUTH_CLIENT_SECRET: no listener has authentication OAUTH, ignored", "LHS_OAUTH_ISSUER_URL: no listener has authentication OAUTH, ignored",
		}},
		{map[string]string{
			"LHS_OAUTH_ISSUER_URL": "https://id.example.com", "LHS_OAUTH_AUDIENCE": "lh", "LHS_LISTENERS_AUTHENTICATION_MAP": "PLAIN:OAUTH",
		}, nil},
		{map[string]string{"LHS_CA_CERT": "ca.pem"}, []string{"LHS_CA_CERT: no listener has protocol MTLS, ignored"}},
		{map[string]string{"LHD_OAUTH_CLIENT_ID": "d", "LHD_OAUTH_ENABLED": "false", "LHD_OAUTH_CALLBACK_URL_INTERNAL": "http://lh"}, []string{
			"LHD_OAUTH_CLIENT_ID: LHD_OAUTH_ENABLED is not true, ignored",
			"LHD_OAUTH_CALLBACK_URL_INTERNAL: documented setting without meaning for this server, ignored",
		}},
		{map[string]string{"LHC_API_HOST": "lh", "LHD_PROT": "8081"}, []string{
			"LHC_API_HOST: a setting of clients, without meaning for a server", "LHD_PROT: unknown setting, ignored",
		}},
	} {
		_, notes, err := configFrom(c.settings)
		if got := told(notes); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%v: %v %q", c.settings, err, got)
		}
	}
}

func told(notes []Notice) (out []string) {
	for _, n := range notes {
		out = append(out, n.Name+": "+n.Text)
	}
	return out
}

// A login that could not end well is no start.
// covers: operations §10
func TestLoginIsWhole(t *testing.T) {
	good := map[string]string{
		"LHS_OAUTH_ISSUER_URL": "https://id.example.com", "LHS_OAUTH_AUDIENCE": "lh", "LHS_LISTENERS_AUTHENTICATION_MAP": "PLAIN:OAUTH",
		"LHD_OAUTH_ENABLED": "true", "LHD_OAUTH_ISSUER_URI": "https://id.example.com", "LHD_OAUTH_CLIENT_ID": "dashboard", "LHD_OAUTH_CLIENT_SECRET": "s",
		"LHD_OAUTH_ENCRYPT_SECRET": "e", "LHD_OAUTH_CALLBACK_URL": "https://lh.example.com",
	}
	c, notes, err := configFrom(good)
	want := dashboard.Login{
		Issuer: "https://id.example.com", ClientID: "dashboard", ClientSecret: "s", Address: "https://lh.example.com", Scopes: []string{"openid", "profile"}, Secret: "e",
	}
	if got := c.Dashboard.asked(); err != nil || len(notes) != 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v %v %v", got, notes, err)
	}
	for name, values := range map[string][]string{
		"LHD_OAUTH_ENABLED":      {"yes"},
		"LHD_OAUTH_ISSUER_URI":   {"", "id.example.com"},
		"LHD_OAUTH_CLIENT_ID":    {""},
		"LHD_OAUTH_CALLBACK_URL": {"", "lh.example.com", "https://lh.example.com/dashboard", "https://lh.example.com?x=1", "https://me:secret@lh.example.com"},
		"LHD_OAUTH_SCOPES":       {"profile"},
	} {
		for _, v := range values {
			bad := maps.Clone(good)
			bad[name] = v
			if _, _, err := configFrom(bad); err == nil || !strings.Contains(err.Error(), name+":") || strings.Contains(err.Error(), "secret@") {
				t.Errorf("%s=%s gives %v", name, v, err)
			}
		}
	}
	open := maps.Clone(good)
	delete(open, "LHS_LISTENERS_AUTHENTICATION_MAP")
	if _, _, err := configFrom(open); err == nil || !strings.Contains(err.Error(), "LHD_OAUTH_ENABLED: listener PLAIN of the dashboard takes no tokens") {
		t.Error(err)
	}
	open["LHD_PORT"] = "0"
	if c, _, err := configFrom(open); err != nil || c.Dashboard.asked().Issuer != "" {
		t.Error(err)
	}
}

// Origins are taken as browsers write them; what would let in nobody, or everybody, is no start.
// covers: dashboard C.2 security
func TestOriginsAreNamed(t *testing.T) {
	c, notes, err := configFrom(map[string]string{
		"LHD_CORS_ALLOWED_ORIGINS": "https://App.example.com, http://localhost:3000,https://a.example.com:443,http://b:80,https://b:80,http://[::1]:3000",
	})
	want := []dashboard.Origin{"https://app.example.com", "http://localhost:3000", "https://a.example.com", "http://b", "https://b:80", "http://[::1]:3000"}
	if err != nil || len(notes) != 0 || !slices.Equal(c.Dashboard.Origins, want) {
		t.Errorf("%v %v %v", c.Dashboard.Origins, notes, err)
	}
	for value, word := range map[string]string{
		"*": "each must be named", "https://*.example.com": "each must be named", "null": "is not http://", "app.example.com": "is not http://",
		"ftp://app.example.com": "is not http://", "https://app.example.com/": "is not http://", "https://app.example.com/lh": "is not http://",
		"https://app.example.com?": "is not http://", "https://app.example.com#": "is not http://", "https://": "is not http://", ",": "is not http://",
		"https://app.example.com:0": "no valid port", "https://app.example.com:": "no valid port", "https://app.example.com:065": "no valid port",
		"https://bücher.example": "no host", "https://me:secret@app.example.com": "no name or password",
	} {
		_, _, err := configFrom(map[string]string{"LHD_CORS_ALLOWED_ORIGINS": value})
		if err == nil || !strings.Contains(err.Error(), "LHD_CORS_ALLOWED_ORIGINS") || !strings.Contains(err.Error(), word) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", value, err)
		}
	}
}

// What an operator is warned of depends on who may call, and on who may listen on the way.
func TestWarnings(t *testing.T) {
	const oauth, stream = "LHS_OAUTH_ISSUER_URL=http://id LHS_OAUTH_AUDIENCE=lh LHS_LISTENERS_AUTHENTICATION_MAP=PLAIN:OAUTH", "LHD_OUTPUT_STREAM=true"
	for settings, want := range map[string][]string{
		"":    {"calls are not authenticated"},
		oauth: {"OAuth without TLS", "asked in clear"},
		"LHS_OAUTH_ISSUER_URL=http://localhost LHS_OAUTH_AUDIENCE=lh LHS_LISTENERS_AUTHENTICATION_MAP=PLAIN:OAUTH": {"OAuth without TLS"}, // asked on this machine
		stream:               {"calls are not authenticated", "the output stream is not authenticated"},
		oauth + " " + stream: {"OAuth without TLS", "asked in clear"},
		oauth + " " + stream + " LHD_BIND_HOST=0.0.0.0": {"OAuth without TLS", "asked in clear", "the dashboard is not encrypted"},
		oauth + " LHD_OAUTH_ENABLED=true LHD_OAUTH_ISSUER_URI=http://id LHD_OAUTH_CLIENT_ID=d LHD_OAUTH_CALLBACK_URL=http://lh": {
			"OAuth without TLS", "asked in clear", "people log in in clear", "the OpenID provider is asked in clear",
		},
		"LHD_BIND_HOST=0.0.0.0":                                              {"calls are not authenticated", "the dashboard is not authenticated"},
		"LHD_CORS_ALLOWED_ORIGINS=https://app.example.com":                   {"calls are not authenticated", "pages of these origins may do what"},
		oauth + " LHD_CORS_ALLOWED_ORIGINS=http://localhost:3000,http://app": {"OAuth without TLS", "asked in clear", "pages of http://app come in clear"},
		stream + " LHD_PORT=0":                                               {"calls are not authenticated"},
	} {
		values := map[string]string{}
		for _, f := range strings.Fields(settings) {
			k, v, _ := strings.Cut(f, "=")
			values[k] = v
		}
		c, _, err := configFrom(values)
		if err != nil {
			t.Fatal(err)
		}
		got := told(c.Warnings())
		ok := len(got) == len(want)
		for i := range min(len(got), len(want)) {
			ok = ok && strings.Contains(got[i], want[i])
		}
		if !ok {
			t.Errorf("%s: warned of %q", settings, got)
		}
	}
}

// Every documented name is known, and acts with the documented default, or with one that is ours for a reason.
// covers: operations §2
func TestDocumentedSettingsAreKnown(t *testing.T) {
	documented := map[string]string{
		"LHS_PRODUCER_MAX_REQUEST_SIZE": "1047000", "LHS_CLUSTER_ID": "cluster1", "LHS_INSTANCE_ID": "", "LHS_CLUSTER_PARTITIONS": "12",
		"LHS_STATE_DIR":                   "./lh-data", // ours: it is the only copy
		"LHS_CORE_STREAM_THREADS":         "0",         // ours: as many as cores
		"LHS_CORE_STATESTORE_CACHE_BYTES": "33554432", "LHS_X_MAX_BULK_JOB_COMMANDS_PER_TICK": "10", "LHS_X_MAX_DELETES_PER_COMMAND": "1000",
		"LHS_X_MAX_THREAD_RUNS_PER_WF_RUN": "0", // ours: no limit
		"LHS_X_METRIC_RETENTION_MS":        "1209600000",
		"LHS_LISTENERS":                    "PLAIN:2023", "LHS_LISTENERS_PROTOCOL_MAP": "", "LHS_LISTENERS_AUTHENTICATION_MAP": "", "LHS_ADVERTISED_LISTENERS": "",
		"LHS_LISTENER_<NAME>_CERT": "", "LHS_LISTENER_<NAME>_KEY": "", "LHS_CA_CERT": "",
		"LHS_OAUTH_INTROSPECT_URL": "", "LHS_OAUTH_CLIENT_ID": "", "LHS_OAUTH_CLIENT_SECRET": "", "LHS_OAUTH_CLIENT_ID_FILE": "", "LHS_OAUTH_CLIENT_SECRET_FILE": "",
		"LHS_KAFKA_BOOTSTRAP_SERVERS": "", "LHS_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT", "LHS_KAFKA_LINGER_MS": "0", "LHS_REPLICATION_FACTOR": "1", "LHS_SHOULD_CREATE_TOPICS": "true",
		"LHS_INTERNAL_BIND_PORT": "2011", "LHS_INTERNAL_ADVERTISED_HOST": "localhost", "LHS_INTERNAL_ADVERTISED_PORT": "",
		"LHS_INTERNAL_CA_CERT": "", "LHS_INTERNAL_SERVER_CERT": "", "LHS_INTERNAL_SERVER_KEY": "", "LHS_RACK_ID": "",
		"LHS_STREAMS_SESSION_TIMEOUT":      "10000", // ours: detection in seconds
		"LHS_STREAMS_NUM_STANDBY_REPLICAS": "0", "LHS_STREAMS_NUM_WARMUP_REPLICAS": "4",
		"LHS_HEALTH_SERVICE_PORT": "1822", "LHS_HEALTH_PATH_LIVENESS": "/liveness", "LHS_HEALTH_PATH_READINESS": "/readiness", "LHS_HEALTH_PATH_STATUS": "/status",
		"LHS_HEALTH_PATH_METRICS": "/metrics", "LHS_HEALTH_PATH_DISK_USAGE": "/diskUsage", "HEALTH_PATH_STANDBY": "/standby-status", "LHS_METRICS_LEVEL": "INFO",
	}
	withoutDefault := strings.Fields(`
		LHS_KAFKA_KEYSTORE LHS_KAFKA_KEYSTORE_PASSWORD LHS_KAFKA_KEYSTORE_PASSWORD_FILE LHS_KAFKA_TRUSTSTORE
		LHS_KAFKA_TRUSTSTORE_PASSWORD LHS_KAFKA_TRUSTSTORE_PASSWORD_FILE LHS_KAFKA_SASL_MECHANISM LHS_KAFKA_SASL_JAAS_CONFIG LHS_KAFKA_SASL_JAAS_CONFIG_FILE`)
	withoutEffect := strings.Fields(`
		LHS_OUTPUT_TOPIC_PARTITIONS LHS_SHOULD_CREATE_OUTPUT_TOPICS
		LHS_TIMER_STREAM_THREADS LHS_CORE_STREAMS_COMMIT_INTERVAL LHS_TIMER_STREAMS_COMMIT_INTERVAL
		LHS_STREAMS_STATE_CLEANUP_DELAY_MS LHS_TIMER_STATESTORE_CACHE_BYTES
		LHS_CORE_MEMTABLE_SIZE_BYTES LHS_ROCKSDB_TOTAL_BLOCK_CACHE_BYTES LHS_ROCKSDB_TOTAL_MEMTABLE_BYTES LHS_ROCKSDB_COMPACTION_THREADS
		LHS_ROCKSDB_USE_DIRECT_IO LHS_ROCKSDB_RATE_LIMIT_BYTES LHS_ROCKSDB_RATE_LIMIT_INCLUDE_READS LHS_MAX_BULK_JOB_ITER_DURATION_MS
		LHS_BULK_JOB_DELAY_INTERVAL_SECONDS LHS_X_ENABLE_TIMER_STREAMS`)
	removed := strings.Fields(`
		LHS_STREAMS_METRICS_LEVEL LHS_X_ROCKSDB_LOG_LEVEL LHS_X_ROCKSDB_USE_LEVEL_COMPACTION LHS_STREAMS_TRANSACTION_TIMEOUT_MS LHS_TIMER_MEMTABLE_SIZE_BYTES`)
	for _, name := range withoutDefault {
		documented[name] = ""
	}
	known := map[string]Setting{}
	for _, s := range Settings {
		known[s.Name] = s
	}
	for name, def := range documented {
		if s, ok := known[name]; !ok || s.State != Used || s.Default != def {
			t.Errorf("%s: %v, default %q", name, s.State, s.Default)
		}
	}
	for state, names := range map[State][]string{NoMeaning: withoutEffect, Removed: removed} {
		for _, name := range names {
			if s, ok := known[name]; !ok || s.State != state {
				t.Errorf("%s: %v", name, s.State)
			}
		}
	}
}

// covers: operations §1
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

// covers: operations §1
func TestSecretsAreStarred(t *testing.T) {
	for name, want := range map[string]bool{
		"LHS_KAFKA_KEYSTORE_PASSWORD": true, "LHS_OAUTH_CLIENT_SECRET": true, "LHS_KAFKA_SASL_JAAS_CONFIG": true,
		"LHS_KAFKA_CONFIG_SASL_JAAS_CONFIG": true, "LHS_CORE_KS_CONFIG_SSL_KEYSTORE_KEY": true, "LHS_KAFKA_CONFIG_SSL_TRUSTSTORE_PASSWORD": true,
		"LHS_OAUTH_CLIENT_SECRET_FILE": false, "LHS_CLUSTER_ID": false, "LHS_KAFKA_KEYSTORE": false,
		"LHD_OAUTH_CLIENT_SECRET": true, "LHD_OAUTH_ENCRYPT_SECRET": true,
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
	b.WriteString("A value that cannot be used ends the start with its name; names without effect are told at start.\n")
	b.WriteString("`lh check [properties-file]` says both, and what a server warns of, without starting one.\n")
	b.WriteString("`LHS_KAFKA_CONFIG_…`, `LHS_KAFKA_PRODUCER_CONFIG_…` and `LHS_CORE_KS_CONFIG_…` name settings of Kafka clients ([which](kafka.md#settings-of-kafka-clients)).\n")
	b.WriteString("Settings of clients and workers are in [lhctl](../lhctl.md#which-server), the variables of OpenTelemetry in [traces](tracing.md).\n")
	for _, state := range []State{Used, NoMeaning, Removed} {
		fmt.Fprintf(&b, "\n## %s\n\n", map[State]string{
			Used: "In use", NoMeaning: "Accepted without effect", Removed: "Removed",
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
