package kafka

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

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

// changeLogOf is the change-log topic of a kind of stream.
func (c *Config) changeLogOf(k machine.Kind) string {
	switch k {
	case machine.Metadata:
		return c.Cluster + "-global-metadata-cl"
	case machine.Repartition:
		return c.Cluster + "-core-repartition-store-changelog"
	case machine.Core:
	}
	return c.Cluster + "-core-store-changelog"
}

// partitionsOf is how many partitions the topics have.
func (c *Config) partitionsOf(k machine.Kind) int {
	if k == machine.Metadata {
		return 1
	}
	return c.Partitions
}

// topic is what the server needs of one.
type topic struct {
	name       string
	partitions int
	id         kadm.TopicID
	replicas   int

	must    map[string]string // settings
	want    map[string]string // settings, besides, of one that the server makes
	message int               // bytes of a batch that it takes at least
}

// topics that the streams lie in, by kind.
type topics struct{ commands, changes map[machine.Kind]*topic }

func (c *Config) topics() topics {
	t := topics{map[machine.Kind]*topic{}, map[machine.Kind]*topic{}}
	for _, s := range c.Streams {
		n := c.partitionsOf(s.Kind)
		t.commands[s.Kind] = &topic{name: c.topicOf(s.Kind), partitions: n, must: commandConfigs(), message: c.maxMessageBytes()}
		t.changes[s.Kind] = &topic{
			name: c.changeLogOf(s.Kind), partitions: n, must: changeConfigs(), want: newChangeConfigs(), message: c.maxChangeBytes(),
		}
	}
	return t
}

func (t topics) all() []*topic {
	return slices.SortedFunc(func(yield func(*topic) bool) {
		for _, some := range []map[machine.Kind]*topic{t.commands, t.changes} {
			for _, one := range some {
				if !yield(one) {
					return
				}
			}
		}
	}, func(a, b *topic) int { return strings.Compare(a.name, b.name) })
}

// makeTopics creates what is missing, if it may, and says what does not fit.
func (c *Config) makeTopics(ctx context.Context, admin *kadm.Client) (topics, error) {
	t := c.topics()
	for _, one := range t.all() {
		if err := c.makeTopic(ctx, admin, one); err != nil {
			return t, fmt.Errorf("topic %s: %w", one.name, err)
		}
	}
	return t, c.checkConfigs(ctx, admin, t.all())
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
	t.id, t.replicas = d.ID, d.Partitions.NumReplicas()
	return nil
}

// stillThere looks whether the name is that of the same topic yet. Nothing is asked of what the client remembers.
func (t *topic) stillThere(ctx context.Context, client *kgo.Client) error {
	req := kmsg.NewPtrMetadataRequest()
	one := kmsg.NewMetadataRequestTopic()
	one.Topic = &t.name
	req.Topics = append(req.Topics, one)
	resp, err := req.RequestWith(ctx, client)
	if err == nil && len(resp.Topics) == 1 {
		err = kerr.ErrorForCode(resp.Topics[0].ErrorCode)
	}
	switch {
	case err != nil:
		return fmt.Errorf("look for topic %s: %w", t.name, err)
	case len(resp.Topics) != 1 || resp.Topics[0].TopicID != t.id:
		return fmt.Errorf("%w: topic %s was made anew, start the server again", ErrLost, t.name)
	default:
		return nil
	}
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

// commandConfigs must a command topic have. It forgets what checkpoints cover because the server says so, and nothing else.
func commandConfigs() map[string]string {
	return map[string]string{
		"cleanup.policy":                 "delete",
		"message.timestamp.type":         "LogAppendTime",
		"retention.ms":                   "-1",
		"retention.bytes":                "-1",
		"unclean.leader.election.enable": "false",
	}
}

// changeConfigs must a change-log topic have.
func changeConfigs() map[string]string {
	return map[string]string{
		"cleanup.policy":                 "compact",
		"unclean.leader.election.enable": "false",
	}
}

// newChangeConfigs see to it that what was deleted is erased although little is written: the segment that is written to is
// never compacted, so it ends after a day.
func newChangeConfigs() map[string]string {
	return map[string]string{
		"max.compaction.lag.ms": "86400000",
		"segment.bytes":         "134217728",
	}
}

// inSync is how many replicas a topic with as many must have a record on before it is acknowledged: one alone may be lost.
const inSync = 2

func (c *Config) createTopic(ctx context.Context, admin *kadm.Client, t *topic) error {
	if !c.CreateTopics {
		return fmt.Errorf("it does not exist, and the server may not create it: make it with %d partitions", t.partitions)
	}
	configs := map[string]*string{
		"max.message.bytes":   kadm.StringPtr(strconv.Itoa(t.message)),
		"min.insync.replicas": kadm.StringPtr(strconv.Itoa(min(c.ReplicationFactor, inSync))),
	}
	for _, some := range []map[string]string{t.must, t.want} {
		for name, value := range some {
			configs[name] = kadm.StringPtr(value)
		}
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
func (c *Config) checkConfigs(ctx context.Context, admin *kadm.Client, topics []*topic) error {
	byName := map[string]*topic{}
	var names []string
	for _, t := range topics {
		byName[t.name] = t
		names = append(names, t.name)
	}
	var all kadm.ResourceConfigs
	err := patiently(ctx, func() (err error) {
		if all, err = admin.DescribeTopicConfigs(ctx, names...); err != nil {
			return fmt.Errorf("read the settings of the topics: %w", err)
		}
		for _, r := range all {
			if r.Err != nil {
				return fmt.Errorf("read the settings of topic %s: %w", r.Name, r.Err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range all {
		if err := byName[r.Name].check(r, c.Logger); err != nil {
			return fmt.Errorf("topic %s: %w", r.Name, err)
		}
	}
	return nil
}

func (t *topic) check(r kadm.ResourceConfig, logger *slog.Logger) error {
	for _, is := range r.Configs {
		value := is.MaybeValue()
		if is.Key == "min.insync.replicas" {
			if err := t.checkInSync(value, logger); err != nil {
				return err
			}
		}
		if want, ok := t.must[is.Key]; ok && value != want {
			return fmt.Errorf("%s is %s, it must be %s", is.Key, value, want)
		}
		if is.Key != "max.message.bytes" {
			continue
		}
		if n, err := strconv.Atoi(value); err != nil || n < t.message {
			return fmt.Errorf("%s is %s, it must be at least %d", is.Key, value, t.message)
		}
	}
	return nil
}

// checkInSync refuses what could never be written, and warns of what one broker can lose.
func (t *topic) checkInSync(value string, logger *slog.Logger) error {
	n, err := strconv.Atoi(value)
	switch {
	case err != nil || t.replicas == 0:
		return nil
	case n > t.replicas:
		return fmt.Errorf("min.insync.replicas is %d and it has %d replicas: nothing could be written to it", n, t.replicas)
	case n < inSync && t.replicas >= inSync:
		logger.Warn("what is acknowledged may be on one broker only: set min.insync.replicas of the topic to 2", "topic", t.name, "replicas", t.replicas)
	}
	return nil
}
