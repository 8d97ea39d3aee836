package server

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"littlehorse/internal/keys"
	"littlehorse/internal/log"
	"littlehorse/internal/log/embedded"
	"littlehorse/internal/log/kafka"
	"littlehorse/internal/machine"
	"littlehorse/internal/store"
)

// validate refuses what would be less secure than it was meant.
func (k *KafkaConfig) validate(values map[string]string) error {
	if !k.over() {
		return nil
	}
	return k.Security.validate(values)
}

// kafkaOnly are settings that mean nothing to a server with its own log.
var kafkaOnly = []string{
	"LHS_KAFKA_SECURITY_PROTOCOL", "LHS_KAFKA_LINGER_MS", "LHS_REPLICATION_FACTOR", "LHS_SHOULD_CREATE_TOPICS",
	"LHS_X_CHECKPOINT_INTERVAL_MS", "LHS_X_CHECKPOINT_BYTES", "LHS_X_COMMAND_RETENTION_MS",
	"LHS_KAFKA_KEYSTORE", "LHS_KAFKA_KEYSTORE_PASSWORD", "LHS_KAFKA_KEYSTORE_PASSWORD_FILE",
	"LHS_KAFKA_TRUSTSTORE", "LHS_KAFKA_TRUSTSTORE_PASSWORD", "LHS_KAFKA_TRUSTSTORE_PASSWORD_FILE",
	"LHS_KAFKA_SASL_MECHANISM", "LHS_KAFKA_SASL_JAAS_CONFIG", "LHS_KAFKA_SASL_JAAS_CONFIG_FILE",
	"LHS_STREAMS_SESSION_TIMEOUT", "LHS_STREAMS_NUM_STANDBY_REPLICAS", "LHS_STREAMS_NUM_WARMUP_REPLICAS", "LHS_RACK_ID", "LHS_INTERNAL_CA_CERT", "LHS_INTERNAL_SERVER_CERT", "LHS_INTERNAL_SERVER_KEY",
}

func setBrokers(c *Config, v string) error {
	for _, part := range strings.Split(v, ",") {
		broker := strings.TrimSpace(part)
		host, port, err := net.SplitHostPort(broker)
		if n, bad := strconv.Atoi(port); err != nil || bad != nil || host == "" || n < 1 || n > 65535 {
			return fmt.Errorf("%q is not host:port", broker)
		}
		c.Kafka.Brokers = append(c.Kafka.Brokers, broker)
	}
	return nil
}

// over tells whether the log lies in Kafka.
func (k *KafkaConfig) over() bool { return len(k.Brokers) > 0 }

func (k *KafkaConfig) mode() store.Mode {
	if k.over() {
		return store.Kafka
	}
	return store.Embedded
}

// client is how the brokers are reached.
func (k *KafkaConfig) client() (c kafka.Config, err error) {
	c = kafka.DefaultConfig()
	c.Brokers, c.Tuning = k.Brokers, k.Tuning
	c.Security, err = k.Security.open()
	return c, err
}

// openLog opens the server's own log, or the one over Kafka.
func (s *Server) openLog(ctx context.Context) (log.Log, error) {
	if !s.cfg.Kafka.over() {
		c := embedded.DefaultConfig()
		c.Store, c.Streams = s.store, s.streams()
		if s.clock != nil {
			c.Now = s.clock.Now
		}
		l, err := embedded.Open(c)
		if err != nil {
			return nil, err
		}
		return l, nil
	}
	c, err := s.cfg.Kafka.client()
	if err != nil {
		return nil, err
	}
	c.Store, c.Streams, c.Logger = s.store, s.streams(), s.log
	c.Cluster, c.Partitions, c.Incarnation = s.cfg.ClusterID, s.cfg.Partitions, s.incarnation
	c.CreateTopics, c.ReplicationFactor, c.Linger = s.cfg.Kafka.CreateTopics, s.cfg.Kafka.ReplicationFactor, s.cfg.Kafka.Linger
	c.CheckpointEvery, c.CheckpointBytes, c.KeepCommands = s.cfg.Kafka.CheckpointEvery, s.cfg.Kafka.CheckpointBytes, s.cfg.Kafka.KeepCommands
	c.MaxRecordBytes, c.CatalogVersion = s.cfg.MaxRecordBytes, s.view.Version
	l, err := kafka.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	s.catalogMoved, s.kafka = l.CatalogMoved, l
	return l, nil
}

// moved follows the catalog.
func (s *Server) moved(stream machine.Stream, changes []machine.Change) {
	s.view.Committed(s.host.Position(stream), changes)
	if s.catalogMoved != nil {
		s.catalogMoved()
	}
	if s.members != nil && slices.ContainsFunc(changes, func(c machine.Change) bool { return c.Key.HasPrefix(keys.AllSkipped()) }) {
		s.members.rejoin() // what was not to be used here may be
	}
}
