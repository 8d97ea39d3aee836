package kafka

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"littlehorse/internal/machine"
	"littlehorse/internal/store"
)

// Config of a Log. Start from DefaultConfig.
type Config struct {
	// Store that commits go to.
	Store *store.Store
	// Streams of the log, each once.
	Streams []machine.Stream
	// Brokers to begin with, as host:port.
	Brokers []string
	// Security of the connections to them, and Tuning of the clients.
	Security Security
	Tuning   Tuning
	// Cluster begins the names of the topics.
	Cluster string
	// Partitions of run data in the cluster.
	Partitions int
	// Incarnation names this process from start to end; no two processes share one.
	Incarnation string
	// CreateTopics makes the topics that are missing, with so many replicas.
	CreateTopics      bool
	ReplicationFactor int
	// MaxRecordBytes bounds an encoded record without its header.
	MaxRecordBytes int
	// Linger is how long records wait for others to travel with. Default 0.
	Linger time.Duration
	// CatalogVersion is the metadata version that this server has reached: a record that names a later one is held back,
	// with all behind it in its stream. Nil holds nothing back. When it has risen, CatalogMoved is to be called.
	CatalogVersion func() uint64
	// Engine is the latest engine version that the machines of this process know. Default machine.EngineVersion.
	Engine uint32
	// MaxRecords bounds the records of one stream that are appended and not acknowledged. It stands behind the
	// admission of partitions, which refuse earlier and better. Default 65536.
	MaxRecords int
	// RefuseAfter is how long the brokers may take nothing that was sent to a stream before further records are refused: they
	// would wait, too, and whoever sent them can be told now that they do not count. Default 10 s.
	RefuseAfter time.Duration
	// OutboxWindow bounds, for each pair of streams, the emitted records that are sent and not acknowledged; the others
	// wait as rows. Default 128.
	OutboxWindow int
	// ReadAhead bounds the records of one stream that are read and not committed, ReadAheadBytes their size. Both may
	// be passed by what one fetch brings. Default 4096 and 8 MiB.
	ReadAhead      int
	ReadAheadBytes int
	// CheckpointEvery and CheckpointBytes say when the changes of a stream are written to its change log: after that time, or
	// when they come to so many bytes, each change counted. Default 30 s and 64 MiB.
	CheckpointEvery time.Duration
	CheckpointBytes int64
	// KeepCommands is how long the records of a command topic are kept that a checkpoint covers: a server whose disk is further
	// behind is rebuilt from the change log. Default 10 min; a negative time keeps them for ever.
	KeepCommands time.Duration
	// Logger; discarding by default.
	Logger *slog.Logger
}

// DefaultConfig has every default; what has none is left empty.
func DefaultConfig() Config {
	return Config{
		CreateTopics: true, ReplicationFactor: 1, MaxRecordBytes: 1_047_000, Engine: machine.EngineVersion,
		MaxRecords: 1 << 16, RefuseAfter: 10 * time.Second, OutboxWindow: 128, ReadAhead: 4096, ReadAheadBytes: 8 << 20,
		CheckpointEvery: 30 * time.Second, CheckpointBytes: 64 << 20, KeepCommands: 10 * time.Minute,
		Logger: slog.New(slog.DiscardHandler),
	}
}

// Validate names the first setting that cannot work.
func (c *Config) Validate() error {
	switch {
	case c.Store == nil:
		return errors.New("kafka log: no Store")
	case len(c.Streams) == 0:
		return errors.New("kafka log: no Streams")
	case len(c.Brokers) == 0:
		return errors.New("kafka log: no Brokers")
	case c.Cluster == "":
		return errors.New("kafka log: no Cluster")
	case c.Incarnation == "":
		return errors.New("kafka log: no Incarnation")
	case c.Logger == nil:
		return errors.New("kafka log: no Logger: start from DefaultConfig")
	case c.Engine < 1:
		return errors.New("kafka log: no Engine version: start from DefaultConfig")
	case c.Linger < 0:
		return fmt.Errorf("kafka log: Linger is %s", c.Linger)
	case c.RefuseAfter <= 0:
		return fmt.Errorf("kafka log: RefuseAfter is %s, it must be positive", c.RefuseAfter)
	case c.CheckpointEvery <= 0:
		return fmt.Errorf("kafka log: CheckpointEvery is %s, it must be positive", c.CheckpointEvery)
	case c.CheckpointBytes < 1:
		return fmt.Errorf("kafka log: CheckpointBytes is %d, it must be positive", c.CheckpointBytes)
	}
	if c.Security.Mechanism != "" {
		if _, err := c.Security.mechanism(); err != nil {
			return err
		}
	}
	for _, b := range []struct {
		name string
		n    int
	}{
		{"Partitions", c.Partitions},
		{"ReplicationFactor", c.ReplicationFactor},
		{"MaxRecordBytes", c.MaxRecordBytes},
		{"MaxRecords", c.MaxRecords},
		{"OutboxWindow", c.OutboxWindow},
		{"ReadAhead", c.ReadAhead},
		{"ReadAheadBytes", c.ReadAheadBytes},
	} {
		if b.n < 1 {
			return fmt.Errorf("kafka log: %s is %d, it must be positive", b.name, b.n)
		}
	}
	return nil
}

// headerBytes is more than the header of a record and its frame in the topic take.
const headerBytes = 64 << 10

// maxMessageBytes is what the topics must take.
func (c *Config) maxMessageBytes() int { return c.MaxRecordBytes + headerBytes }

// maxChangeBytes is what the change-log topics must take: any row with its key, alone in a batch. A row is a value that
// a machine made, which has the limit of a record, or a record with its header.
func (c *Config) maxChangeBytes() int { return c.maxMessageBytes() + 2*headerBytes }
