package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
)

// certificateCheck is how often at most a listener looks whether its files were replaced. It looks when somebody
// connects.
const certificateCheck = time.Second

// ciphers of TLS 1.2: those that HTTP/2 allows. TLS 1.3 has its own.
var ciphers = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// keyFiles are what a listener with TLS reads, each with the setting that names it. Without CA nobody has to show
// a certificate.
type keyFiles struct {
	listener      string
	cert, key, ca string
	named         fileSettings // of a port that is no listener
}

// fileSettings are the settings that name the files of a port.
type fileSettings struct{ cert, key, ca string }

func (f keyFiles) settings() fileSettings {
	if f.named != (fileSettings{}) {
		return f.named
	}
	return fileSettings{certSetting(f.listener), keySetting(f.listener), "LHS_CA_CERT"}
}

func (f keyFiles) all() []string {
	if f.ca == "" {
		return []string{f.cert, f.key}
	}
	return []string{f.cert, f.key, f.ca}
}

// load reads the files. Errors name the setting and never what is in a key.
func (f keyFiles) load() (*tls.Config, error) {
	names := f.settings()
	pair, err := readPair(names.cert, f.cert, names.key, f.key)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{
		Certificates: []tls.Certificate{pair},
		MinVersion:   tls.VersionTLS12,
		CipherSuites: ciphers,
		NextProtos:   []string{"h2"},
		// A resumed session would outlive the CA that its client was judged by.
		SessionTicketsDisabled: true,
	}
	if f.ca == "" {
		return c, nil
	}
	c.ClientAuth = tls.RequireAndVerifyClientCert
	c.ClientCAs, err = readAuthorities(names.ca, f.ca)
	return c, err
}

func readPair(certName, certFile, keyName, keyFile string) (tls.Certificate, error) {
	cert, certErr := readNamed(certName, certFile)
	key, keyErr := readNamed(keyName, keyFile)
	if err := errors.Join(certErr, keyErr); err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s, %s: %w", certName, keyName, err)
	}
	return pair, nil
}

func readNamed(setting, file string) (string, error) {
	text, err := readBounded(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", setting, err)
	}
	return text, nil
}

func readAuthorities(setting, file string) (*x509.CertPool, error) {
	text, err := readNamed(setting, file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(text)) {
		return nil, fmt.Errorf("%s: no certificate in %s", setting, file)
	}
	return pool, nil
}

// unchanged tells whether a file was not replaced. One that could not be looked at may have been.
func unchanged(before, now os.FileInfo) bool {
	return before != nil && now != nil && os.SameFile(before, now) &&
		before.ModTime().Equal(now.ModTime()) && before.Size() == now.Size()
}

// keyring holds what the files say and follows them when they are replaced. Files that cannot be used change
// nothing.
type keyring struct {
	files keyFiles
	every time.Duration
	log   *slog.Logger

	mu      sync.Mutex
	current *tls.Config
	stamps  []os.FileInfo // of each file; nil if it could not be looked at
	looked  time.Time
	trouble string // what was logged last about files that cannot be used
}

func newKeyring(files keyFiles, log *slog.Logger) (*keyring, error) {
	k := &keyring{files: files, every: certificateCheck, log: log, looked: time.Now()}
	k.stamps = k.look()
	var err error
	k.current, err = files.load()
	if err != nil {
		return nil, err
	}
	return k, nil
}

// credentials for a gRPC server.
func (k *keyring) credentials() credentials.TransportCredentials {
	return credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return k.config(), nil },
	})
}

// forPeers is for connections to other servers, which show certificates of the same authorities.
func (k *keyring) forPeers() credentials.TransportCredentials {
	return peerCredentials{k.credentials(), k}
}

// peerCredentials are made for each connection, of what the files say by then. The certificate of the other side must be for
// the host that was called, be that a name or an address.
type peerCredentials struct {
	credentials.TransportCredentials
	keys *keyring
}

// ClientHandshake implements credentials.TransportCredentials.
func (p peerCredentials) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	c := p.keys.config()
	return credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS12, CipherSuites: ciphers, RootCAs: c.ClientCAs,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &c.Certificates[0], nil },
	}).ClientHandshake(ctx, authority, conn)
}

// Clone implements credentials.TransportCredentials.
func (p peerCredentials) Clone() credentials.TransportCredentials {
	return peerCredentials{p.TransportCredentials.Clone(), p.keys}
}

// forHTTP is what an HTTP server needs of it.
func (k *keyring) forHTTP() *tls.Config {
	http := []string{"http/1.1"}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: http,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			c := k.config().Clone()
			c.NextProtos = http
			return c, nil
		},
	}
}

func (k *keyring) config() *tls.Config {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.looked) < k.every {
		return k.current
	}
	k.looked = time.Now()
	if stamps := k.look(); !slices.EqualFunc(k.stamps, stamps, unchanged) {
		k.reload(stamps)
	}
	return k.current
}

func (k *keyring) look() []os.FileInfo {
	var out []os.FileInfo
	for _, file := range k.files.all() {
		info, err := os.Stat(file)
		if err != nil {
			info = nil
		}
		out = append(out, info)
	}
	return out
}

// reload takes what the files say now. The stamps of files that cannot be used are not kept: a pair of which only
// one half was replaced yet is tried again.
func (k *keyring) reload(stamps []os.FileInfo) {
	fresh, err := k.files.load()
	if err != nil {
		if k.trouble != err.Error() {
			k.trouble = err.Error()
			k.log.Error("new certificate cannot be used, the old one stays", "listener", k.files.listener, "err", err)
		}
		return
	}
	k.current, k.stamps, k.trouble = fresh, stamps, ""
	k.log.Info("certificate replaced", "listener", k.files.listener)
}
