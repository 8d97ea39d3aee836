package server

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"littlehorse/internal/api"
	"littlehorse/internal/auth"
	"littlehorse/internal/dashboard"
	"littlehorse/internal/log/kafka"
	"littlehorse/internal/machine"
	"littlehorse/internal/telemetry"
)

// Config of a server. DefaultConfig has every default; LoadConfig reads the documented settings.
type Config struct {
	// Version and Commit of the build, as metrics tell them.
	Version, Commit string
	// ClusterID names the cluster; it labels every metric.
	ClusterID string
	// InstanceID of this server, or -1 for none.
	InstanceID int
	// Partitions of run data. It never changes for a store.
	Partitions int
	// StateDir holds the store: the only copy of everything.
	StateDir string
	// StoreMemoryBytes is the budget of the store's cache and memtables; -1 is three eighths of the process's memory.
	StoreMemoryBytes int64
	// DiskReserveBytes is the free space of the disk of StateDir below which nothing new is begun, and at half of which
	// nothing is written. -1 leaves it to the store; 0 lets the server fail when the disk is full.
	DiskReserveBytes int64
	// DiskCheck is how often the free space is looked at.
	DiskCheck time.Duration
	// CacheBytes bounds the decoded objects kept by the partitions.
	CacheBytes int64
	// Lanes is how many goroutines apply commands; 0 follows the number of cores.
	Lanes int

	// VirtualTime gives the server a clock that stands still until it is moved: see package clock. Only a server with its
	// own log that listens on loopback addresses alone may have it.
	VirtualTime bool
	// Epoch is the time at which a virtual clock begins in a new store; the present if it is the zero time.
	Epoch time.Time
	// FS is the file system of the store, in place of the machine's, unless it is nil. Nothing is written elsewhere then, and
	// the server cannot be backed up while it runs.
	FS vfs.FS
	// Listen opens the ports of the listeners in place of the network, unless it is nil.
	Listen func(Listener) (net.Listener, error)

	// Follow is told of every commit, after it is durable. It must not block or change anything; it may be nil.
	Follow func(machine.Stream, []machine.Change)

	// Kafka is where the log lies; without brokers it is the server's own.
	Kafka KafkaConfig

	// BindHost is the address that all ports listen on; "" is all interfaces.
	BindHost string
	// Listeners serve the public API. Port 0 picks a free one.
	Listeners []Listener
	// ClientCA is a PEM file with the authorities of the clients' certificates, for the listeners with MTLS.
	ClientCA string
	// OAuth says how the tokens of listeners with ByToken are judged.
	OAuth auth.OAuth
	// MaxConnections bounds the connections of one listener; 0 sets no limit.
	MaxConnections int
	// ReplyBytes bounds the replies that wait in memory for clients to take them, over all connections together; -1 is an
	// eighth of the process's memory.
	ReplyBytes int64
	// Transport carries the calls of all listeners.
	Transport Transport
	// UnknownIsAnonymous gives an authenticated identity without a Principal the rights of the anonymous one.
	UnknownIsAnonymous bool
	// InternalHost and InternalPort name this server among servers.
	InternalHost string
	InternalPort int
	// InternalBindPort is the port between servers, open only over Kafka; 0 picks a free one. InternalPort is how others
	// reach it.
	InternalBindPort int
	// InternalCA, InternalCert and InternalKey are PEM files: with them servers show one another certificates.
	InternalCA, InternalCert, InternalKey string
	// Rack of this server; "" is none.
	Rack string
	// Health is the HTTP port of health and metrics; 0 picks a free one, -1 opens none.
	Health HealthConfig
	// Dashboard is the HTTP port of the dashboard.
	Dashboard DashboardConfig
	// PprofPort serves runtime profiles on the loopback interface; 0 serves none.
	PprofPort int

	// MaxRecordBytes bounds requests, records and stored objects.
	MaxRecordBytes int
	// MaxDeletesPerCommand is how many objects one step of a deletion removes.
	MaxDeletesPerCommand int
	// MaxBulkJobCommandsPerTick is how many WfRuns one step of a bulk job deals with in one partition.
	MaxBulkJobCommandsPerTick int
	// MaxThreadRuns bounds the active ThreadRuns of a WfRun; 0 sets no limit.
	MaxThreadRuns int
	// MetricRetention is how long metric windows are kept.
	MetricRetention time.Duration
	// OutputRetention is how long records for output topics are kept, and OutputRecords how many of a tenant in a
	// partition.
	OutputRetention time.Duration
	OutputRecords   int
	// MemoryLimitBytes is what the process should stay below: -1 is what MemoryBytes finds fit,
	// 0 leaves memory to the Go runtime. The heap is bounded by `lh serve` only.
	MemoryLimitBytes int64
	// ShutdownTimeout is how long running calls may take to end after the server was told to stop.
	ShutdownTimeout time.Duration

	// LogFormat is json or text, LogLevel debug, info, warn or error; both are used by `lh serve` only.
	LogFormat, LogLevel string
	// Logger of everything; discarding if nil.
	Logger *slog.Logger
	// Traces follow calls; nil if there are none. Whoever made them shuts them down after the server.
	Traces *telemetry.Traces
	// FatalPanics lets a panic in the engine end the process, as tests want it.
	FatalPanics bool
}

// KafkaConfig says how the server works over Apache Kafka.
type KafkaConfig struct {
	// Brokers to begin with, as host:port; none is a server with its own log.
	Brokers []string
	// CreateTopics makes the topics that are missing, with ReplicationFactor replicas.
	CreateTopics      bool
	ReplicationFactor int
	// Security of the connections, and Tuning of the clients.
	Security KafkaSecurity
	Tuning   kafka.Tuning
	// Linger is how long records wait for others to travel with.
	Linger time.Duration
	// SessionTimeout is how long a server may be silent before the others take its partitions over.
	SessionTimeout time.Duration
	// Standbys is how many servers besides its owner follow a partition; Warmups bounds how many partitions that are to move
	// are brought to their next owners at a time. Those of the server that makes the plan count.
	Standbys, Warmups int
	// CheckpointEvery, CheckpointBytes and KeepCommands are those of the log.
	CheckpointEvery time.Duration
	CheckpointBytes int64
	KeepCommands    time.Duration
}

// DashboardConfig of the HTTP port of the dashboard.
type DashboardConfig struct {
	// Port of it; 0 opens none.
	Port int
	// BindHost is the address that the port listens on.
	BindHost string
	// Listener whose callers those who come over HTTP are; "" is the first.
	Listener string
	// OutputStream serves the output topics on it.
	OutputStream bool
	// Origins of others whose pages may call it.
	Origins []dashboard.Origin
	// ByLogin lets people log in on it, as Login says.
	ByLogin bool
	Login   dashboard.Login
}

// HealthConfig of the HTTP port.
type HealthConfig struct {
	Port                                                   int
	Liveness, Readiness, Status, Metrics, DiskUse, Standby string
}

// DefaultConfig is a single server with its data in ./lh-data.
func DefaultConfig() Config {
	c, _, err := configFrom(map[string]string{})
	if err != nil {
		panic(err)
	}
	return c
}

// Notice is something about the settings that the operator should read at start.
type Notice struct {
	Name, Text string
}

// LoadConfig reads the settings from the properties file, or from the environment if file is "". The two are
// never merged.
func LoadConfig(file string) (Config, []Notice, error) {
	values, err := settingsSource(file)
	if err != nil {
		return Config{}, nil, err
	}
	return configFrom(values)
}

func settingsSource(file string) (map[string]string, error) {
	out := map[string]string{}
	if file == "" {
		for _, kv := range os.Environ() {
			k, v, _ := strings.Cut(kv, "=")
			out[k] = v
		}
		return out, nil
	}
	text, err := readBounded(file)
	if err != nil {
		return nil, fmt.Errorf("settings file: %w", err)
	}
	out, err = ParseProperties(text)
	if err != nil {
		return nil, fmt.Errorf("settings file %s: %w", file, err)
	}
	return out, nil
}

// maxSettingsBytes bounds the properties file: a device named by mistake may have no end.
const maxSettingsBytes = 1 << 20

func readBounded(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSettingsBytes+1))
	err = errors.Join(err, f.Close())
	if err == nil && len(text) > maxSettingsBytes {
		err = fmt.Errorf("%s has more than %d bytes", file, maxSettingsBytes)
	}
	return string(text), err
}

// configFrom applies the settings in the order of the table. Empty values count as not set.
func configFrom(values map[string]string) (Config, []Notice, error) {
	c := Config{InstanceID: -1, Version: api.Version(), Commit: "unknown"}
	var errs []error
	given := maps.Clone(values)
	for _, s := range Settings {
		v := strings.TrimSpace(given[s.Name])
		delete(given, s.Name)
		if v == "" {
			v = s.Default
		}
		if s.apply == nil || v == "" {
			continue
		}
		if err := s.apply(&c, v); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.Name, err))
		}
	}
	if values["LHS_ADVERTISED_LISTENERS"] == "" {
		for i := range c.Listeners {
			c.Listeners[i].AdvertisedHost = "localhost"
		}
	}
	c.takeKeyFiles(given)
	if c.VirtualTime {
		c.UseVirtualTime()
	}
	told := maps.Clone(values)
	errs = append(errs, c.takeProperties(told))
	errs = append(errs, c.Health.validate(), c.validateListeners(), c.validateLogin(), validateInternal(values), c.Kafka.validate(told), c.validateClock())
	return c, c.notices(values, given), errors.Join(errs...)
}

// validate refuses two paths that are one: only one of them would be served.
func (h HealthConfig) validate() error {
	seen := map[string]string{}
	for _, p := range [][2]string{
		{"LHS_HEALTH_PATH_LIVENESS", h.Liveness},
		{"LHS_HEALTH_PATH_READINESS", h.Readiness},
		{"LHS_HEALTH_PATH_STATUS", h.Status},
		{"LHS_HEALTH_PATH_METRICS", h.Metrics},
		{"LHS_HEALTH_PATH_DISK_USAGE", h.DiskUse},
		{"LHS_HEALTH_PATH_STANDBY", h.Standby},
	} {
		if other := seen[p[1]]; other != "" && p[1] != "" {
			return fmt.Errorf("%s: %s is the path of %s", p[0], p[1], other)
		}
		seen[p[1]] = p[0]
	}
	return nil
}

// ownPrefixes begin the names that are looked at. Those of clients were settings of the original's dashboard, which is
// a client; this server's own is none.
var ownPrefixes = []string{"LHS_", "LHD_", clientPrefix}

const clientPrefix = "LHC_"

// notices names what is set without effect.
func (c *Config) notices(values, unknown map[string]string) []Notice {
	var out []Notice
	useless := c.useless(values)
	for _, s := range Settings {
		switch {
		case values[s.Name] == "":
		case s.State != Used:
			out = append(out, Notice{s.Name, s.State.explain()})
		case useless[s.Name] != "":
			out = append(out, Notice{s.Name, useless[s.Name]})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(unknown)) {
		switch {
		case unknown[name] == "" || !startsWith(name, ownPrefixes):
		case useless[name] != "":
			out = append(out, Notice{name, useless[name]})
		case strings.HasPrefix(name, clientPrefix):
			out = append(out, Notice{name, "a setting of clients, without meaning for a server"})
		case startsWith(name, familyPrefixes):
			if text := propertyNotice(name); text != "" {
				out = append(out, Notice{name, text})
			}
		default:
			out = append(out, Notice{name, "unknown setting, ignored"})
		}
	}
	return out
}

func startsWith(name string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// Effective lists the settings as name and value, secrets starred: those that are set, and those with a
// default.
func Effective(file string) ([][2]string, error) {
	values, err := settingsSource(file)
	if err != nil {
		return nil, err
	}
	var out [][2]string
	for _, s := range Settings {
		v := values[s.Name]
		switch {
		case v == "":
			v = s.Default
		case secret(s.Name):
			v = "*****"
		}
		if v != "" && s.State == Used {
			out = append(out, [2]string{s.Name, v})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if _, ok := propertyOf(name); !ok || values[name] == "" {
			continue
		}
		v := values[name]
		if secret(name) {
			v = "*****"
		}
		out = append(out, [2]string{name, v})
	}
	return out, nil
}

// secret reports whether a value must not be shown.
func secret(name string) bool {
	for _, part := range []string{"PASSWORD", "SECRET", "JAAS", "KEYSTORE_KEY", "TOKEN"} {
		if strings.Contains(name, part) && !strings.HasSuffix(name, "_FILE") {
			return true
		}
	}
	return false
}
