package server

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"littlehorse/test/pki"
)

const (
	scramLine = `org.apache.kafka.common.security.scram.ScramLoginModule required username="lh" password="p;a=s\"s";`
	plainLine = `org.apache.kafka.common.security.plain.PlainLoginModule required username='lh' password=secret;`
)

// overKafka are the settings with a broker besides.
func overKafka(settings map[string]string) map[string]string {
	out := maps.Clone(settings)
	out["LHS_KAFKA_BOOTSTRAP_SERVERS"] = "kafka:9092"
	return out
}

// covers: operations §2
func TestKafkaSecurityIsNotLessThanMeant(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(scramLine+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		settings map[string]string
		want     string // "" is none
	}{
		{map[string]string{"LHS_KAFKA_SECURITY_PROTOCOL": "SSL"}, ""},
		{map[string]string{"LHS_KAFKA_TRUSTSTORE": "trust.p12"}, "LHS_KAFKA_TRUSTSTORE: it does not go with the security protocol PLAINTEXT"},
		{map[string]string{"LHS_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "LHS_KAFKA_KEYSTORE": "key.p12"}, "LHS_KAFKA_KEYSTORE: it does not go with"},
		{map[string]string{"LHS_KAFKA_SECURITY_PROTOCOL": "SSL", "LHS_KAFKA_SASL_MECHANISM": "PLAIN"}, "LHS_KAFKA_SASL_MECHANISM: it does not go with"},
		{map[string]string{"LHS_KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "LHS_KAFKA_SASL_MECHANISM": "PLAIN"}, "SASL_SSL needs LHS_KAFKA_SASL_MECHANISM and LHS_KAFKA_SASL_JAAS_CONFIG"},
		{map[string]string{"LHS_KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "LHS_KAFKA_SASL_MECHANISM": "GSSAPI", "LHS_KAFKA_SASL_JAAS_CONFIG": scramLine}, `LHS_KAFKA_SASL_MECHANISM: "GSSAPI" is not one of`},
		{map[string]string{"LHS_KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "LHS_KAFKA_SASL_MECHANISM": "PLAIN", "LHS_KAFKA_SASL_JAAS_CONFIG": scramLine}, "the login module of PLAIN is PlainLoginModule"},
		{map[string]string{"LHS_KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "LHS_KAFKA_SASL_MECHANISM": "PLAIN", "LHS_KAFKA_SASL_JAAS_CONFIG": plainLine}, ""},
		{map[string]string{"LHS_KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "LHS_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512", "LHS_KAFKA_SASL_JAAS_CONFIG_FILE": file}, ""},
		{map[string]string{
			"LHS_KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "LHS_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512", "LHS_KAFKA_SASL_JAAS_CONFIG": scramLine,
			"LHS_KAFKA_SASL_JAAS_CONFIG_FILE": file,
		}, "LHS_KAFKA_SASL_JAAS_CONFIG: LHS_KAFKA_SASL_JAAS_CONFIG_FILE is set, too"},
		{map[string]string{
			"LHS_KAFKA_CONFIG_SECURITY_PROTOCOL": "SASL_SSL", "LHS_KAFKA_CONFIG_SASL_MECHANISM": "SCRAM-SHA-256", "LHS_KAFKA_CONFIG_SASL_JAAS_CONFIG": scramLine,
		}, ""},
		{map[string]string{"LHS_KAFKA_CONFIG_SASL_MECHANISM": "PLAIN"}, "LHS_KAFKA_SASL_MECHANISM: it does not go with the security protocol PLAINTEXT"},
		{map[string]string{"LHS_KAFKA_CONFIG_SECURITY_PROTOCOL": "SSL", "LHS_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}, "LHS_KAFKA_CONFIG_SECURITY_PROTOCOL: LHS_KAFKA_SECURITY_PROTOCOL says the same"},
	} {
		_, notes, err := configFrom(overKafka(c.settings))
		if got := fmt.Sprint(err); len(notes) > 0 || (err == nil) != (c.want == "") || !strings.Contains(got, c.want) && c.want != "" {
			t.Errorf("%v gives %v, %v", c.settings, err, told(notes))
		}
		if strings.Contains(fmt.Sprint(err), "secret") || strings.Contains(fmt.Sprint(err), "p;a") {
			t.Errorf("a password is told: %v", err)
		}
	}
}

func TestLoginLineIsReadAsJavaReadsIt(t *testing.T) {
	for line, want := range map[string]string{
		scramLine: `lh p;a=s"s`,
		plainLine: "lh secret",
		"a.b.PlainLoginModule\n  REQUIRED\n\tusername = \"a b\"\n password=\"\\\\\" serviceName=\"kafka\" ;": `a b \`,
	} {
		if got, err := parseJAAS(line); err != nil || got.options["username"]+" "+got.options["password"] != want {
			t.Errorf("%s: %v, %v", line, got, err)
		}
	}
	for _, line := range []string{
		"", ";", "a.B required;x", "a.B username=x password=y;", `a.B required username="x`, "a.B required username=x password=y", "a.B required username x;",
	} {
		if got, err := parseJAAS(line); err == nil {
			t.Errorf("%s is taken as %v", line, got)
		}
	}
}

// covers: operations §2
func TestPropertiesOfKafkaClients(t *testing.T) {
	c, notes, err := configFrom(overKafka(map[string]string{
		"LHS_KAFKA_CONFIG_REQUEST_TIMEOUT_MS": "20000", "LHS_KAFKA_CONFIG_CLIENT_ID": "bank", "LHS_KAFKA_CONFIG_COMPRESSION_TYPE": "gzip",
		"LHS_KAFKA_PRODUCER_CONFIG_COMPRESSION_TYPE": "lz4", "LHS_KAFKA_PRODUCER_CONFIG_LINGER_MS": "3", "LHS_KAFKA_CONFIG_ACKS": "all",
		"LHS_KAFKA_CONFIG_SESSION_TIMEOUT_MS": "30000", "LHS_CORE_KS_CONFIG_ROCKSDB_CONFIG_SETTER": "Mine",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if k := c.Kafka; k.Tuning.RequestTimeout != 20*time.Second || k.Tuning.ClientID != "bank" || k.Tuning.Compression != "lz4" || k.Linger != 3*time.Millisecond {
		t.Errorf("%+v", k)
	}
	want := []string{
		"LHS_CORE_KS_CONFIG_ROCKSDB_CONFIG_SETTER: rocksdb.config.setter is not a setting of Kafka clients that this server knows, ignored",
		"LHS_KAFKA_CONFIG_ACKS: it always is all, ignored",
		"LHS_KAFKA_CONFIG_SESSION_TIMEOUT_MS: use LHS_STREAMS_SESSION_TIMEOUT, ignored",
	}
	if got := told(notes); !slices.Equal(got, want) {
		t.Error(got)
	}
	for name, value := range map[string]string{
		"LHS_KAFKA_CONFIG_ACKS": "1", "LHS_KAFKA_PRODUCER_CONFIG_ENABLE_IDEMPOTENCE": "false", "LHS_KAFKA_CONFIG_REQUEST_TIMEOUT_MS": "soon",
		"LHS_KAFKA_CONFIG_COMPRESSION_TYPE": "rar", "LHS_KAFKA_CONFIG_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM": "none", "LHS_KAFKA_CONFIG_SSL_KEYSTORE_TYPE": "JKS",
	} {
		if _, _, err := configFrom(overKafka(map[string]string{name: value})); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s gives %v", name, value, err)
		}
	}
}

// covers: operations §2
func TestStoresOfKafka(t *testing.T) {
	dir, authority := t.TempDir(), pki.NewAuthority(t, "brokers")
	client := authority.Client("lh")
	pair := client.Load(t)
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	put := func(name string, content []byte, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	read := func(file string) []byte {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b, err := pkcs12.Modern.Encode(pair.PrivateKey, leaf, []*x509.Certificate{authority.Certificate()}, "secret")
	key := put("key.p12", b, err)
	b, err = pkcs12.Modern.EncodeTrustStore([]*x509.Certificate{authority.Certificate()}, "secret")
	trust := put("trust.p12", b, err)
	both := put("key.pem", slices.Concat(read(client.Key), read(client.Cert)), nil)
	jks := put("trust.jks", []byte("\xfe\xed\xfe\xed\x00\x00\x00\x02"), nil)

	for _, c := range []struct{ keystore, keyPassword, truststore, trustPassword, want string }{
		{key, "secret", trust, "secret", ""},
		{both, "", authority.File(), "", ""},
		{"", "", "", "", ""},
		{key, "", trust, "secret", "LHS_KAFKA_KEYSTORE: " + key + ": a PKCS12 store needs its password"},
		{key, "wrong", trust, "secret", "LHS_KAFKA_KEYSTORE: " + key + ": the password is not that of this PKCS12 store"},
		{"", "", trust, "wrong", "LHS_KAFKA_TRUSTSTORE: " + trust + ": the password is not that"},
		{"", "", jks, "secret", "keytool -importkeystore"},
		{"", "", client.Key, "", "there is no certificate in it"},
		{client.Key, "", "", "", "LHS_KAFKA_KEYSTORE"},
		{"", "", filepath.Join(dir, "none"), "x", "no such file"},
	} {
		s := KafkaSecurity{Protocol: kafkaSSL, Keystore: c.keystore, KeystorePassword: c.keyPassword, Truststore: c.truststore, TruststorePassword: c.trustPassword}
		got, err := s.open()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v gives %v", c, err)
		}
		if err != nil {
			continue
		}
		if c.keystore != "" && !bytes.Equal(got.TLS.Certificates[0].Certificate[0], leaf.Raw) {
			t.Errorf("%s has another certificate", c.keystore)
		}
		if c.truststore != "" && !got.TLS.RootCAs.Equal(authority.Pool()) {
			t.Errorf("%s has other authorities", c.truststore)
		}
	}
	if said := fmt.Sprintf("%v %+v %#v", KafkaSecurity{JAAS: "secret"}, Config{Kafka: KafkaConfig{Security: KafkaSecurity{JAAS: "secret"}}}, KafkaSecurity{JAAS: "secret"}); strings.Contains(said, "secret") {
		t.Error(said)
	}
}
