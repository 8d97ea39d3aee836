package server

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"littlehorse/internal/dashboard"
	"littlehorse/internal/lh"
)

// State says what a setting does in this version.
type State int

// The states.
const (
	Used      State = iota // it acts
	NoMeaning              // documented for other set-ups; accepted, without effect
	Removed                // documented once, gone since
)

func (s State) String() string {
	return [...]string{"used", "accepted, no effect", "removed"}[s]
}

func (s State) explain() string {
	switch s {
	case NoMeaning:
		return "documented setting without meaning for this server, ignored"
	case Removed:
		return "removed setting, ignored"
	default:
		return s.String()
	}
}

// Setting is one documented name.
type Setting struct {
	Name    string
	Default string // "" is none
	Bounds  string
	State   State
	Doc     string
	apply   func(*Config, string) error
}

var (
	listenerName = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
	hostName     = regexp.MustCompile(`^[a-zA-Z0-9.-]+$`)
)

// Settings is the table of all names, in the order of the documentation.
var Settings = []Setting{
	{
		Name: "LHS_KAFKA_BOOTSTRAP_SERVERS", Bounds: "host:port,…",
		Doc:   "Kafka brokers that hold the log ([Kafka](kafka.md)), for any number of servers with the same `LHS_CLUSTER_ID`. Unset: a server with its own log, no Kafka at all.",
		apply: setBrokers,
	},
	{
		Name: "LHS_KAFKA_SECURITY_PROTOCOL", Default: kafkaPlain, Bounds: "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
		Doc:   "How to talk to Kafka ([Kafka](kafka.md#securely)). The next ones are refused with a protocol that does not read them.",
		apply: setKafkaProtocol,
	},
	{
		Name: "LHS_KAFKA_KEYSTORE", Bounds: "path", Doc: "With SSL: certificate and key of this server, PKCS12 or PEM. Read at start.",
		apply: text(func(c *Config) *string { return &c.Kafka.Security.Keystore }),
	},
	{
		Name: "LHS_KAFKA_KEYSTORE_PASSWORD", Bounds: "text", Doc: "Its password, if it is PKCS12.",
		apply: text(func(c *Config) *string { return &c.Kafka.Security.KeystorePassword }),
	},
	{
		Name: "LHS_KAFKA_KEYSTORE_PASSWORD_FILE", Bounds: "path", Doc: "File with it, instead.",
		apply: fromFile(func(c *Config) *string { return &c.Kafka.Security.KeystorePassword }),
	},
	{
		Name: "LHS_KAFKA_TRUSTSTORE", Bounds: "path", Doc: "With SSL and SASL_SSL: authorities of the brokers' certificates, PKCS12 as keytool makes it or PEM. Read at start. Unset: those of the system.",
		apply: text(func(c *Config) *string { return &c.Kafka.Security.Truststore }),
	},
	{
		Name: "LHS_KAFKA_TRUSTSTORE_PASSWORD", Bounds: "text", Doc: "Its password, if it is PKCS12.",
		apply: text(func(c *Config) *string { return &c.Kafka.Security.TruststorePassword }),
	},
	{
		Name: "LHS_KAFKA_TRUSTSTORE_PASSWORD_FILE", Bounds: "path", Doc: "File with it, instead.",
		apply: fromFile(func(c *Config) *string { return &c.Kafka.Security.TruststorePassword }),
	},
	{
		Name: "LHS_KAFKA_SASL_MECHANISM", Bounds: "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", Doc: "How the password is shown; needed for SASL.",
		apply: setKafkaMechanism,
	},
	{
		Name: "LHS_KAFKA_SASL_JAAS_CONFIG", Bounds: "text", Doc: "Name and password, as Java has them: `org.apache.kafka.common.security.scram.ScramLoginModule required username=\"lh\" password=\"…\";`. Needed for SASL.",
		apply: text(func(c *Config) *string { return &c.Kafka.Security.JAAS }),
	},
	{
		Name: "LHS_KAFKA_SASL_JAAS_CONFIG_FILE", Bounds: "path", Doc: "File with it, instead.",
		apply: fromFile(func(c *Config) *string { return &c.Kafka.Security.JAAS }),
	},
	{
		Name: "LHS_KAFKA_LINGER_MS", Default: "0", Bounds: "0 to 1000", Doc: "How long a command waits for others to travel to Kafka with.",
		apply: setLinger,
	},
	{
		Name: "LHS_PRODUCER_MAX_REQUEST_SIZE", Default: "1047000", Bounds: "4096 to 4194304 bytes", Doc: "Largest request, record and stored object, values of variables included; a definition takes 1047000 at most.",
		apply: integer(4096, 4<<20, func(c *Config, n int) { c.MaxRecordBytes = n }),
	},

	{Name: "LHS_CLUSTER_ID", Default: "cluster1", Bounds: "name", Doc: "Name of the cluster; label `lh_cluster_id` of every metric.", apply: setClusterID},
	{
		Name: "LHS_INSTANCE_ID", Bounds: "0 or more", Doc: "Number of this server. Unset: none.",
		apply: integer(0, 1<<30, func(c *Config, n int) { c.InstanceID = n }),
	},
	{
		Name: "LHS_CLUSTER_PARTITIONS", Default: "12", Bounds: "1 to 4096", Doc: "Partitions of run data. It can never change: a store made with another number is refused.",
		apply: integer(1, 4096, func(c *Config, n int) { c.Partitions = n }),
	},
	{
		Name: "LHS_REPLICATION_FACTOR", Default: "1", Bounds: "1 to 32767", Doc: "Replicas of the Kafka topics that the server creates.",
		apply: integer(1, 32767, func(c *Config, n int) { c.Kafka.ReplicationFactor = n }),
	},
	none("LHS_OUTPUT_TOPIC_PARTITIONS", "Partitions of output topics."),
	{
		Name: "LHS_SHOULD_CREATE_TOPICS", Default: "true", Bounds: "true, false", Doc: "Whether the server creates missing Kafka topics.",
		apply: boolean(func(c *Config) *bool { return &c.Kafka.CreateTopics }),
	},
	none("LHS_SHOULD_CREATE_OUTPUT_TOPICS", "Whether the server creates output topics."),
	{
		Name: "LHS_RACK_ID", Bounds: "text", Doc: "Rack of this server. Hot copies of a partition are kept in other racks than its owner's, if there are.",
		apply: text(func(c *Config) *string { return &c.Rack }),
	},
	{
		Name: "LHS_STATE_DIR", Default: "./lh-data", Bounds: "path", Doc: "Folder of the store: without Kafka the only copy of all data. Keep it on a local disk and [back it up](backup.md).",
		apply: text(func(c *Config) *string { return &c.StateDir }),
	},

	{
		Name: "LHS_CORE_STREAM_THREADS", Default: "0", Bounds: "0 to 256", Doc: "Goroutines that apply commands of a server with its own log. 0: as many as cores. Over Kafka each partition has one of its own.",
		apply: integer(0, 256, func(c *Config, n int) { c.Lanes = n }),
	},
	none("LHS_TIMER_STREAM_THREADS", "Threads of the timer application; timers live in the partitions."),
	none("LHS_CORE_STREAMS_COMMIT_INTERVAL", "Commit interval; every command is durable before it is answered."),
	none("LHS_TIMER_STREAMS_COMMIT_INTERVAL", "Commit interval of the timer application."),
	{
		Name: "LHS_STREAMS_SESSION_TIMEOUT", Default: "10000", Bounds: "100 to 300000 ms",
		Doc:   "How long a server of a [cluster](kafka.md) may be silent before the others take its partitions over. Brokers take 6000 to 1800000 unless they are told otherwise.",
		apply: integer(100, 300_000, func(c *Config, n int) { c.Kafka.SessionTimeout = time.Duration(n) * time.Millisecond }),
	},
	{
		Name: "LHS_STREAMS_NUM_STANDBY_REPLICAS", Default: "0", Bounds: "0 to 16", Doc: "How many servers of a [cluster](kafka.md) besides its owner keep a hot copy of each partition, in other racks if there are. The same for all servers.",
		apply: integer(0, 16, func(c *Config, n int) { c.Kafka.Standbys = n }),
	},
	{
		Name: "LHS_STREAMS_NUM_WARMUP_REPLICAS", Default: "4", Bounds: "1 to 4096", Doc: "How many partitions that are to move are brought to their next owners at a time. The same for all servers.",
		apply: integer(1, 4096, func(c *Config, n int) { c.Kafka.Warmups = n }),
	},
	none("LHS_STREAMS_STATE_CLEANUP_DELAY_MS", "Delay before moved partitions are deleted; copies stay on the disk, and make a return cheap."),
	{
		Name: "LHS_CORE_STATESTORE_CACHE_BYTES", Default: "33554432", Bounds: "1048576 or more", Doc: "Decoded objects that all partitions together keep in memory, counted as they are encoded; decoded they take several times that.",
		apply: integer(1<<20, 1<<46, func(c *Config, n int) { c.CacheBytes = int64(n) }),
	},
	none("LHS_TIMER_STATESTORE_CACHE_BYTES", "Cache of the timer application."),
	none("LHS_CORE_MEMTABLE_SIZE_BYTES", "Memtable of one partition; see LHS_STORE_MEMORY_BYTES."),
	none("LHS_ROCKSDB_TOTAL_BLOCK_CACHE_BYTES", "Block cache; see LHS_STORE_MEMORY_BYTES."),
	none("LHS_ROCKSDB_TOTAL_MEMTABLE_BYTES", "Memtables; see LHS_STORE_MEMORY_BYTES."),
	none("LHS_ROCKSDB_COMPACTION_THREADS", "Compaction threads; half of the cores here."),
	none("LHS_ROCKSDB_USE_DIRECT_IO", "Direct I/O."),
	none("LHS_ROCKSDB_RATE_LIMIT_BYTES", "Write rate limit."),
	none("LHS_ROCKSDB_RATE_LIMIT_INCLUDE_READS", "Whether the rate limit counts reads."),
	{
		Name: "LHS_STORE_MEMORY_BYTES", Default: "-1", Bounds: "-1, or 2097152 or more", Doc: "Ours. Budget of the store for block cache and memtables together. It fills as it is used. -1: three eighths of `LHS_MEMORY_LIMIT_BYTES`.",
		apply: setStoreMemory,
	},
	{
		Name: "LHS_MEMORY_LIMIT_BYTES", Default: "-1", Bounds: "-1, 0, or 67108864 and more", Doc: "Ours. What the whole process should stay below: the store gets three eighths of it, the Go runtime all that is left (GOMEMLIMIT, with GOGC 400). Of that, an eighth of the limit is for replies that wait, three sixteenths for requests that are not decoded and calls that run (33554432 at least), a sixteenth for the port of the dashboard (33554432 at least). -1: 1073741824, or a thirty-second of what the machine or container has if that is more, but not more than half; 0: left to the Go runtime and its own variables.",
		apply: setMemoryLimit,
	},
	none("LHS_MAX_BULK_JOB_ITER_DURATION_MS", "Time of one step of a bulk job."),
	none("LHS_BULK_JOB_DELAY_INTERVAL_SECONDS", "Delay between steps of a bulk job."),
	{
		Name: "LHS_X_MAX_BULK_JOB_COMMANDS_PER_TICK", Default: "10", Bounds: "1 to 1000", Doc: "WfRuns that one step of a bulk job deals with in one partition.",
		apply: integer(1, 1000, func(c *Config, n int) { c.MaxBulkJobCommandsPerTick = n }),
	},
	{
		Name: "LHS_X_MAX_DELETES_PER_COMMAND", Default: "1000", Bounds: "1 to 100000", Doc: "Objects removed in one step of a WfRun's deletion.",
		apply: integer(1, 100_000, func(c *Config, n int) { c.MaxDeletesPerCommand = n }),
	},
	{Name: "LHS_X_MAX_THREAD_RUNS_PER_WF_RUN", Default: "0", Bounds: "0, or 2 and more", Doc: "Active ThreadRuns of one WfRun. 0: no limit.", apply: setMaxThreadRuns},
	{
		Name: "LHS_X_METRIC_RETENTION_MS", Default: "1209600000", Bounds: "60000 or more", Doc: "How long metric windows are kept after they began.",
		apply: integer(60_000, 1<<42, func(c *Config, n int) { c.MetricRetention = time.Duration(n) * time.Millisecond }),
	},
	{
		Name: "LHS_X_OUTPUT_RETENTION_MS", Default: "86400000", Bounds: "60000 or more", Doc: "Ours. How long records for output topics are kept at least, unless there are too many.",
		apply: integer(60_000, 1<<42, func(c *Config, n int) { c.OutputRetention = time.Duration(n) * time.Millisecond }),
	},
	{
		Name: "LHS_X_OUTPUT_MAX_RECORDS", Default: "1000000", Bounds: "1 or more", Doc: "Ours. Records for output topics kept at most, for each tenant and partition.",
		apply: integer(1, 1<<40, func(c *Config, n int) { c.OutputRecords = n }),
	},
	{
		Name: "LHS_X_DISK_RESERVE_BYTES", Default: "-1", Bounds: "-1, 0, or more", Doc: "Ours. Free space of the disk of `LHS_STATE_DIR` below which nothing new is begun, and at half of which nothing is written until there is more (disk.md). -1: a twentieth of the disk, at most 1073741824; at least `LHS_STORE_MEMORY_BYTES`, or 536870912 if that is less, but not more than a fifth of the disk. 0: the disk is not watched, and the server ends when it is full.",
		apply: integer(-1, 1<<46, func(c *Config, n int) { c.DiskReserveBytes = int64(n) }),
	},
	{
		Name: "LHS_X_DISK_CHECK_MS", Default: "1000", Bounds: "10 to 60000", Doc: "Ours. How often the free space is looked at, at least.",
		apply: integer(10, 60_000, func(c *Config, n int) { c.DiskCheck = time.Duration(n) * time.Millisecond }),
	},
	{
		Name: "LHS_X_CHECKPOINT_INTERVAL_MS", Default: "30000", Bounds: "10 to 3600000", Doc: "Ours. How old a change may be that is not in the change log of its partition ([Kafka](kafka.md)).",
		apply: integer(10, 3_600_000, func(c *Config, n int) { c.Kafka.CheckpointEvery = time.Duration(n) * time.Millisecond }),
	},
	{
		Name: "LHS_X_CHECKPOINT_BYTES", Default: "67108864", Bounds: "65536 or more", Doc: "Ours. Changes of one partition, each counted, with which a checkpoint begins earlier.",
		apply: integer(65536, 1<<40, func(c *Config, n int) { c.Kafka.CheckpointBytes = int64(n) }),
	},
	{
		Name: "LHS_X_COMMAND_RETENTION_MS", Default: "600000", Bounds: "-1, 0, or more", Doc: "Ours. How long records of command topics are kept that a checkpoint covers. -1: for ever.",
		apply: integer(-1, 1<<42, func(c *Config, n int) { c.Kafka.KeepCommands = time.Duration(n) * time.Millisecond }),
	},
	none("LHS_X_ENABLE_TIMER_STREAMS", "Separate timer application."),
	{
		Name: "LHS_X_CLOCK", Default: "real", Bounds: "real, virtual",
		Doc: "Ours. Where times come from. virtual: a clock that stands still until `lhctl clock` moves it ([virtual time](clock.md)). A store made in the one time is refused in the other; virtual time goes without Kafka and on loopback addresses only.", apply: setClock,
	},

	{
		Name: "LHS_BIND_HOST", Bounds: "host or address", Doc: "Ours. Address that all ports listen on. Unset: all interfaces.",
		apply: text(func(c *Config) *string { return &c.BindHost }),
	},
	{Name: "LHS_LISTENERS", Default: "PLAIN:2023", Bounds: "NAME:port,…", Doc: "Ports of the public API.", apply: setListeners},
	{
		Name: "LHS_LISTENERS_PROTOCOL_MAP", Bounds: "NAME:PLAIN, TLS or MTLS,…",
		Doc:   "Protocol of each listener; those that are not listed have PLAIN. MTLS asks clients for a certificate of `LHS_CA_CERT`.",
		apply: setProtocols,
	},
	{
		Name: "LHS_LISTENERS_AUTHENTICATION_MAP", Bounds: "NAME:NONE, MTLS or OAUTH,…",
		Doc:   "Authentication of each listener; those that are not listed have NONE: everybody is `anonymous`. MTLS goes by the common name of the client's certificate and needs the protocol MTLS; OAUTH by a bearer token.",
		apply: setAuthentications,
	},
	{Name: "LHS_LISTENER_<NAME>_CERT", Bounds: "path", Doc: "Certificate chain of the listener, PEM; needed for TLS and MTLS. A replaced file is read again without a restart."},
	{Name: "LHS_LISTENER_<NAME>_KEY", Bounds: "path", Doc: "Its key, PEM, not encrypted. Replaced together with the certificate."},
	{
		Name: "LHS_CA_CERT", Bounds: "path", Doc: "CA of client certificates for all listeners with MTLS, PEM. A replaced file is read again without a restart.",
		apply: text(func(c *Config) *string { return &c.ClientCA }),
	},
	{
		Name: "LHS_MAX_CONNECTIONS", Default: "10000", Bounds: "0 or more", Doc: "Ours. Connections of one listener at a time; further ones are closed at once. 0: no limit.",
		apply: integer(0, 1<<30, func(c *Config, n int) { c.MaxConnections = n }),
	},
	{
		Name: "LHS_REPLY_MEMORY_BYTES", Default: "-1", Bounds: "-1, or 16777216 or more", Doc: "Ours. Replies that wait in memory for clients to take them, over all connections together; a single one fills a fifth of it at most. When it is full, calls wait. -1: an eighth of `LHS_MEMORY_LIMIT_BYTES`, but not less than 16777216.",
		apply: setReplyMemory,
	},
	{
		Name: "LHS_X_TRANSPORT", Default: "h2", Bounds: "h2, grpc-go",
		Doc:   "Ours. What carries the calls of clients: our own implementation of gRPC, or that of the gRPC project (ADR 0017).",
		apply: setTransport,
	},
	{
		Name: "LHS_X_UNKNOWN_IDENTITY_IS_ANONYMOUS", Default: "false", Bounds: "true, false",
		Doc:   "Ours. Whether an authenticated caller without a Principal has the rights of `anonymous`, as the original has it. Otherwise he has none.",
		apply: boolean(func(c *Config) *bool { return &c.UnknownIsAnonymous }),
	},
	{Name: "LHS_ADVERTISED_LISTENERS", Bounds: "NAME://host:port,…", Doc: "How workers reach this server through each listener. Unset: localhost and the port of the listener.", apply: setAdvertised},
	{
		Name: "LHS_OAUTH_INTROSPECT_URL", Bounds: "URL", Doc: "Token introspection (RFC 7662): where listeners with authentication OAUTH ask about every token.",
		apply: text(func(c *Config) *string { return &c.OAuth.IntrospectURL }),
	},
	{
		Name: "LHS_OAUTH_CLIENT_ID", Bounds: "text", Doc: "As whom the server asks.",
		apply: text(func(c *Config) *string { return &c.OAuth.ClientID }),
	},
	{
		Name: "LHS_OAUTH_CLIENT_SECRET", Bounds: "text", Doc: "Its secret.",
		apply: text(func(c *Config) *string { return &c.OAuth.ClientSecret }),
	},
	{
		Name: "LHS_OAUTH_CLIENT_ID_FILE", Bounds: "path", Doc: "File with it; wins over `LHS_OAUTH_CLIENT_ID`.",
		apply: fromFile(func(c *Config) *string { return &c.OAuth.ClientID }),
	},
	{
		Name: "LHS_OAUTH_CLIENT_SECRET_FILE", Bounds: "path", Doc: "File with it; wins over `LHS_OAUTH_CLIENT_SECRET`.",
		apply: fromFile(func(c *Config) *string { return &c.OAuth.ClientSecret }),
	},
	{
		Name: "LHS_OAUTH_ISSUER_URL", Bounds: "URL", Doc: "Ours. Issuer that every token must be of, to the letter. Without introspection tokens are JWTs, judged by the keys that it publishes.",
		apply: text(func(c *Config) *string { return &c.OAuth.Issuer }),
	},
	{
		Name: "LHS_OAUTH_AUDIENCE", Bounds: "text", Doc: "Ours. Audience that every token must be for. Needed for JWTs.",
		apply: text(func(c *Config) *string { return &c.OAuth.Audience }),
	},
	{
		Name: "LHS_INTERNAL_BIND_PORT", Default: "2011", Bounds: "1 to 65535", Doc: "Port between the servers of a [cluster](kafka.md). A server with its own log names it but opens none.",
		apply: integer(1, 65535, func(c *Config, n int) { c.InternalBindPort, c.InternalPort = n, n }),
	},
	{
		Name: "LHS_INTERNAL_ADVERTISED_HOST", Default: "localhost", Bounds: "host", Doc: "How other servers reach this one; shown in /status and TaskWorkerGroups. Each server of a cluster needs another, or another port.",
		apply: setInternalHost,
	},
	{
		Name: "LHS_INTERNAL_ADVERTISED_PORT", Bounds: "1 to 65535", Doc: "Unset: the internal port.",
		apply: integer(1, 65535, func(c *Config, n int) { c.InternalPort = n }),
	},
	{
		Name: "LHS_INTERNAL_CA_CERT", Bounds: "path",
		Doc:   "CA of the certificates that servers show one another, PEM: with it the internal port speaks mutual TLS, and the next two are needed. Replaced files are read again without a restart. Unset: in clear, and calls are known by a secret that only members of the cluster are told.",
		apply: text(func(c *Config) *string { return &c.InternalCA }),
	},
	{
		Name: "LHS_INTERNAL_SERVER_CERT", Bounds: "path", Doc: "Certificate chain of this server among servers, PEM; for clients and servers, and for the advertised host.",
		apply: text(func(c *Config) *string { return &c.InternalCert }),
	},
	{
		Name: "LHS_INTERNAL_SERVER_KEY", Bounds: "path", Doc: "Its key, PEM, not encrypted.",
		apply: text(func(c *Config) *string { return &c.InternalKey }),
	},

	{
		Name: "LHS_HEALTH_SERVICE_PORT", Default: "1822", Bounds: "1 to 65535", Doc: "HTTP port of health and metrics.",
		apply: integer(1, 65535, func(c *Config, n int) { c.Health.Port = n }),
	},
	path("LHS_HEALTH_PATH_LIVENESS", "/liveness", func(c *Config) *string { return &c.Health.Liveness }),
	path("LHS_HEALTH_PATH_READINESS", "/readiness", func(c *Config) *string { return &c.Health.Readiness }),
	path("LHS_HEALTH_PATH_STATUS", "/status", func(c *Config) *string { return &c.Health.Status }),
	path("LHS_HEALTH_PATH_METRICS", "/metrics", func(c *Config) *string { return &c.Health.Metrics }),
	path("LHS_HEALTH_PATH_DISK_USAGE", "/diskUsage", func(c *Config) *string { return &c.Health.DiskUse }),
	path("HEALTH_PATH_STANDBY", "/standby-status", func(c *Config) *string { return &c.Health.Standby }),
	path("LHS_HEALTH_PATH_STANDBY", "", func(c *Config) *string { return &c.Health.Standby }),
	{Name: "LHS_METRICS_LEVEL", Default: "INFO", Bounds: "INFO, DEBUG, TRACE", Doc: "Accepted; all metrics are always served.", apply: oneOf("INFO", "DEBUG", "TRACE")},
	{
		Name: "LHS_PPROF_PORT", Default: "0", Bounds: "0 to 65535", Doc: "Ours. Runtime profiles under /debug/pprof/ on the loopback interface. 0: none.",
		apply: integer(0, 65535, func(c *Config, n int) { c.PprofPort = n }),
	},
	{
		Name: "LHS_LOG_FORMAT", Default: "json", Bounds: "json, text", Doc: "Ours. Format of the log on standard error.",
		apply: func(c *Config, v string) error {
			c.LogFormat = strings.ToLower(v)
			return member(c.LogFormat, "json", "text")
		},
	},
	{
		Name: "LHS_LOG_LEVEL", Default: "info", Bounds: "debug, info, warn, error", Doc: "Ours. Least important kind of line that is logged.",
		apply: func(c *Config, v string) error {
			c.LogLevel = strings.ToLower(v)
			return member(c.LogLevel, "debug", "info", "warn", "error")
		},
	},
	{
		Name: "LHS_SHUTDOWN_TIMEOUT_SECONDS", Default: "30", Bounds: "1 to 3600", Doc: "Ours. How long running calls may take to end after SIGTERM.",
		apply: integer(1, 3600, func(c *Config, n int) { c.ShutdownTimeout = time.Duration(n) * time.Second }),
	},

	{
		Name: "LHD_PORT", Default: "8080", Bounds: "0 to 65535", Doc: "HTTP port of the dashboard and of the API as JSON. 0: none.",
		apply: integer(0, 65535, func(c *Config, n int) { c.Dashboard.Port = n }),
	},
	{
		Name: "LHD_BIND_HOST", Default: "127.0.0.1", Bounds: "host or address", Doc: "Ours. Address that the port of the dashboard listens on; LHS_BIND_HOST does not count for it. Without authentication a loopback address answers requests to this machine's own names only.",
		apply: text(func(c *Config) *string { return &c.Dashboard.BindHost }),
	},
	{Name: "LHD_LISTENER", Bounds: "name", Doc: "Ours. Listener of LHS_LISTENERS whose protocol, certificate and authentication hold for the port of the dashboard. Unset: the first.", apply: setDashboardListener},
	{
		Name: "LHD_OUTPUT_STREAM", Default: "false", Bounds: "true, false", Doc: "Ours. Whether output topics can be read on the port of the dashboard; their values are not masked.",
		apply: boolean(func(c *Config) *bool { return &c.Dashboard.OutputStream }),
	},
	{
		Name: "LHD_CORS_ALLOWED_ORIGINS", Bounds: "origin,…", Doc: "Ours. Origins, as `https://app.example.com`, whose pages may call the API on the port of the dashboard ([pages of others](dashboard.md#pages-of-others)). Unset: no pages but its own.",
		apply: setOrigins,
	},
	{
		Name: "LHD_OAUTH_ENABLED", Default: "false", Bounds: "true, false", Doc: "Whether people log in on the dashboard with an OpenID provider ([login](dashboard.md#login)). Its listener must have authentication OAUTH.",
		apply: boolean(func(c *Config) *bool { return &c.Dashboard.ByLogin }),
	},
	{
		Name: "LHD_OAUTH_ISSUER_URI", Bounds: "URL", Doc: "The provider, as it names itself.",
		apply: text(func(c *Config) *string { return &c.Dashboard.Login.Issuer }),
	},
	{
		Name: "LHD_OAUTH_CLIENT_ID", Bounds: "text", Doc: "Who the dashboard is to the provider.",
		apply: text(func(c *Config) *string { return &c.Dashboard.Login.ClientID }),
	},
	{
		Name: "LHD_OAUTH_CLIENT_SECRET", Bounds: "text", Doc: "Its secret. Unset: a public client, which has none.",
		apply: text(func(c *Config) *string { return &c.Dashboard.Login.ClientSecret }),
	},
	{
		Name: "LHD_OAUTH_CLIENT_SECRET_FILE", Bounds: "path", Doc: "Ours. File with it; wins over `LHD_OAUTH_CLIENT_SECRET`.",
		apply: fromFile(func(c *Config) *string { return &c.Dashboard.Login.ClientSecret }),
	},
	{
		Name: "LHD_OAUTH_CALLBACK_URL", Bounds: "URL", Doc: "Address at which browsers reach the dashboard, without a path; the provider leads back to `/auth/callback` below it. With https, cookies are sent over TLS only.",
		apply: text(func(c *Config) *string { return &c.Dashboard.Login.Address }),
	},
	{
		Name: "LHD_OAUTH_SCOPES", Default: "openid profile", Bounds: "words", Doc: "Ours. What is asked for at the provider; `openid` must be among it.",
		apply: func(c *Config, v string) error { c.Dashboard.Login.Scopes = strings.Fields(v); return nil },
	},
	{
		Name: "LHD_OAUTH_ENCRYPT_SECRET", Bounds: "text", Doc: "Key of what a browser keeps while somebody logs in. Unset: one for each start. Sessions are kept by the server and need none.",
		apply: text(func(c *Config) *string { return &c.Dashboard.Login.Secret }),
	},
	none("LHD_OAUTH_CALLBACK_URL_INTERNAL", "Address of the dashboard for itself; it has no need of one."),

	gone("LHS_STREAMS_METRICS_LEVEL"),
	gone("LHS_X_ROCKSDB_LOG_LEVEL"),
	gone("LHS_X_ROCKSDB_USE_LEVEL_COMPACTION"),
	gone("LHS_STREAMS_TRANSACTION_TIMEOUT_MS"),
	gone("LHS_TIMER_MEMTABLE_SIZE_BYTES"),
	gone("LHS_NUM_NETWORK_THREADS"),
}

func none(name, doc string) Setting { return Setting{Name: name, State: NoMeaning, Doc: doc} }

func gone(name string) Setting {
	return Setting{Name: name, State: Removed, Doc: "Existed in earlier versions."}
}

func integer(low, high int, set func(*Config, int)) func(*Config, string) error {
	return func(c *Config, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < low || n > high {
			return fmt.Errorf("%q is not a whole number from %d to %d", v, low, high)
		}
		set(c, n)
		return nil
	}
}

func path(name, def string, field func(*Config) *string) Setting {
	return Setting{Name: name, Default: def, Bounds: "path", Doc: "Path on the health port.", apply: func(c *Config, v string) error {
		if !strings.HasPrefix(v, "/") {
			return fmt.Errorf("%q must begin with /", v)
		}
		*field(c) = v
		return nil
	}}
}

func member(v string, allowed ...string) error {
	for _, a := range allowed {
		if v == a {
			return nil
		}
	}
	return fmt.Errorf("%q is not one of %s", v, strings.Join(allowed, ", "))
}

func text(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, v string) error {
		*field(c) = v
		return nil
	}
}

func boolean(field func(*Config) *bool) func(*Config, string) error {
	return func(c *Config, v string) error {
		*field(c) = strings.EqualFold(v, "true")
		return member(strings.ToLower(v), "true", "false")
	}
}

func oneOf(allowed ...string) func(*Config, string) error {
	return func(_ *Config, v string) error { return member(v, allowed...) }
}

// fromFile takes the text of a file, trimmed.
func fromFile(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, file string) error {
		text, err := readBounded(file)
		if err != nil {
			return err
		}
		if text = strings.TrimSpace(text); text == "" {
			return fmt.Errorf("%s is empty", file)
		}
		*field(c) = text
		return nil
	}
}

func setClusterID(c *Config, v string) error {
	if !lh.ValidName(v) {
		return fmt.Errorf("%q is not a name of letters, digits and hyphens", v)
	}
	c.ClusterID = v
	return nil
}

func setMaxThreadRuns(c *Config, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n == 1 {
		return fmt.Errorf("%q is not 0, or 2 and more", v)
	}
	c.MaxThreadRuns = n
	return nil
}

// minMemoryLimit is what a server needs to be more than a garbage collector.
const minMemoryLimit = 64 << 20

func setMemoryLimit(c *Config, v string) error {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < -1 || (n > 0 && n < minMemoryLimit) {
		return fmt.Errorf("%q is not -1, 0, or %d and more", v, minMemoryLimit)
	}
	c.MemoryLimitBytes = n
	return nil
}

func setStoreMemory(c *Config, v string) error {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < -1 || (n >= 0 && n < leastStore) || n > 1<<46 {
		return fmt.Errorf("%q is not -1, or %d and more", v, leastStore)
	}
	c.StoreMemoryBytes = n
	return nil
}

func setReplyMemory(c *Config, v string) error {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < -1 || (n >= 0 && n < leastReplies) || n > 1<<46 {
		return fmt.Errorf("%q is not -1, or %d and more", v, leastReplies)
	}
	c.ReplyBytes = n
	return nil
}

func setInternalHost(c *Config, v string) error {
	if !hostName.MatchString(v) && net.ParseIP(v) == nil {
		return fmt.Errorf("%q is not a host", v)
	}
	c.InternalHost = v
	return nil
}

func setListeners(c *Config, v string) error {
	names, ports := map[string]bool{}, map[int]bool{}
	for _, part := range strings.Split(v, ",") {
		name, port, ok := strings.Cut(strings.TrimSpace(part), ":")
		n, err := strconv.Atoi(port)
		switch {
		case !ok || !listenerName.MatchString(name) || err != nil || n < 1 || n > 65535:
			return fmt.Errorf("%q is not NAME:port", part)
		case names[name]:
			return fmt.Errorf("listener %s is named twice", name)
		case ports[n]:
			return fmt.Errorf("port %d is used twice", n)
		}
		names[name], ports[n] = true, true
		c.Listeners = append(c.Listeners, Listener{Name: name, Port: n})
	}
	return nil
}

func setDashboardListener(c *Config, v string) error {
	if !slices.ContainsFunc(c.Listeners, func(l Listener) bool { return l.Name == v }) {
		return fmt.Errorf("LHS_LISTENERS has no listener %s", v)
	}
	c.Dashboard.Listener = v
	return nil
}

func setOrigins(c *Config, v string) error {
	for _, part := range strings.Split(v, ",") {
		origin, err := dashboard.ParseOrigin(strings.TrimSpace(part))
		if err != nil {
			return err
		}
		c.Dashboard.Origins = append(c.Dashboard.Origins, origin)
	}
	return nil
}

func setAdvertised(c *Config, v string) error {
	for _, part := range strings.Split(v, ",") {
		name, address, ok := strings.Cut(strings.TrimSpace(part), "://")
		at := strings.LastIndexByte(address, ':')
		if !ok || at < 0 || !listenerName.MatchString(name) || !hostName.MatchString(address[:at]) {
			return fmt.Errorf("%q is not NAME://host:port", part)
		}
		n, err := strconv.Atoi(address[at+1:])
		if err != nil || n < 1 || n > 65535 {
			return fmt.Errorf("%q has no valid port", part)
		}
		i := slices.IndexFunc(c.Listeners, func(l Listener) bool { return l.Name == name })
		if i < 0 {
			return fmt.Errorf("LHS_LISTENERS has no listener %s", name)
		}
		c.Listeners[i].AdvertisedHost, c.Listeners[i].AdvertisedPort = address[:at], n
	}
	return nil
}
