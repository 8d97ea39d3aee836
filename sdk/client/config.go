package lh

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Config holds the settings of a client and of its workers. The zero value is not usable: start from LoadConfig or
// DefaultConfig.
type Config struct {
	// Host and Port of any server of the cluster (LHC_API_HOST localhost, LHC_API_PORT 2023).
	Host string
	Port int
	// TLS encrypts the connection (LHC_API_PROTOCOL: PLAINTEXT or TLS).
	TLS bool
	// TenantID is sent with every call (LHC_TENANT_ID); empty means the server's default tenant.
	TenantID string

	// CACert is a PEM file with the authorities to trust instead of the system's (LHC_CA_CERT).
	CACert string
	// ClientCert and ClientKey are PEM files for mutual TLS (LHC_CLIENT_CERT, LHC_CLIENT_KEY).
	ClientCert string
	ClientKey  string

	// OAuthClientID, OAuthClientSecret and OAuthTokenURL select the client-credentials flow (LHC_OAUTH_CLIENT_ID,
	// LHC_OAUTH_CLIENT_SECRET, LHC_OAUTH_ACCESS_TOKEN_URL). They need TLS.
	OAuthClientID     string
	OAuthClientSecret string
	OAuthTokenURL     string
	// OAuthServerURL is the OIDC provider at which a person signs in (LHC_OAUTH_SERVER_URL), see Login. The answer comes to
	// OAuthCallbackPort (LHC_OAUTH_CALLBACK_PORT 25242), the token is kept in OAuthCredentials
	// (LHC_OAUTH_CREDENTIALS_LOCATION ~/.config/littlehorse.credentials). It is used only with TLS.
	OAuthServerURL    string
	OAuthCallbackPort int
	OAuthCredentials  string

	// KeepaliveTime is the pause between pings, KeepaliveTimeout how long to wait for their answer
	// (LHC_GRPC_KEEPALIVE_TIME_MS 45000, LHC_GRPC_KEEPALIVE_TIMEOUT_MS 5000).
	KeepaliveTime    time.Duration
	KeepaliveTimeout time.Duration
	// ResourceExhaustedRetry waits and repeats a call that a quota rejected (LHC_GRPC_RESOURCE_EXHAUSTED_RETRY true).
	ResourceExhaustedRetry bool

	// WorkerThreads is how many tasks one worker runs at a time (LHW_NUM_WORKER_THREADS 8).
	WorkerThreads int
	// WorkerID names the worker to the server (LHW_TASK_WORKER_ID); empty means a random one for each process.
	WorkerID string
	// WorkerVersion is recorded on each attempt (LHW_TASK_WORKER_VERSION).
	WorkerVersion string

	// Ignored lists keys that begin with LHC_ or LHW_ and mean nothing to this client.
	Ignored []string
}

// DefaultConfig is the configuration of a client that was told nothing.
func DefaultConfig() Config {
	return Config{
		Host: "localhost", Port: 2023,
		OAuthCallbackPort: 25242, OAuthCredentials: "~/.config/littlehorse.credentials",
		KeepaliveTime: 45 * time.Second, KeepaliveTimeout: 5 * time.Second,
		ResourceExhaustedRetry: true,
		WorkerThreads:          8,
	}
}

// A Source tells LoadConfig where the settings come from.
type Source func() (map[string]string, error)

// File reads a Java properties file. ${NAME} in values is replaced by the environment variable of that name.
func File(path string) Source {
	return func() (map[string]string, error) {
		text, err := os.ReadFile(expandHome(path))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("provided config file does not exist: %s", path)
		}
		if err != nil {
			return nil, fmt.Errorf("read config file: %w", err)
		}
		return parseProperties(string(text))
	}
}

// Environment reads the process environment, even where the default file exists.
func Environment() Source {
	return func() (map[string]string, error) {
		settings := map[string]string{}
		for _, entry := range os.Environ() {
			key, value, _ := strings.Cut(entry, "=")
			settings[key] = value
		}
		return settings, nil
	}
}

// Settings takes the settings from a map.
func Settings(settings map[string]string) Source {
	return func() (map[string]string, error) { return maps.Clone(settings), nil }
}

// DefaultFile is where LoadConfig and lhctl look when they are not told otherwise.
func DefaultFile() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".config", "littlehorse.config")
}

// LoadConfig reads the settings from one source: the given one, else DefaultFile if that exists, else the environment.
// Sources are never merged.
func LoadConfig(source ...Source) (Config, error) {
	if len(source) > 1 {
		return Config{}, errors.New("more than one config source: settings are never merged")
	}
	from := defaultSource()
	if len(source) == 1 {
		from = source[0]
	}
	settings, err := from()
	if err != nil {
		return Config{}, err
	}
	return parseConfig(settings)
}

func defaultSource() Source {
	path := DefaultFile()
	if _, err := os.Stat(path); path != "" && err == nil {
		return File(path)
	}
	return Environment()
}

func parseConfig(settings map[string]string) (Config, error) {
	c := DefaultConfig()
	r := reader{settings: settings}
	r.text("LHC_API_HOST", &c.Host)
	r.number("LHC_API_PORT", &c.Port)
	r.protocol("LHC_API_PROTOCOL", &c.TLS)
	r.text("LHC_TENANT_ID", &c.TenantID)
	r.text("LHC_CA_CERT", &c.CACert)
	r.text("LHC_CLIENT_CERT", &c.ClientCert)
	r.text("LHC_CLIENT_KEY", &c.ClientKey)
	r.text("LHC_OAUTH_CLIENT_ID", &c.OAuthClientID)
	r.text("LHC_OAUTH_CLIENT_SECRET", &c.OAuthClientSecret)
	r.text("LHC_OAUTH_ACCESS_TOKEN_URL", &c.OAuthTokenURL)
	r.text("LHC_OAUTH_SERVER_URL", &c.OAuthServerURL)
	r.number("LHC_OAUTH_CALLBACK_PORT", &c.OAuthCallbackPort)
	r.text("LHC_OAUTH_CREDENTIALS_LOCATION", &c.OAuthCredentials)
	r.millis("LHC_GRPC_KEEPALIVE_TIME_MS", &c.KeepaliveTime)
	r.millis("LHC_GRPC_KEEPALIVE_TIMEOUT_MS", &c.KeepaliveTimeout)
	r.bool("LHC_GRPC_RESOURCE_EXHAUSTED_RETRY", &c.ResourceExhaustedRetry)
	r.number("LHW_NUM_WORKER_THREADS", &c.WorkerThreads)
	r.text("LHW_TASK_WORKER_ID", &c.WorkerID)
	r.text("LHW_TASK_WORKER_VERSION", &c.WorkerVersion)
	c.Ignored = r.ignored()
	if err := errors.Join(r.errs...); err != nil {
		return Config{}, err
	}
	return c, c.Validate()
}

// Validate reports settings that contradict one another.
func (c Config) Validate() error {
	switch {
	case c.Host == "":
		return errors.New("LHC_API_HOST is empty")
	case c.Port < 1 || c.Port > 65535:
		return fmt.Errorf("LHC_API_PORT is not a port: %d", c.Port)
	case (c.ClientCert == "") != (c.ClientKey == ""):
		return errors.New("LHC_CLIENT_CERT and LHC_CLIENT_KEY belong together: one of them is missing")
	case c.WorkerThreads < 1:
		return fmt.Errorf("LHW_NUM_WORKER_THREADS must be at least 1: %d", c.WorkerThreads)
	case c.OAuthTokenURL != "" && (c.OAuthClientID == "" || c.OAuthClientSecret == ""):
		return errors.New("LHC_OAUTH_ACCESS_TOKEN_URL needs LHC_OAUTH_CLIENT_ID and LHC_OAUTH_CLIENT_SECRET")
	case c.OAuthCallbackPort < 0 || c.OAuthCallbackPort > 65535:
		return fmt.Errorf("LHC_OAUTH_CALLBACK_PORT is not a port: %d", c.OAuthCallbackPort)
	case c.OAuthTokenURL != "" && !c.TLS:
		return errors.New("OAuth needs LHC_API_PROTOCOL=TLS: a token must not travel unencrypted")
	}
	return nil
}

// Address is the bootstrap server as host:port.
func (c Config) Address() string { return joinAddress(c.Host, c.Port) }

// String shows the connection without secrets.
func (c Config) String() string {
	protocol := "PLAINTEXT"
	if c.TLS {
		protocol = "TLS"
	}
	return fmt.Sprintf("%s (%s, tenant %q)", c.Address(), protocol, c.TenantID)
}

// reader takes typed settings out of a map and collects what is wrong with them.
type reader struct {
	settings map[string]string
	known    []string
	errs     []error
}

func (r *reader) lookup(key string) (string, bool) {
	r.known = append(r.known, key)
	value, ok := r.settings[key]
	value = strings.TrimSpace(value)
	return value, ok && value != ""
}

func (r *reader) fail(key, value, want string) {
	r.errs = append(r.errs, fmt.Errorf("%s must be %s: %q", key, want, value))
}

func (r *reader) text(key string, into *string) {
	if value, ok := r.lookup(key); ok {
		*into = value
	}
}

func (r *reader) number(key string, into *int) {
	value, ok := r.lookup(key)
	if !ok {
		return
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		r.fail(key, value, "a whole number")
		return
	}
	*into = n
}

func (r *reader) millis(key string, into *time.Duration) {
	ms := int(*into / time.Millisecond)
	r.number(key, &ms)
	*into = time.Duration(ms) * time.Millisecond
}

func (r *reader) bool(key string, into *bool) {
	value, ok := r.lookup(key)
	if !ok {
		return
	}
	switch strings.ToLower(value) {
	case "true":
		*into = true
	case "false":
		*into = false
	default:
		r.fail(key, value, "true or false")
	}
}

func (r *reader) protocol(key string, tls *bool) {
	value, ok := r.lookup(key)
	if !ok {
		return
	}
	switch value {
	case "PLAINTEXT":
		*tls = false
	case "TLS":
		*tls = true
	default:
		r.fail(key, value, "PLAINTEXT or TLS")
	}
}

// otherClients are documented settings that other clients use; they are accepted in silence.
var otherClients = []string{
	"LHC_GRPC_MAX_RECEIVE_MESSAGE_LENGTH", "LHC_INFLIGHT_TASKS",
}

func (r *reader) ignored() []string {
	var unknown []string
	for _, key := range slices.Sorted(maps.Keys(r.settings)) {
		ours := strings.HasPrefix(key, "LHC_") || strings.HasPrefix(key, "LHW_")
		if ours && !slices.Contains(r.known, key) && !slices.Contains(otherClients, key) {
			unknown = append(unknown, key)
		}
	}
	return unknown
}

func expandHome(path string) string {
	path = os.ExpandEnv(path)
	rest, ok := strings.CutPrefix(path, "~/")
	if !ok {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	return filepath.Join(home, rest)
}
