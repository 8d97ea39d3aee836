package server

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"littlehorse/internal/log/kafka"
)

// familyPrefixes are names with a free tail: a setting of Kafka's own clients in capitals, with _ for each dot. The last of
// them that sets something counts; there is one kind of client here, so they mean the same.
var familyPrefixes = []string{"LHS_KAFKA_CONFIG_", "LHS_CORE_KS_CONFIG_", "LHS_KAFKA_PRODUCER_CONFIG_"}

// kafkaProperty is a setting of Kafka's clients.
type kafkaProperty struct {
	apply func(*Config, string) error // nil: it has no effect
	why   string                      // what is used instead, or why there is nothing
	twin  string                      // the setting of ours that says the same
}

// kafkaProperties are those that mean something here, and those that people set most.
var kafkaProperties = map[string]kafkaProperty{
	"security.protocol":       {twin: "LHS_KAFKA_SECURITY_PROTOCOL", apply: setKafkaProtocol},
	"sasl.mechanism":          {twin: "LHS_KAFKA_SASL_MECHANISM", apply: setKafkaMechanism},
	"sasl.jaas.config":        {twin: "LHS_KAFKA_SASL_JAAS_CONFIG", apply: text(func(c *Config) *string { return &c.Kafka.Security.JAAS })},
	"ssl.keystore.location":   {twin: "LHS_KAFKA_KEYSTORE", apply: text(func(c *Config) *string { return &c.Kafka.Security.Keystore })},
	"ssl.keystore.password":   {twin: "LHS_KAFKA_KEYSTORE_PASSWORD", apply: text(func(c *Config) *string { return &c.Kafka.Security.KeystorePassword })},
	"ssl.truststore.location": {twin: "LHS_KAFKA_TRUSTSTORE", apply: text(func(c *Config) *string { return &c.Kafka.Security.Truststore })},
	"ssl.truststore.password": {twin: "LHS_KAFKA_TRUSTSTORE_PASSWORD", apply: text(func(c *Config) *string { return &c.Kafka.Security.TruststorePassword })},
	"linger.ms":               {twin: "LHS_KAFKA_LINGER_MS", apply: setLinger},

	"client.id":                          {apply: text(func(c *Config) *string { return &c.Kafka.Tuning.ClientID })},
	"socket.connection.setup.timeout.ms": {apply: milliseconds(10, 120_000, func(c *Config) *time.Duration { return &c.Kafka.Tuning.ConnectTimeout })},
	"request.timeout.ms":                 {apply: milliseconds(100, 900_000, func(c *Config) *time.Duration { return &c.Kafka.Tuning.RequestTimeout })},
	"connections.max.idle.ms":            {apply: milliseconds(1000, 3_600_000, func(c *Config) *time.Duration { return &c.Kafka.Tuning.IdleTimeout })},
	"metadata.max.age.ms":                {apply: milliseconds(1000, 3_600_000, func(c *Config) *time.Duration { return &c.Kafka.Tuning.MetadataMaxAge })},
	"fetch.max.bytes":                    {apply: integer(1<<16, 100<<20, func(c *Config, n int) { c.Kafka.Tuning.FetchMaxBytes = n })},
	"max.partition.fetch.bytes":          {apply: integer(1<<16, 50<<20, func(c *Config, n int) { c.Kafka.Tuning.FetchPartitionBytes = n })},
	"compression.type": {apply: func(c *Config, v string) error {
		c.Kafka.Tuning.Compression = v
		return member(v, kafka.Compressions...)
	}},

	// What would take away a promise is refused.
	"acks":                                  {apply: oneOf("all", "-1"), why: "it always is all"},
	"enable.idempotence":                    {apply: oneOf("true"), why: "it always is true"},
	"isolation.level":                       {apply: oneOf("read_committed"), why: "it is read_committed where it matters"},
	"ssl.endpoint.identification.algorithm": {apply: oneOf("https"), why: "brokers are always known by their names"},
	"ssl.keystore.type":                     {apply: oneOf("PKCS12", "PEM"), why: "the file tells"},
	"ssl.truststore.type":                   {apply: oneOf("PKCS12", "PEM"), why: "the file tells"},

	"bootstrap.servers":                     {why: "use LHS_KAFKA_BOOTSTRAP_SERVERS"},
	"max.request.size":                      {why: "use LHS_PRODUCER_MAX_REQUEST_SIZE"},
	"client.rack":                           {why: "use LHS_RACK_ID"},
	"replication.factor":                    {why: "use LHS_REPLICATION_FACTOR"},
	"session.timeout.ms":                    {why: "use LHS_STREAMS_SESSION_TIMEOUT"},
	"rebalance.timeout.ms":                  {why: "it is the session timeout, LHS_STREAMS_SESSION_TIMEOUT"},
	"max.poll.interval.ms":                  {why: "it is the session timeout, LHS_STREAMS_SESSION_TIMEOUT"},
	"heartbeat.interval.ms":                 {why: "it follows from LHS_STREAMS_SESSION_TIMEOUT"},
	"num.standby.replicas":                  {why: "use LHS_STREAMS_NUM_STANDBY_REPLICAS"},
	"num.stream.threads":                    {why: "use LHS_CORE_STREAM_THREADS"},
	"state.dir":                             {why: "use LHS_STATE_DIR"},
	"group.id":                              {why: "it follows from LHS_CLUSTER_ID"},
	"application.id":                        {why: "it follows from LHS_CLUSTER_ID"},
	"transactional.id":                      {why: "it follows from LHS_CLUSTER_ID"},
	"transaction.timeout.ms":                {why: "transactions carry checkpoints only"},
	"processing.guarantee":                  {why: "every command counts once"},
	"auto.offset.reset":                     {why: "an offset is never chosen by the client"},
	"enable.auto.commit":                    {why: "no offsets are committed"},
	"commit.interval.ms":                    {why: "no offsets are committed"},
	"max.poll.records":                      {why: "reading is bounded by bytes"},
	"batch.size":                            {why: "a batch is as large as what waits"},
	"buffer.memory":                         {why: "what waits is bounded for each partition"},
	"max.block.ms":                          {why: "what waits is bounded for each partition"},
	"max.in.flight.requests.per.connection": {why: "the order of records is kept in any case"},
	"retries":                               {why: "what was sent is sent until the brokers have taken or refused it"},
	"delivery.timeout.ms":                   {why: "what was sent is sent until the brokers have taken or refused it"},
	"key.serializer":                        {why: "there is no Java here"},
	"value.serializer":                      {why: "there is no Java here"},
	"metric.reporters":                      {why: "there is no Java here"},
	"security.providers":                    {why: "there is no Java here"},
	"sasl.client.callback.handler.class":    {why: "there is no Java here"},
	"sasl.login.callback.handler.class":     {why: "there is no Java here"},
}

func milliseconds(low, high int, field func(*Config) *time.Duration) func(*Config, string) error {
	return integer(low, high, func(c *Config, n int) { *field(c) = time.Duration(n) * time.Millisecond })
}

var setLinger = integer(0, 1000, func(c *Config, n int) { c.Kafka.Linger = time.Duration(n) * time.Millisecond })

func setKafkaMechanism(c *Config, v string) error {
	c.Kafka.Security.Mechanism = v
	return member(v, kafka.Mechanisms...)
}

// propertyOf is the property that a setting of a family names.
func propertyOf(setting string) (property string, ofFamily bool) {
	for _, prefix := range familyPrefixes {
		if tail, ok := strings.CutPrefix(setting, prefix); ok && tail != "" {
			return strings.ReplaceAll(strings.ToLower(tail), "_", "."), true
		}
	}
	return "", false
}

// takeProperties applies what the families set, and puts it under the names of our own settings where there are such: what
// holds for these holds for those.
func (c *Config) takeProperties(values map[string]string) error {
	if !c.Kafka.over() {
		return nil
	}
	var errs []error
	from := map[string]string{} // our setting → by which name it was given
	for _, prefix := range familyPrefixes {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			v := strings.TrimSpace(values[name])
			if v == "" || !strings.HasPrefix(name, prefix) {
				continue
			}
			property, _ := propertyOf(name)
			p := kafkaProperties[property]
			if p.apply == nil {
				continue
			}
			if err := p.apply(c, v); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
			if p.twin == "" {
				continue
			}
			if given := strings.TrimSpace(values[p.twin]); given != "" && from[p.twin] == "" {
				errs = append(errs, fmt.Errorf("%s: %s says the same: only one of them may be set", name, p.twin))
				continue
			}
			values[p.twin], from[p.twin] = v, name
		}
	}
	return errors.Join(errs...)
}

// propertyNotice is what the operator should know of a setting of a family; "" if it acts.
func propertyNotice(setting string) string {
	property, _ := propertyOf(setting)
	switch p, known := kafkaProperties[property]; {
	case !known:
		return fmt.Sprintf("%s is not a setting of Kafka clients that this server knows, ignored", property)
	case p.why != "":
		return p.why + ", ignored"
	default:
		return ""
	}
}
