package server

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"littlehorse/internal/log/kafka"
)

// KafkaSecurity says how the connections to the brokers are secured.
type KafkaSecurity struct {
	// Protocol is PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
	Protocol string
	// Keystore is a file with the certificate and the key of this server, Truststore one with the authorities of the brokers:
	// PKCS12 with its password, or PEM. Without a Truststore those of the system are trusted.
	Keystore, KeystorePassword     string
	Truststore, TruststorePassword string
	// Mechanism of SASL, and the line in the words of Java that has the user's name and password.
	Mechanism, JAAS string
}

// String shows no secrets.
func (s KafkaSecurity) String() string { return s.Protocol }

// GoString shows no secrets.
func (s KafkaSecurity) GoString() string { return s.Protocol }

const (
	kafkaPlain     = "PLAINTEXT"
	kafkaSSL       = "SSL"
	kafkaSASLPlain = "SASL_PLAINTEXT"
	kafkaSASLSSL   = "SASL_SSL"
)

func setKafkaProtocol(c *Config, v string) error {
	c.Kafka.Security.Protocol = v
	return member(v, kafkaPlain, kafkaSSL, kafkaSASLPlain, kafkaSASLSSL)
}

func (s *KafkaSecurity) encrypted() bool { return s.Protocol == kafkaSSL || s.Protocol == kafkaSASLSSL }

func (s *KafkaSecurity) named() bool {
	return s.Protocol == kafkaSASLPlain || s.Protocol == kafkaSASLSSL
}

// kafkaFileTwins can be given by a file.
var kafkaFileTwins = []string{"LHS_KAFKA_KEYSTORE_PASSWORD", "LHS_KAFKA_TRUSTSTORE_PASSWORD", "LHS_KAFKA_SASL_JAAS_CONFIG"}

// Settings that only some protocols read.
var (
	kafkaForSSL = []string{
		"LHS_KAFKA_KEYSTORE", "LHS_KAFKA_KEYSTORE_PASSWORD", "LHS_KAFKA_KEYSTORE_PASSWORD_FILE",
		"LHS_KAFKA_TRUSTSTORE", "LHS_KAFKA_TRUSTSTORE_PASSWORD", "LHS_KAFKA_TRUSTSTORE_PASSWORD_FILE",
	}
	kafkaForSASL = []string{"LHS_KAFKA_SASL_MECHANISM", "LHS_KAFKA_SASL_JAAS_CONFIG", "LHS_KAFKA_SASL_JAAS_CONFIG_FILE"}
)

// validate refuses what would be less secure than it was meant.
func (s *KafkaSecurity) validate(values map[string]string) error {
	given := func(name string) bool { return strings.TrimSpace(values[name]) != "" }
	for _, name := range kafkaFileTwins {
		if given(name) && given(name+"_FILE") {
			return fmt.Errorf("%s: %s_FILE is set, too: only one of them may be", name, name)
		}
	}
	for _, some := range []struct {
		names []string
		fits  bool
	}{{kafkaForSSL, s.encrypted()}, {kafkaForSASL, s.named()}} {
		if i := slices.IndexFunc(some.names, given); i >= 0 && !some.fits {
			return fmt.Errorf("%s: it does not go with the security protocol %s (LHS_KAFKA_SECURITY_PROTOCOL)", some.names[i], s.Protocol)
		}
	}
	if s.named() && (s.Mechanism == "" || s.JAAS == "") {
		return fmt.Errorf("LHS_KAFKA_SECURITY_PROTOCOL: %s needs LHS_KAFKA_SASL_MECHANISM and LHS_KAFKA_SASL_JAAS_CONFIG", s.Protocol)
	}
	_, err := s.open()
	return err
}

// login reads the line of the user.
func (s *KafkaSecurity) login() (jaas, error) {
	const name = "LHS_KAFKA_SASL_JAAS_CONFIG"
	line, err := parseJAAS(s.JAAS)
	if err != nil {
		return jaas{}, fmt.Errorf("%s: %w", name, err)
	}
	want := "ScramLoginModule"
	if s.Mechanism == "PLAIN" {
		want = "PlainLoginModule"
	}
	switch {
	case !strings.HasSuffix(line.module, "."+want) && line.module != want:
		return jaas{}, fmt.Errorf("%s: the login module of %s is %s, not %s", name, s.Mechanism, want, line.module)
	case line.options["username"] == "" || line.options["password"] == "":
		return jaas{}, fmt.Errorf("%s: it has no username or no password", name)
	case strings.EqualFold(line.options["tokenauth"], "true"):
		return jaas{}, fmt.Errorf("%s: delegation tokens (tokenauth) are not supported", name)
	}
	return line, nil
}

// open reads the files.
func (s *KafkaSecurity) open() (out kafka.Security, err error) {
	if s.named() {
		line, err := s.login()
		if err != nil {
			return out, err
		}
		out.Mechanism, out.User, out.Password = s.Mechanism, line.options["username"], line.options["password"]
	}
	if !s.encrypted() {
		return out, nil
	}
	out.TLS, err = s.tls()
	return out, err
}

// warnings tell what an operator may have meant otherwise.
func (k *KafkaConfig) warnings(warn func(name, format string, args ...any)) {
	if !k.over() {
		return
	}
	if k.Security.Protocol == kafkaSASLPlain {
		warn("LHS_KAFKA_SECURITY_PROTOCOL", "SASL without TLS: whoever listens on the way to the brokers can read all data%s",
			map[bool]string{true: ", and the password"}[k.Security.Mechanism == "PLAIN"])
	}
	if k.CreateTopics && k.ReplicationFactor == 1 && len(k.Brokers) > 1 {
		warn("LHS_REPLICATION_FACTOR", "topics that this server makes have one replica: what was acknowledged is lost with the disk of one broker")
	}
}

// jaas is a line of a Java login configuration.
type jaas struct {
	module  string
	options map[string]string
}

var errJAAS = errors.New(`it is not of the form: module required username="…" password="…";`) // what it is may be secret

// parseJAAS reads: module flag name="value" … ; with quotes where a value has more than letters.
func parseJAAS(text string) (jaas, error) {
	words, err := jaasWords(text)
	if err != nil {
		return jaas{}, err
	}
	if n := len(words); n < 3 || words[n-1] != ";" || !slices.Contains([]string{"required", "requisite", "sufficient", "optional"}, strings.ToLower(words[1])) {
		return jaas{}, errJAAS
	}
	out := jaas{words[0], map[string]string{}}
	for rest := words[2 : len(words)-1]; len(rest) > 0; rest = rest[3:] {
		if len(rest) < 3 || rest[1] != "=" {
			return jaas{}, errJAAS
		}
		out.options[rest[0]] = rest[2]
	}
	return out, nil
}

// jaasWords are the words of the text, with = and ; as words of their own.
func jaasWords(text string) (words []string, err error) {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case strings.IndexByte(" \t\r\n", c) >= 0:
			i++
		case c == '=' || c == ';':
			words = append(words, string(c))
			i++
		case c == '"' || c == '\'':
			word, used, err := jaasQuoted(text[i:])
			if err != nil {
				return nil, err
			}
			words = append(words, word)
			i += used
		default:
			n := strings.IndexAny(text[i:], " \t\r\n=;\"'")
			if n < 0 {
				n = len(text) - i
			}
			words = append(words, text[i:i+n])
			i += n
		}
	}
	return words, nil
}

// jaasQuoted reads what stands between quotes at the start of the text; a backslash takes the next character as it is.
func jaasQuoted(text string) (word string, used int, err error) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == text[0]:
			return b.String(), i + 1, nil
		case c == '\\' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, errJAAS
}
