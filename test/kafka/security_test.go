package kafka

import (
	"crypto/x509"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"software.sslmate.com/src/go-pkcs12"

	"littlehorse/lhpb"
	"littlehorse/test/broker"
	"littlehorse/test/chain"
	"littlehorse/test/lhserver"
	"littlehorse/test/pki"
)

// secured is a broker that knows who speaks to it, and what they may do.
type secured struct {
	*broker.Broker
	authority *pki.Authority
}

const login = "org.apache.kafka.common.security."

func startSecured(t *testing.T) *secured {
	t.Helper()
	authority := pki.NewAuthority(t, "brokers")
	own := authority.Server()
	scram := login + "scram.ScramLoginModule required;"
	properties := map[string]string{
		"authorizer.class.name":                                       "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"super.users":                                                 "User:ANONYMOUS",
		"ssl.keystore.type":                                           "PEM",
		"ssl.keystore.location":                                       joined(t, own.Key, own.Cert),
		"ssl.truststore.type":                                         "PEM",
		"ssl.truststore.location":                                     authority.File(),
		"listener.name.ssl.ssl.client.auth":                           "required",
		"listener.name.sasl_ssl.sasl.enabled.mechanisms":              "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
		"listener.name.sasl_ssl.plain.sasl.jaas.config":               login + `plain.PlainLoginModule required user_lh="plain-secret";`,
		"listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config":       scram,
		"listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config":       scram,
		"listener.name.sasl_plaintext.sasl.enabled.mechanisms":        "SCRAM-SHA-512",
		"listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config": scram,
		"transaction.state.log.num.partitions":                        "1",
	}
	e := broker.Start(t, broker.Config{
		Count: 1, Properties: properties, Users: map[string]string{"lh": "scram-secret"},
		Listeners: map[string]string{"SSL": "SSL", "SASL_SSL": "SASL_SSL", "SASL_PLAINTEXT": "SASL_PLAINTEXT"},
	})
	return &secured{e.Brokers[0], authority}
}

// joined is a file with what is in others.
func joined(t *testing.T, files ...string) string {
	t.Helper()
	var all []byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	out := filepath.Join(t.TempDir(), "joined.pem")
	if err := os.WriteFile(out, all, 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

// keytool runs Java's own tool for stores.
func keytool(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("keytool", append([]string{"-J-Xshare:auto", "-J-XX:TieredStopAtLevel=1"}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("keytool: %v\n%s", err, out)
	}
}

// grant lets the server do what the documents say that it needs, all of it on the prefix.
func (s *secured) grant(t *testing.T, prefix string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Addresses["PLAINTEXT"]))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin, who := kadm.NewClient(client), []string{"User:lh", "User:CN=lh"}
	for _, acl := range []*kadm.ACLBuilder{
		kadm.NewACLs().Topics(prefix).ResourcePatternType(kadm.ACLPatternPrefixed).
			Operations(kadm.OpDescribe, kadm.OpDescribeConfigs, kadm.OpRead, kadm.OpWrite, kadm.OpCreate),
		kadm.NewACLs().Topics(prefix+"-core-cmd", prefix+"-core-repartition", prefix+"-metadata-cmd").
			ResourcePatternType(kadm.ACLPatternLiteral).Operations(kadm.OpDelete),
		kadm.NewACLs().Groups(prefix).ResourcePatternType(kadm.ACLPatternPrefixed).Operations(kadm.OpRead),
		kadm.NewACLs().TransactionalIDs(prefix).ResourcePatternType(kadm.ACLPatternPrefixed).Operations(kadm.OpDescribe, kadm.OpWrite),
		kadm.NewACLs().Clusters().Operations(kadm.OpIdempotentWrite),
	} {
		results, err := admin.CreateACLs(t.Context(), acl.Allow(who...).AllowHosts())
		for _, r := range results {
			err = errors.Join(err, r.Err)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestSecuredBroker lets a server work over a broker by each security protocol, with the least rights that the documents name,
// and refuses to start where one of the two does not trust the other.
//
// holds: KafkaGrantsLittle
// covers: operations §5
func TestSecuredBroker(t *testing.T) {
	b := startSecured(t)
	dir, cluster := t.TempDir(), newCluster()
	b.grant(t, cluster)
	client := b.authority.Client("lh")
	keystore, trust, jks := filepath.Join(dir, "key.p12"), filepath.Join(dir, "trust.p12"), filepath.Join(dir, "trust.jks")
	keytool(t, "-importcert", "-noprompt", "-alias", "ca", "-file", b.authority.File(), "-keystore", trust, "-storetype", "PKCS12", "-storepass", "changeit")
	keytool(t, "-importcert", "-noprompt", "-alias", "ca", "-file", b.authority.File(), "-keystore", jks, "-storetype", "JKS", "-storepass", "changeit")
	storeKey(t, client, keystore)
	line := filepath.Join(dir, "jaas")
	if err := os.WriteFile(line, []byte(login+"scram.ScramLoginModule required username=\"lh\" password=\"scram-secret\";\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	plain := login + `plain.PlainLoginModule required username="lh" password="plain-secret";`
	trusting := []string{"LHS_KAFKA_TRUSTSTORE=" + trust, "LHS_KAFKA_TRUSTSTORE_PASSWORD=changeit"}
	data := t.TempDir() // of one server, which changes its ways
	server := func(protocol string, env ...string) *lhserver.Server {
		s := lhserver.New(t, data, "LHS_CLUSTER_PARTITIONS=2", "LHS_CLUSTER_ID="+cluster, "LHS_KAFKA_BOOTSTRAP_SERVERS="+b.Addresses[protocol],
			"LHS_KAFKA_SECURITY_PROTOCOL="+protocol)
		s.Setenv(env...)
		return s
	}
	for _, c := range []struct {
		name, protocol string
		env            []string
	}{
		{"certificate", "SSL", slices.Concat(trusting, []string{"LHS_KAFKA_KEYSTORE=" + keystore, "LHS_KAFKA_KEYSTORE_PASSWORD=changeit", often, "LHS_X_COMMAND_RETENTION_MS=0"})},
		{"certificate-pem", "SSL", []string{"LHS_KAFKA_TRUSTSTORE=" + b.authority.File(), "LHS_KAFKA_KEYSTORE=" + joined(t, client.Key, client.Cert)}},
		{"scram-256", "SASL_SSL", append(trusting, "LHS_KAFKA_SASL_MECHANISM=SCRAM-SHA-256", "LHS_KAFKA_SASL_JAAS_CONFIG_FILE="+line)},
		{"plain", "SASL_SSL", append(trusting, "LHS_KAFKA_SASL_MECHANISM=PLAIN", "LHS_KAFKA_SASL_JAAS_CONFIG="+plain, "LHS_SHOULD_CREATE_TOPICS=false")},
		{"scram-512", "SASL_PLAINTEXT", []string{"LHS_KAFKA_SASL_MECHANISM=SCRAM-SHA-512", "LHS_KAFKA_SASL_JAAS_CONFIG_FILE=" + line}},
	} {
		s := server(c.protocol, c.env...)
		s.Start(t)
		conn := s.Dial(t)
		api := lhpb.NewLittleHorseClient(conn)
		if c.name == "certificate" {
			chain.Register(t, api)
		}
		start(t, api, c.name)
		if c.name == "certificate" {
			awaitCheckpoints(t, s)
		}
		_ = conn.Close()
		s.Stop(t)
		if said := s.Output(); strings.Contains(said, "changeit") || strings.Contains(said, "-secret") || strings.Contains(said, "AUTHORIZATION") {
			t.Errorf("%s: %s", c.name, said)
		}
	}
	for _, c := range []struct {
		name, protocol string
		env            []string
		says           string
	}{
		{"wrong password", "SASL_SSL", append(trusting, "LHS_KAFKA_SASL_MECHANISM=PLAIN", "LHS_KAFKA_SASL_JAAS_CONFIG="+strings.ReplaceAll(plain, "plain-secret", "other-secret")), "do not trust each other: SASL_AUTHENTICATION_FAILED"},
		{"unknown authority", "SASL_SSL", []string{"LHS_KAFKA_SASL_MECHANISM=PLAIN", "LHS_KAFKA_SASL_JAAS_CONFIG=" + plain}, "do not trust each other"},
		{"no certificate", "SSL", trusting, "do not trust each other"},
		{"jks", "SSL", []string{"LHS_KAFKA_TRUSTSTORE=" + jks, "LHS_KAFKA_TRUSTSTORE_PASSWORD=changeit"}, "keytool -importkeystore"},
		{"in clear", "SSL", []string{"LHS_KAFKA_SECURITY_PROTOCOL=PLAINTEXT"}, "is this a plaintext connection speaking to a tls endpoint"},
	} {
		code, said := server(c.protocol, c.env...).TryStart(t)
		if code == 0 || !strings.Contains(said, c.says) || strings.Contains(said, "-secret") {
			t.Errorf("%s: %d, %s", c.name, code, said)
		}
	}
}

// storeKey puts a certificate with its key into a PKCS12 store.
func storeKey(t *testing.T, pair pki.Pair, file string) {
	t.Helper()
	loaded := pair.Load(t)
	leaf, err := x509.ParseCertificate(loaded.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	store, err := pkcs12.Modern.Encode(loaded.PrivateKey, leaf, nil, "changeit")
	if err == nil {
		err = os.WriteFile(file, store, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
