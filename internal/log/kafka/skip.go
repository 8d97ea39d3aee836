package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"littlehorse/internal/machine"
	"littlehorse/internal/pb"
)

// Skip lets no server of the cluster apply a record: it says so in the metadata. No server need be there; the Config needs no Store and no Streams.
// Metadata themselves cannot be skipped, for whoever reads them meets the record first.
func Skip(ctx context.Context, c Config, of string, offset uint64) error {
	if err := c.hasStream(of); err != nil {
		return err
	}
	if offset == 0 {
		return errors.New("records are counted from 1")
	}
	client, err := kgo.NewClient(c.producerOptions()...)
	if err != nil {
		return err
	}
	defer client.Close()
	topic := c.topicOf(machine.Metadata)
	switch _, err := describe(ctx, kadm.NewClient(client), topic); {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return fmt.Errorf("the brokers have no topic %s: is %s the cluster?", topic, c.Cluster)
	case err != nil:
		return fmt.Errorf("topic %s: %w", topic, err)
	}
	r := &pb.Record{
		Header:  &pb.Header{Source: c.Incarnation, Number: 1, AtNs: time.Now().UnixNano()},
		Command: &pb.Record_SkipRecord{SkipRecord: &pb.SkipRecord{Stream: of, Offset: offset}},
	}
	value, err := r.MarshalVT()
	if err != nil {
		return err
	}
	return client.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: value}).FirstErr()
}

// hasStream says what is wrong with the name of a stream whose records can be skipped.
func (c *Config) hasStream(of string) error {
	kind, number, _ := strings.Cut(of, "/")
	n, err := strconv.Atoi(number)
	s := machine.Stream{Partition: uint16(n)}
	if kind == "c" || kind == "p" {
		s.Kind = machine.Kind(kind[0])
	}
	if err != nil || n < 0 || n >= c.Partitions || s.String() != of {
		return fmt.Errorf("%q is no stream of run data: they are called c/0 to c/%d and p/0 to p/%[2]d", of, c.Partitions-1)
	}
	return nil
}
