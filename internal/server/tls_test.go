package server

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/lhpb"
	"littlehorse/test/pki"
)

// whoami calls the server over its listener.
func whoami(t *testing.T, address string, transport credentials.TransportCredentials) (string, error) {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(transport))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p, err := lhpb.NewLittleHorseClient(conn).Whoami(t.Context(), &emptypb.Empty{})
	return p.GetId().GetId(), err
}

func trusting(a *pki.Authority, pairs ...tls.Certificate) credentials.TransportCredentials {
	return credentials.NewTLS(&tls.Config{RootCAs: a.Pool(), Certificates: pairs, MinVersion: tls.VersionTLS12})
}

// holds: ClientsUseTLS
func TestListenersWithCertificates(t *testing.T) {
	ca, strangers := pki.NewAuthority(t, "ca"), pki.NewAuthority(t, "others")
	pair := ca.Server()
	c := testConfig(t)
	c.ClientCA = ca.File()
	c.Listeners = []Listener{
		{Name: "PLAIN"},
		{Name: "TLS", Protocol: TLS, CertFile: pair.Cert, KeyFile: pair.Key},
		{Name: "OPEN", Protocol: MTLS, CertFile: pair.Cert, KeyFile: pair.Key},
		{Name: "NAMED", Protocol: MTLS, CertFile: pair.Cert, KeyFile: pair.Key, Authentication: ByCertificate},
	}
	s := start(t, c)
	known := ca.Client("anonymous").Load(t)
	alice := ca.Client("alice").Load(t)
	stranger := strangers.Client("alice").Load(t)
	old := ca.Pair("old", &x509.Certificate{
		Subject:   pkix.Name{CommonName: "alice"},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
	}).Load(t)
	nameless := ca.Pair("nameless", &x509.Certificate{Subject: pkix.Name{Organization: []string{"o"}}}).Load(t)
	cn := asn1.ObjectIdentifier{2, 5, 4, 3}
	two := ca.Pair("two", &x509.Certificate{Subject: pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{
		{Type: cn, Value: "department"}, {Type: cn, Value: "bob"},
	}}}).Load(t)
	clear := insecure.NewCredentials()
	for _, test := range []struct {
		name, listener string
		transport      credentials.TransportCredentials
		code           codes.Code
		says           string
	}{
		{"in clear", "PLAIN", clear, codes.OK, "anonymous"},
		{"TLS on a plain port", "PLAIN", trusting(ca), codes.Unavailable, ""},
		{"in clear on a TLS port", "TLS", clear, codes.Unavailable, ""},
		{"TLS", "TLS", trusting(ca), codes.OK, "anonymous"},
		{"a server of an unknown CA", "TLS", trusting(strangers), codes.Unavailable, "x509"},
		{"a certificate nobody asked for", "TLS", trusting(ca, stranger), codes.OK, "anonymous"},
		{"MTLS without a certificate", "OPEN", trusting(ca), codes.Unavailable, ""},
		{"MTLS without authentication", "OPEN", trusting(ca, alice), codes.OK, "anonymous"},
		{"a certificate of another CA", "NAMED", trusting(ca, stranger), codes.Unavailable, ""},
		{"an expired certificate", "NAMED", trusting(ca, old), codes.Unavailable, ""},
		{"no certificate", "NAMED", trusting(ca), codes.Unavailable, ""},
		{"in clear on a MTLS port", "NAMED", clear, codes.Unavailable, ""},
		{"no common name", "NAMED", trusting(ca, nameless), codes.OK, "anonymous"},
		{"a Principal", "NAMED", trusting(ca, known), codes.OK, "anonymous"},
		{"no Principal", "NAMED", trusting(ca, alice), codes.PermissionDenied, `"alice"`},
		{"the most specific name", "NAMED", trusting(ca, two), codes.PermissionDenied, `"bob"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			who, err := whoami(t, s.Addr(test.listener), test.transport)
			if grpcstatus.Code(err) != test.code || !strings.Contains(who+grpcstatus.Convert(err).Message(), test.says) {
				t.Errorf("%q, %v", who, err)
			}
		})
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	ca := pki.NewAuthority(t, "ca")
	pair := ca.Server()
	c := testConfig(t)
	c.Listeners = []Listener{{Name: "TLS", Protocol: TLS, CertFile: pair.Cert, KeyFile: pair.Key}}
	s := start(t, c)
	for name, client := range map[string]*tls.Config{
		"TLS 1.1":      {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		"CBC":          {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}},
		"another name": {ServerName: "example.com"},
	} {
		client.RootCAs = ca.Pool()
		conn, err := tls.Dial("tcp", s.Addr("TLS"), client)
		if err == nil {
			_ = conn.Close()
			t.Errorf("%s is let in", name)
		}
	}
}

func replace(t *testing.T, file, by string) {
	t.Helper()
	text, err := os.ReadFile(by)
	if err == nil {
		err = errors.Join(os.WriteFile(file+".new", text, 0o600), os.Rename(file+".new", file))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestCertificatesAreReplacedWithoutRestart(t *testing.T) {
	first, second := pki.NewAuthority(t, "first"), pki.NewAuthority(t, "second")
	pair, next := first.Server(), second.Server()
	files := keyFiles{listener: "TLS", cert: pair.Cert, key: pair.Key, ca: first.File()}
	var log bytes.Buffer
	k, err := newKeyring(files, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	k.every = 0
	old := k.config()
	if k.config() != old {
		t.Error("files that nobody touched are read again")
	}
	replace(t, files.cert, next.Cert)
	if first, second := k.config(), k.config(); first != old || second != old || strings.Count(log.String(), "cannot be used") != 1 {
		t.Errorf("half of a pair: %s", log.String())
	}
	replace(t, files.key, next.Key)
	fresh := k.config()
	if fresh == old || !strings.Contains(log.String(), "certificate replaced") {
		t.Errorf("the pair is complete: %s", log.String())
	}
	replace(t, files.ca, second.File())
	if c := k.config(); c == fresh || !c.ClientCAs.Equal(second.Pool()) {
		t.Error("the CA stays the old one")
	}
	kept := k.config()
	if err := os.Remove(files.ca); err != nil {
		t.Fatal(err)
	}
	if k.config() != kept {
		t.Error("a missing file changes something")
	}
}

func TestListenersThatMissSomethingAreRefusedByName(t *testing.T) {
	ca := pki.NewAuthority(t, "ca")
	pair, other := ca.Server(), ca.Client("other")
	bad := map[string]string{
		"LHS_LISTENER_A_CERT":                     "LHS_LISTENERS_PROTOCOL_MAP=A:TLS",
		"LHS_LISTENER_A_KEY":                      "LHS_LISTENERS_PROTOCOL_MAP=A:TLS LHS_LISTENER_A_CERT=" + pair.Cert,
		"LHS_CA_CERT":                             "LHS_LISTENERS_PROTOCOL_MAP=A:MTLS LHS_LISTENER_A_CERT=" + pair.Cert + " LHS_LISTENER_A_KEY=" + pair.Key,
		"LHS_LISTENER_A_CERT, LHS_LISTENER_A_KEY": "LHS_LISTENERS_PROTOCOL_MAP=A:TLS LHS_LISTENER_A_CERT=" + pair.Cert + " LHS_LISTENER_A_KEY=" + other.Key,
		"LHS_LISTENER_A_CERT: open":               "LHS_LISTENERS_PROTOCOL_MAP=A:TLS LHS_LISTENER_A_CERT=/missing LHS_LISTENER_A_KEY=" + pair.Key,
		"LHS_CA_CERT: no certificate": "LHS_LISTENERS_PROTOCOL_MAP=A:MTLS LHS_CA_CERT=" + pair.Key + " LHS_LISTENER_A_CERT=" + pair.Cert +
			" LHS_LISTENER_A_KEY=" + pair.Key,
		"LHS_LISTENERS has no listener B":   "LHS_LISTENERS_PROTOCOL_MAP=B:TLS",
		"listener A is named twice":         "LHS_LISTENERS_PROTOCOL_MAP=A:PLAIN,A:PLAIN",
		"has authentication MTLS":           "LHS_LISTENERS_PROTOCOL_MAP=A:PLAIN LHS_LISTENERS_AUTHENTICATION_MAP=A:MTLS",
		"LHS_INTERNAL_SERVER_CERT":          "LHS_INTERNAL_CA_CERT=" + ca.File(),
		"LHS_INTERNAL_SERVER_KEY: has no":   "LHS_INTERNAL_SERVER_KEY=" + pair.Key,
		"LHS_INTERNAL_CA_CERT: no certific": "LHS_INTERNAL_CA_CERT=" + pair.Key + " LHS_INTERNAL_SERVER_CERT=" + pair.Cert + " LHS_INTERNAL_SERVER_KEY=" + pair.Key,
	}
	for want, text := range bad {
		settings := map[string]string{"LHS_LISTENERS": "A:1000"}
		for _, kv := range strings.Fields(text) {
			k, v, _ := strings.Cut(kv, "=")
			settings[k] = v
		}
		if _, _, err := configFrom(settings); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v", text, err)
		}
	}
	c, notes, err := configFrom(map[string]string{
		"LHS_LISTENERS": "A:1000,B:1001", "LHS_LISTENERS_PROTOCOL_MAP": "A:MTLS", "LHS_LISTENERS_AUTHENTICATION_MAP": "A:MTLS",
		"LHS_LISTENER_A_CERT": pair.Cert, "LHS_LISTENER_A_KEY": pair.Key, "LHS_CA_CERT": ca.File(),
		"LHS_LISTENER_B_CERT": pair.Cert, "LHS_LISTENER_C_KEY": "x",
	})
	if err != nil || c.Listeners[0].Protocol != MTLS || c.Listeners[0].Authentication != ByCertificate || c.Listeners[1].Protocol != Plain {
		t.Errorf("%+v %v", c.Listeners, err)
	}
	if len(notes) != 2 || !strings.Contains(notes[0].Text, "listener B has protocol PLAIN") || !strings.Contains(notes[1].Text, "unknown") {
		t.Error(notes)
	}
}

// Whoever takes all connections cannot keep others from those that they have, nor hold more than the limit.
func TestConnectionsAreBounded(t *testing.T) {
	c := testConfig(t)
	c.MaxConnections = 2
	s := start(t, c)
	address := s.Addr("PLAIN")
	if _, err := whoami(t, address, insecure.NewCredentials()); err != nil {
		t.Fatal(err)
	}
	bound := s.listeners[0].net.(*limited)
	await(t, func() bool { return bound.open.Load() == 0 })
	var held []net.Conn
	for range 2 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	await(t, func() bool { return bound.open.Load() == 2 })
	third, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	if _, err := io.Copy(io.Discard, third); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("one too many is not closed: %v", err)
	}
	for _, conn := range held {
		_ = conn.Close()
	}
	await(t, func() bool { return bound.open.Load() == 0 })
	if _, err := whoami(t, address, insecure.NewCredentials()); err != nil {
		t.Error(err)
	}
}

func await(t *testing.T, f func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
	}
}

// The port of the dashboard talks as its listener does, and takes callers for whom their certificates name.
func TestDashboardTalksAsItsListener(t *testing.T) {
	ca := pki.NewAuthority(t, "ca")
	pair := ca.Server()
	c := testConfig(t)
	c.ClientCA = ca.File()
	c.Listeners = []Listener{
		{Name: "PLAIN"},
		{Name: "NAMED", Protocol: MTLS, CertFile: pair.Cert, KeyFile: pair.Key, Authentication: ByCertificate},
	}
	c.Dashboard = DashboardConfig{BindHost: "127.0.0.1", Port: freePort(t), Listener: "NAMED", OutputStream: true}
	s := start(t, c)
	for name, want := range map[string]int{"anonymous": http.StatusNotFound, "alice": http.StatusForbidden, "": 0} {
		to := &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS12}
		if name != "" {
			to.Certificates = []tls.Certificate{ca.Client(name).Load(t)}
		}
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: to, DisableKeepAlives: true}}
		got, err := client.Get("https://" + s.DashboardAddr() + "/output/execution")
		if err != nil {
			if want != 0 {
				t.Errorf("%q: %v", name, err)
			}
			continue
		}
		_ = got.Body.Close()
		if got.StatusCode != want {
			t.Errorf("%q: %s", name, got.Status)
		}
	}
}

func TestOAuthSettings(t *testing.T) {
	secret := t.TempDir() + "/secret"
	if err := os.WriteFile(secret, []byte(" from-file \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{
		"LHS_LISTENERS_AUTHENTICATION_MAP": "PLAIN:OAUTH", "LHS_OAUTH_INTROSPECT_URL": "http://127.0.0.1:1/introspect", "LHS_OAUTH_CLIENT_ID": "lh",
		"LHS_OAUTH_CLIENT_SECRET": "plain", "LHS_OAUTH_CLIENT_SECRET_FILE": secret, "LHS_OAUTH_ISSUER_URL": "https://me", "LHS_OAUTH_AUDIENCE": "api",
	}
	c, notes, err := configFrom(settings)
	if err != nil || len(notes) != 0 {
		t.Fatal(err, notes)
	}
	if c.OAuth.ClientSecret != "from-file" || c.OAuth.ClientID != "lh" || c.OAuth.Issuer != "https://me" || c.OAuth.Audience != "api" {
		t.Errorf("%+v", c.OAuth)
	}
	for name, want := range map[string]string{
		"LHS_OAUTH_CLIENT_SECRET_FILE": "LHS_OAUTH_CLIENT_SECRET_FILE: open", "LHS_OAUTH_INTROSPECT_URL": "LHS_OAUTH_INTROSPECT_URL: not a URL",
	} {
		bad := maps.Clone(settings)
		bad[name] = "/missing"
		if _, _, err := configFrom(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}

	var log bytes.Buffer
	run := testConfig(t)
	run.Listeners[0].Authentication, run.OAuth = ByToken, c.OAuth
	run.Logger = slog.New(slog.NewTextHandler(&log, nil))
	s := start(t, run)
	if !strings.Contains(log.String(), "OAuth without TLS") || strings.Contains(log.String(), "asked in clear") || strings.Contains(log.String(), "from-file") {
		t.Error(log.String())
	}
	if _, err := whoami(t, s.Addr("PLAIN"), insecure.NewCredentials()); grpcstatus.Code(err) != codes.Unauthenticated {
		t.Errorf("without a token: %v", err)
	}
}

// TestServersAreKnownByWhereTheyAre calls a server whose certificate is for localhost and 127.0.0.1 under other names and addresses.
//
// holds: ServersProveThemselvesToEachOther
func TestServersAreKnownByWhereTheyAre(t *testing.T) {
	authority := pki.NewAuthority(t, "ca")
	pair := authority.Server()
	k, err := newKeyring(keyFiles{listener: "internal", cert: pair.Cert, key: pair.Key, ca: authority.File()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	n, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(k.credentials()))
	go func() { _ = server.Serve(n) }()
	t.Cleanup(server.Stop)
	for called, good := range map[string]bool{"localhost": true, "127.0.0.1": true, "other": false, "127.0.0.2": false, "::1": false} {
		conn, err := net.Dial("tcp", n.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = k.forPeers().Clone().ClientHandshake(t.Context(), net.JoinHostPort(called, "2011"), conn)
		if (err == nil) != good {
			t.Errorf("%s: %v", called, err)
		}
		_ = conn.Close()
	}
}
