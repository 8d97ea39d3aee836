package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Security of the connections to the brokers. The zero value is in clear and without a name.
type Security struct {
	// TLS of the connections; nil is in clear.
	TLS *tls.Config
	// Mechanism by which User and Password are shown: one of Mechanisms, or "" for none.
	Mechanism      string
	User, Password string
}

// Mechanisms of SASL that there are.
var Mechanisms = []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}

func (s Security) mechanism() (sasl.Mechanism, error) {
	switch s.Mechanism {
	case "PLAIN":
		return plain.Auth{User: s.User, Pass: s.Password}.AsMechanism(), nil
	case "SCRAM-SHA-256":
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha256Mechanism(), nil
	case "SCRAM-SHA-512":
		return scram.Auth{User: s.User, Pass: s.Password}.AsSha512Mechanism(), nil
	default:
		return nil, fmt.Errorf("kafka log: there is no SASL mechanism %q", s.Mechanism)
	}
}

// Tuning of the clients. What is zero is as the clients have it.
type Tuning struct {
	// ClientID is what brokers know the clients by. Unset: the cluster and the incarnation.
	ClientID string
	// ConnectTimeout bounds the opening of a connection, RequestTimeout the wait for an answer beyond what the request itself
	// allows, and IdleTimeout how long a connection is kept that nothing goes over.
	ConnectTimeout, RequestTimeout, IdleTimeout time.Duration
	// MetadataMaxAge is how often brokers and leaders are asked for although nothing has failed.
	MetadataMaxAge time.Duration
	// FetchMaxBytes bounds an answer of one broker, FetchPartitionBytes what of it is of one partition; a single record may
	// be larger.
	FetchMaxBytes, FetchPartitionBytes int
	// Compression of commands: one of Compressions, or "" for none.
	Compression string
}

// Compressions of commands that there are.
var Compressions = []string{"none", "gzip", "snappy", "lz4", "zstd"}

func (t Tuning) codec() kgo.CompressionCodec {
	switch t.Compression {
	case "gzip":
		return kgo.GzipCompression()
	case "snappy":
		return kgo.SnappyCompression()
	case "lz4":
		return kgo.Lz4Compression()
	case "zstd":
		return kgo.ZstdCompression()
	default:
		return kgo.NoCompression()
	}
}

// clientOptions are those of every client that goes on whatever happens to its connections: one that ends at once may be that of a broker that
// is killed just then.
func (c *Config) clientOptions() []kgo.Opt { return append(c.greetOptions(), kgo.AlwaysRetryEOF()) }

// leadersAge is how often who leads what is asked for although nothing has failed, unless the tuning says otherwise: a broker that was cut from
// the others goes on to answer those who read from it, and has nothing new for them.
const leadersAge = 10 * time.Second

// greetOptions are those of one that takes a connection that ends at once for one that is refused.
func (c *Config) greetOptions() []kgo.Opt {
	out := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID(c.clientID()),
		kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.MetadataMaxAge(leadersAge),
	}
	if c.Security.TLS != nil {
		out = append(out, kgo.DialTLSConfig(c.Security.TLS))
	}
	if m, err := c.Security.mechanism(); err == nil { // Validate has refused what is none
		out = append(out, kgo.SASL(m))
	}
	return append(out, c.Tuning.options()...)
}

func (c *Config) clientID() string {
	if c.Tuning.ClientID != "" {
		return c.Tuning.ClientID
	}
	return c.Cluster + "-" + c.Incarnation
}

func (t Tuning) options() (out []kgo.Opt) {
	for _, o := range []struct {
		is  time.Duration
		opt func(time.Duration) kgo.Opt
	}{
		{t.ConnectTimeout, kgo.DialTimeout},
		{t.RequestTimeout, kgo.RequestTimeoutOverhead},
		{t.IdleTimeout, kgo.ConnIdleTimeout},
		{t.MetadataMaxAge, kgo.MetadataMaxAge},
	} {
		if o.is > 0 {
			out = append(out, o.opt(o.is))
		}
	}
	return out
}

// producerOptions: a record is sent until the brokers have taken or refused it, for nobody could tell what became of one that
// was given up.
func (c *Config) producerOptions() []kgo.Opt {
	return append(c.clientOptions(),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(c.Linger),
		kgo.ProducerBatchCompression(c.Tuning.codec()),
		kgo.ProducerBatchMaxBytes(int32(c.maxMessageBytes())),
		kgo.MaxBufferedRecords(1<<30), // the bounds are those of the streams
	)
}

// fetchWait is how long a fetch waits at a broker that has nothing. A stream that comes to be fetched waits for the end of
// the fetch that runs.
const fetchWait = 200 * time.Millisecond

// consumerOptions: the client never chooses an offset of its own, and fetches what sessions want and nothing else.
func (c *Config) consumerOptions() []kgo.Opt {
	ofPartition := max(1<<20, c.Tuning.FetchPartitionBytes, c.maxMessageBytes())
	out := append(c.clientOptions(),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMinBytes(1),
		kgo.FetchMaxWait(fetchWait),
		kgo.FetchMaxPartitionBytes(int32(ofPartition)),
	)
	if c.Tuning.FetchMaxBytes > 0 {
		out = append(out, kgo.FetchMaxBytes(int32(max(c.Tuning.FetchMaxBytes, ofPartition))))
	}
	return out
}

// greetTime is how long brokers may take to say whether they take this client.
const greetTime = 10 * time.Second

// greet tells what will not pass: brokers that this client does not trust, or that do not take it. Brokers that cannot be
// reached are waited for.
func (l *Log) greet(ctx context.Context) error {
	client, err := kgo.NewClient(l.cfg.greetOptions()...)
	if err != nil {
		return fmt.Errorf("kafka log: %w", err)
	}
	defer client.Close()
	bounded, cancel := context.WithTimeout(ctx, greetTime)
	defer cancel()
	err = client.Ping(bounded)
	switch {
	case err == nil:
		return nil
	case stranger(err):
		return fmt.Errorf("the brokers and this server do not trust each other: %w", err)
	default:
		l.cfg.Logger.Warn("no broker can be reached yet", "brokers", l.cfg.Brokers, "err", err)
		return nil
	}
}

// stranger tells whether a connection failed for who the two sides are.
func stranger(err error) bool {
	var (
		untrusted *tls.CertificateVerificationError
		alert     *net.OpError // of TLS
		noTLS     tls.RecordHeaderError
		cut       *kgo.ErrFirstReadEOF
	)
	return errors.As(err, &untrusted) || errors.As(err, &alert) && alert.Op == "remote error" || errors.As(err, &noTLS) || errors.As(err, &cut) ||
		slices.ContainsFunc([]*kerr.Error{kerr.SaslAuthenticationFailed, kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState},
			func(e *kerr.Error) bool { return errors.Is(err, e) })
}
