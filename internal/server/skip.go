package server

import (
	"context"
	"errors"

	"littlehorse/internal/log/kafka"
)

// Skip lets no server of the cluster apply a record of a stream.
func Skip(ctx context.Context, c *Config, stream string, offset uint64) error {
	if !c.Kafka.over() {
		return errors.New("LHS_KAFKA_BOOTSTRAP_SERVERS names no brokers: only a cluster has records that come again")
	}
	k, err := c.Kafka.client()
	if err != nil {
		return err
	}
	k.Cluster, k.Partitions, k.Incarnation, k.MaxRecordBytes = c.ClusterID, c.Partitions, newIncarnation(), c.MaxRecordBytes
	return kafka.Skip(ctx, k, stream, offset)
}
