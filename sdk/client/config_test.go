package lh

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// covers: operations §7
func TestOneSourceCounts(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("LHC_TENANT_ID", "environment")
	t.Setenv("LHW_NUM_WORKER_THREADS", "3")

	c, err := LoadConfig()
	if err != nil || c.TenantID != "environment" || c.WorkerThreads != 3 || c.Port != 2023 {
		t.Errorf("environment: %+v, %v", c, err)
	}
	write(t, filepath.Join(home, ".config", "littlehorse.config"), "LHC_API_PORT=2024\nLHC_TENANT_ID=${LHC_TENANT_ID}-file")
	c, err = LoadConfig()
	if err != nil || c.TenantID != "environment-file" || c.Port != 2024 || c.WorkerThreads != 8 {
		t.Errorf("default file: %+v, %v", c, err)
	}
	c, err = LoadConfig(Environment())
	if err != nil || c.Port != 2023 {
		t.Errorf("environment on demand: %+v, %v", c, err)
	}
	named := write(t, filepath.Join(home, "named"), "LHC_API_PORT=2025")
	c, err = LoadConfig(File(named))
	if err != nil || c.Port != 2025 || c.TenantID != "" {
		t.Errorf("named file: %+v, %v", c, err)
	}
	if _, err = LoadConfig(File(filepath.Join(home, "nowhere"))); err == nil {
		t.Error("a file that is missing was accepted")
	}
	if _, err = LoadConfig(Environment(), File(named)); err == nil {
		t.Error("two sources were merged")
	}
}

// covers: operations §7
func TestSettingsAreRead(t *testing.T) {
	c, err := LoadConfig(Settings(map[string]string{
		"LHC_API_HOST": "lh.example", "LHC_API_PORT": "443", "LHC_API_PROTOCOL": "TLS", "LHC_TENANT_ID": "t",
		"LHC_CA_CERT": "ca", "LHC_CLIENT_CERT": "crt", "LHC_CLIENT_KEY": "key",
		"LHC_OAUTH_CLIENT_ID": "id", "LHC_OAUTH_CLIENT_SECRET": "secret", "LHC_OAUTH_ACCESS_TOKEN_URL": "https://idp",
		"LHC_OAUTH_SERVER_URL": "https://issuer", "LHC_OAUTH_CALLBACK_PORT": "99", "LHC_OAUTH_CREDENTIALS_LOCATION": "tokens",
		"LHC_GRPC_KEEPALIVE_TIME_MS": "1000", "LHC_GRPC_KEEPALIVE_TIMEOUT_MS": "500", "LHC_GRPC_RESOURCE_EXHAUSTED_RETRY": "False",
		"LHW_NUM_WORKER_THREADS": "2", "LHW_TASK_WORKER_ID": "w", "LHW_TASK_WORKER_VERSION": "v",
		"LHC_INFLIGHT_TASKS": "3", "LHC_SPELT_WRONG": "x", "PATH": "/bin",
	}))
	want := Config{
		Host: "lh.example", Port: 443, TLS: true, TenantID: "t", CACert: "ca", ClientCert: "crt", ClientKey: "key",
		OAuthClientID: "id", OAuthClientSecret: "secret", OAuthTokenURL: "https://idp",
		OAuthServerURL: "https://issuer", OAuthCallbackPort: 99, OAuthCredentials: "tokens",
		KeepaliveTime: time.Second, KeepaliveTimeout: 500 * time.Millisecond,
		WorkerThreads: 2, WorkerID: "w", WorkerVersion: "v", Ignored: []string{"LHC_SPELT_WRONG"},
	}
	if err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("%+v\nwant %+v\n%v", c, want, err)
	}
	if text := c.String(); strings.Contains(text, "secret") || !strings.Contains(text, "lh.example:443") {
		t.Error(text)
	}
}

func TestWrongSettingsAreNamed(t *testing.T) {
	for _, settings := range []map[string]string{
		{"LHC_API_PORT": "many"},
		{"LHC_API_PORT": "70000"},
		{"LHC_API_PROTOCOL": "SSL"},
		{"LHC_GRPC_RESOURCE_EXHAUSTED_RETRY": "maybe"},
		{"LHC_GRPC_KEEPALIVE_TIME_MS": "1s"},
		{"LHC_CLIENT_CERT": "only half"},
		{"LHW_NUM_WORKER_THREADS": "0"},
		{"LHC_OAUTH_ACCESS_TOKEN_URL": "https://idp", "LHC_API_PROTOCOL": "TLS"},
	} {
		_, err := LoadConfig(Settings(settings))
		if err == nil || !strings.Contains(err.Error(), "LH") {
			t.Errorf("%v: %v", settings, err)
		}
	}
}

func TestProperties(t *testing.T) {
	t.Setenv("NAME", "value")
	got, err := parseProperties("# comment\n! comment\n\n a = 1 \nb:2\nc 3\nd\\=e = f\\\n   g\nh=\\u0041\\t$x ${NAME} ${\nempty=\nlast \\\\")
	want := map[string]string{"a": "1 ", "b": "2", "c": "3", "d=e": "fg", "h": "A\t$x value ${", "empty": "", "last": `\`}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%q\nwant %q\n%v", got, want, err)
	}
	if _, err := parseProperties(`a=\u00`); err == nil {
		t.Error("half an escape was accepted")
	}
}
