package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/credentials"

	"littlehorse/internal/api"
	"littlehorse/internal/auth"
)

// Protocol is how a listener talks.
type Protocol int

// The protocols.
const (
	Plain Protocol = iota // in clear
	TLS                   // the server shows a certificate
	MTLS                  // the client does, too
)

func (p Protocol) String() string { return [...]string{"PLAIN", "TLS", "MTLS"}[p] }

// Authentication is how a listener finds out who calls.
type Authentication int

// The kinds of authentication.
const (
	NoAuthentication Authentication = iota // everybody is anonymous
	ByCertificate                          // the common name of the client's certificate
	ByToken                                // an OAuth bearer token
)

func (a Authentication) String() string { return [...]string{"NONE", "MTLS", "OAUTH"}[a] }

// Transport is an implementation of gRPC over HTTP/2.
type Transport int

// The transports.
const (
	H2     Transport = iota // package h2
	GRPCGo                  // that of the gRPC project
)

func (t Transport) String() string { return [...]string{"h2", "grpc-go"}[t] }

func setTransport(c *Config, v string) error {
	if !choose(&c.Transport, v, H2, GRPCGo) {
		return errors.New("must be h2 or grpc-go")
	}
	return nil
}

// Listener is one port of the public API.
type Listener struct {
	Name string
	Port int
	// AdvertisedHost and AdvertisedPort are how workers reach the server through this listener. With host "" they
	// are not told of it; port 0 stands for the port that was opened.
	AdvertisedHost string
	AdvertisedPort int
	// Protocol of the connections. All but Plain need the certificate chain and the key, as PEM files.
	Protocol          Protocol
	CertFile, KeyFile string
	// Authentication of the calls.
	Authentication Authentication
	// Authenticator finds who calls in place of what Authentication says, unless it is nil.
	Authenticator auth.Authenticator
}

func certSetting(listener string) string { return "LHS_LISTENER_" + listener + "_CERT" }

func keySetting(listener string) string { return "LHS_LISTENER_" + listener + "_KEY" }

func setProtocols(c *Config, v string) error {
	return c.eachListener(v, "PLAIN|TLS|MTLS", func(l *Listener, word string) bool {
		return choose(&l.Protocol, word, Plain, TLS, MTLS)
	})
}

func setAuthentications(c *Config, v string) error {
	return c.eachListener(v, "NONE|MTLS|OAUTH", func(l *Listener, word string) bool {
		return choose(&l.Authentication, word, NoAuthentication, ByCertificate, ByToken)
	})
}

func choose[T fmt.Stringer](into *T, word string, from ...T) bool {
	i := slices.IndexFunc(from, func(v T) bool { return v.String() == word })
	if i >= 0 {
		*into = from[i]
	}
	return i >= 0
}

// eachListener reads a map of listener names to words.
func (c *Config) eachListener(v, words string, set func(*Listener, string) bool) error {
	seen := map[string]bool{}
	for _, part := range strings.Split(v, ",") {
		name, word, ok := strings.Cut(strings.TrimSpace(part), ":")
		i := slices.IndexFunc(c.Listeners, func(l Listener) bool { return l.Name == name })
		switch {
		case !ok || !listenerName.MatchString(name):
			return fmt.Errorf("%q is not NAME:%s", part, words)
		case i < 0:
			return fmt.Errorf("LHS_LISTENERS has no listener %s", name)
		case seen[name]:
			return fmt.Errorf("listener %s is named twice", name)
		case !set(&c.Listeners[i], word):
			return fmt.Errorf("%q of listener %s is not one of %s", word, name, words)
		}
		seen[name] = true
	}
	return nil
}

// takeKeyFiles takes the settings that have the name of a listener in them.
func (c *Config) takeKeyFiles(given map[string]string) {
	for i := range c.Listeners {
		l := &c.Listeners[i]
		if l.Protocol == Plain {
			continue
		}
		cert, key := certSetting(l.Name), keySetting(l.Name)
		l.CertFile, l.KeyFile = strings.TrimSpace(given[cert]), strings.TrimSpace(given[key])
		delete(given, cert)
		delete(given, key)
	}
}

// validateListeners reads what the listeners need, so that what is missing is told at start.
func (c *Config) validateListeners() error {
	var errs []error
	for _, l := range c.Listeners {
		errs = append(errs, c.validateListener(l))
	}
	if c.byToken() {
		errs = append(errs, c.OAuth.Validate())
	}
	return errors.Join(errs...)
}

func (c *Config) byToken() bool {
	return slices.ContainsFunc(c.Listeners, func(l Listener) bool { return l.Authentication == ByToken })
}

func (c *Config) validateListener(l Listener) error {
	if l.Authentication == ByCertificate && l.Protocol != MTLS {
		return fmt.Errorf("LHS_LISTENERS_AUTHENTICATION_MAP: listener %s has authentication MTLS, which needs MTLS in LHS_LISTENERS_PROTOCOL_MAP, too", l.Name)
	}
	if l.Protocol == Plain {
		return nil
	}
	files, err := c.keyFiles(l)
	if err != nil {
		return err
	}
	_, err = files.load()
	return err
}

func (c *Config) keyFiles(l Listener) (keyFiles, error) {
	f := keyFiles{listener: l.Name, cert: l.CertFile, key: l.KeyFile}
	if l.Protocol == MTLS {
		f.ca = c.ClientCA
	}
	switch {
	case f.cert == "":
		return f, fmt.Errorf("%s: not set, but listener %s has protocol %s", certSetting(l.Name), l.Name, l.Protocol)
	case f.key == "":
		return f, fmt.Errorf("%s: not set, but listener %s has protocol %s", keySetting(l.Name), l.Name, l.Protocol)
	case l.Protocol == MTLS && f.ca == "":
		return f, fmt.Errorf("LHS_CA_CERT: not set, but listener %s has protocol MTLS", l.Name)
	}
	return f, nil
}

// validateInternal looks at the certificates between servers. A single server has no use for them yet, but wrong
// ones are wrong today.
func validateInternal(values map[string]string) error {
	ca, cert, key := internalFiles.ca, internalFiles.cert, internalFiles.key
	if values[ca] == "" {
		for _, name := range []string{cert, key} {
			if values[name] != "" {
				return fmt.Errorf("%s: has no meaning without %s", name, ca)
			}
		}
		return nil
	}
	for _, name := range []string{cert, key} {
		if values[name] == "" {
			return fmt.Errorf("%s: not set, but %s is", name, ca)
		}
	}
	_, caErr := readAuthorities(ca, values[ca])
	_, pairErr := readPair(cert, values[cert], key, values[key])
	return errors.Join(caErr, pairErr)
}

// internalFiles name the files of the internal port.
var internalFiles = fileSettings{"LHS_INTERNAL_SERVER_CERT", "LHS_INTERNAL_SERVER_KEY", "LHS_INTERNAL_CA_CERT"}

// useless names the settings that no listener reads.
func (c *Config) useless(given map[string]string) map[string]string {
	out := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		for _, l := range c.Listeners {
			if name == certSetting(l.Name) || name == keySetting(l.Name) {
				out[name] = fmt.Sprintf("listener %s has protocol PLAIN, ignored", l.Name)
			}
		}
		if _, property := propertyOf(name); (property || slices.Contains(kafkaOnly, name)) && !c.Kafka.over() {
			out[name] = "LHS_KAFKA_BOOTSTRAP_SERVERS is not set, ignored"
		}
		if strings.HasPrefix(name, "LHS_OAUTH_") && !c.byToken() {
			out[name] = "no listener has authentication OAUTH, ignored"
		}
		if strings.HasPrefix(name, "LHD_OAUTH_") && name != "LHD_OAUTH_ENABLED" && !c.Dashboard.login() {
			out[name] = "LHD_OAUTH_ENABLED is not true, ignored"
		}
	}
	if c.Kafka.over() {
		out["LHS_CORE_STREAM_THREADS"] = "over Kafka each partition has a goroutine of its own, ignored"
	}
	if !slices.ContainsFunc(c.Listeners, func(l Listener) bool { return l.Protocol == MTLS }) {
		out["LHS_CA_CERT"] = "no listener has protocol MTLS, ignored"
	}
	return out
}

// Warnings tell what an operator may have meant otherwise. A server logs them at start.
func (c *Config) Warnings() []Notice {
	var out []Notice
	warn := func(name, format string, args ...any) { out = append(out, Notice{name, fmt.Sprintf(format, args...)}) }
	for _, l := range c.Listeners {
		switch {
		case l.Authenticator != nil:
		case l.Authentication == NoAuthentication:
			warn("LHS_LISTENERS_AUTHENTICATION_MAP", "listener %s: calls are not authenticated: whoever reaches it may do what the principal \"anonymous\" may", l.Name)
		case l.Authentication == ByToken && l.Protocol == Plain:
			warn("LHS_LISTENERS_PROTOCOL_MAP", "listener %s: OAuth without TLS: whoever listens on the way can use the tokens", l.Name)
		}
	}
	if c.byToken() && c.OAuth.InClear() {
		warn("LHS_OAUTH_INTROSPECT_URL", "the OAuth server is asked in clear: use https unless it is on this machine")
	}
	c.Kafka.warnings(warn)
	return append(out, c.dashboardWarnings()...)
}

// warn logs what Warnings tell.
func (s *Server) warn(context.Context) error {
	for _, n := range s.cfg.Warnings() {
		s.log.Warn(n.Text, "setting", n.Name)
	}
	return nil
}

// transport is what connections of the listener go through; nil is none.
func (s *Server) transport(l Listener) (credentials.TransportCredentials, error) {
	if l.Protocol == Plain {
		return nil, nil
	}
	k, err := s.keyring(l)
	if err != nil {
		return nil, err
	}
	return watched{k.credentials()}, nil
}

func (s *Server) keyring(l Listener) (*keyring, error) {
	files, err := s.cfg.keyFiles(l)
	if err != nil {
		return nil, err
	}
	return newKeyring(files, s.log)
}

// limited is a port with a bound on its connections, unless that is 0: one more is closed at once, so that those who have one keep
// it and whoever floods the port takes no memory.
type limited struct {
	net.Listener
	name     string
	secured  bool // by TLS
	most     int64
	log      *slog.Logger
	open     atomic.Int64
	told     atomic.Int64  // when a refusal was logged last, in seconds
	backlogs *api.Backlogs // nil where replies do not wait
	followed bool          // what comes in, for a transport that does not bound it
}

func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if n := l.open.Add(1); n <= l.most || l.most == 0 {
			return l.counted(c), nil
		}
		l.open.Add(-1)
		_ = c.Close()
		l.tell()
	}
}

func (l *limited) counted(conn net.Conn) *counted {
	c := &counted{Conn: conn, of: l, ready: readableOf(conn)}
	if l.backlogs != nil {
		c.backlog = l.backlogs.Open(c)
		if l.followed {
			c.traffic.in = newIncoming(c.backlog)
		}
	}
	return c
}

func (l *limited) tell() {
	now := time.Now().Unix()
	if last := l.told.Load(); now-last >= 60 && l.told.CompareAndSwap(last, now) {
		l.log.Warn("connection refused, there are too many", "listener", l.name, "limit", l.most)
	}
}
