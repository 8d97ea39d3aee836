package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"littlehorse/internal/machine"
)

// topicOf is the command topic of a kind of stream.
func (c *Config) topicOf(k machine.Kind) string {
	switch k {
	case machine.Metadata:
		return c.Cluster + "-metadata-cmd"
	case machine.Repartition:
		return c.Cluster + "-core-repartition"
	case machine.Core:
	}
	return c.Cluster + "-core-cmd"
}

// partitionsOf is how many partitions the topic has.
func (c *Config) partitionsOf(k machine.Kind) int {
	if k == machine.Metadata {
		return 1
	}
	return c.Partitions
}

// topic is one command topic.
type topic struct {
	name       string
	partitions int
	id         kadm.TopicID
}

// topics that the streams lie in, by kind.
func (c *Config) topics() map[machine.Kind]*topic {
	out := map[machine.Kind]*topic{}
	for _, s := range c.Streams {
		out[s.Kind] = &topic{name: c.topicOf(s.Kind), partitions: c.partitionsOf(s.Kind)}
	}
	return out
}

func names(topics map[machine.Kind]*topic) []string {
	var out []string
	for _, t := range topics {
		out = append(out, t.name)
	}
	slices.Sort(out)
	return out
}

// makeTopics creates what is missing, if it may, and says what does not fit.
func (c *Config) makeTopics(ctx context.Context, admin *kadm.Client) (map[machine.Kind]*topic, error) {
	topics := c.topics()
	for _, t := range topics {
		if err := c.makeTopic(ctx, admin, t); err != nil {
			return nil, fmt.Errorf("topic %s: %w", t.name, err)
		}
	}
	return topics, c.checkConfigs(ctx, admin, topics)
}

func (c *Config) makeTopic(ctx context.Context, admin *kadm.Client, t *topic) error {
	d, err := describe(ctx, admin, t.name)
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		if err = c.createTopic(ctx, admin, t); err == nil {
			d, err = created(ctx, admin, t.name)
		}
	}
	if err != nil {
		return err
	}
	if n := len(d.Partitions); n != t.partitions {
		return fmt.Errorf("it has %d partitions and the server is configured for %d: the number can never change", n, t.partitions)
	}
	t.id = d.ID
	return nil
}

func describe(ctx context.Context, admin *kadm.Client, name string) (kadm.TopicDetail, error) {
	all, err := admin.ListTopics(ctx, name)
	if err != nil {
		return kadm.TopicDetail{}, err
	}
	d := all[name]
	return d, d.Err
}

// created waits until the brokers know the topic and all its partitions have leaders.
func created(ctx context.Context, admin *kadm.Client, name string) (kadm.TopicDetail, error) {
	for {
		d, err := describe(ctx, admin, name)
		for _, p := range d.Partitions {
			err = errors.Join(err, p.Err)
		}
		if err == nil || !kerr.IsRetriable(unjoined(err)) {
			return d, err
		}
		if err := pause(ctx); err != nil {
			return d, err
		}
	}
}

// unjoined is the first of joined errors.
func unjoined(err error) error {
	var all interface{ Unwrap() []error }
	if errors.As(err, &all) && len(all.Unwrap()) > 0 {
		return all.Unwrap()[0]
	}
	return err
}

// configs that a command topic must have. Retention is for ever as long as nothing but the topic could give back what a
// server's disk has lost.
func (c *Config) configs() map[string]string {
	return map[string]string{
		"cleanup.policy":                 "delete",
		"message.timestamp.type":         "LogAppendTime",
		"retention.ms":                   "-1",
		"retention.bytes":                "-1",
		"unclean.leader.election.enable": "false",
	}
}

// inSync is how many replicas a topic with as many must have a record on before it is acknowledged: one alone may be lost.
const inSync = 2

func (c *Config) createTopic(ctx context.Context, admin *kadm.Client, t *topic) error {
	if !c.CreateTopics {
		return fmt.Errorf("it does not exist, and the server may not create it: make it with %d partitions", t.partitions)
	}
	configs := map[string]*string{
		"max.message.bytes":   kadm.StringPtr(strconv.Itoa(c.maxMessageBytes())),
		"min.insync.replicas": kadm.StringPtr(strconv.Itoa(min(c.ReplicationFactor, inSync))),
	}
	for name, value := range c.configs() {
		configs[name] = kadm.StringPtr(value)
	}
	r, err := admin.CreateTopic(ctx, int32(t.partitions), int16(c.ReplicationFactor), configs, t.name)
	if err == nil {
		err = r.Err
	}
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("create it with %d partitions and %d replicas: %w", t.partitions, c.ReplicationFactor, err)
	}
	return nil
}

// checkConfigs refuses topics that could lose or forget records.
func (c *Config) checkConfigs(ctx context.Context, admin *kadm.Client, topics map[machine.Kind]*topic) error {
	all, err := admin.DescribeTopicConfigs(ctx, names(topics)...)
	if err != nil {
		return fmt.Errorf("read the settings of the topics: %w", err)
	}
	for _, r := range all {
		if r.Err != nil {
			return fmt.Errorf("read the settings of topic %s: %w", r.Name, r.Err)
		}
		if err := c.checkConfig(r); err != nil {
			return fmt.Errorf("topic %s: %w", r.Name, err)
		}
	}
	return nil
}

func (c *Config) checkConfig(r kadm.ResourceConfig) error {
	for _, is := range r.Configs {
		value := is.MaybeValue()
		if want, ok := c.configs()[is.Key]; ok && value != want {
			return fmt.Errorf("%s is %s, it must be %s", is.Key, value, want)
		}
		if is.Key != "max.message.bytes" {
			continue
		}
		if n, err := strconv.Atoi(value); err != nil || n < c.maxMessageBytes() {
			return fmt.Errorf("%s is %s, it must be at least %d", is.Key, value, c.maxMessageBytes())
		}
	}
	return nil
}
