package server

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"software.sslmate.com/src/go-pkcs12"
)

// tls is what the key and trust stores say. Brokers are always known by their names.
func (s *KafkaSecurity) tls() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: ciphers}
	if s.Keystore != "" {
		pair, err := readKeystore(s.Keystore, s.KeystorePassword)
		if err != nil {
			return nil, fmt.Errorf("LHS_KAFKA_KEYSTORE: %s: %w", s.Keystore, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if s.Truststore != "" {
		var err error
		if c.RootCAs, err = readTruststore(s.Truststore, s.TruststorePassword); err != nil {
			return nil, fmt.Errorf("LHS_KAFKA_TRUSTSTORE: %s: %w", s.Truststore, err)
		}
	}
	return c, nil
}

// Kinds of stores.
const (
	storePEM = iota
	storePKCS12
	storeJKS
)

// storeKind goes by what is in it, for names and settings lie.
func storeKind(b []byte) int {
	switch {
	case bytes.HasPrefix(b, []byte{0xfe, 0xed, 0xfe, 0xed}), bytes.HasPrefix(b, []byte{0xce, 0xce, 0xce, 0xce}):
		return storeJKS
	case bytes.Contains(b, []byte("-----BEGIN ")):
		return storePEM
	default:
		return storePKCS12
	}
}

var (
	errJKS = errors.New("it is a Java keystore (JKS): convert it with " +
		"keytool -importkeystore -srckeystore <this file> -destkeystore <new file> -deststoretype PKCS12")
	errNoPassword = errors.New("a PKCS12 store needs its password")
)

func readKeystore(file, password string) (tls.Certificate, error) {
	b, err := readStore(file, password)
	if err != nil {
		return tls.Certificate{}, err
	}
	if storeKind(b) == storePEM {
		return pemPair(b)
	}
	key, cert, chain, err := pkcs12.DecodeChain(b, password)
	if err != nil {
		return tls.Certificate{}, wrongStore(err)
	}
	out := tls.Certificate{PrivateKey: key, Leaf: cert, Certificate: [][]byte{cert.Raw}}
	for _, c := range chain {
		out.Certificate = append(out.Certificate, c.Raw)
	}
	return out, nil
}

// readStore reads a file that is none of those that have to be converted.
func readStore(file, password string) ([]byte, error) {
	text, err := readBounded(file)
	if err != nil {
		return nil, err
	}
	b := []byte(text)
	switch kind := storeKind(b); {
	case kind == storeJKS:
		return nil, errJKS
	case kind == storePKCS12 && password == "":
		return nil, errNoPassword
	}
	return b, nil
}

func wrongStore(err error) error {
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return errors.New("the password is not that of this PKCS12 store")
	}
	return fmt.Errorf("it is neither PEM nor PKCS12 as it should be: %w", err)
}

// pemPair is a key with its certificate and those that lead to an authority, in one file.
func pemPair(b []byte) (tls.Certificate, error) {
	for rest := b; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
			return tls.Certificate{}, errors.New("the key in it is encrypted: give it in clear, or as PKCS12")
		}
	}
	return tls.X509KeyPair(b, b)
}

func readTruststore(file, password string) (*x509.CertPool, error) {
	b, err := readStore(file, password)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if storeKind(b) == storePEM {
		if !pool.AppendCertsFromPEM(b) {
			return nil, errors.New("there is no certificate in it")
		}
		return pool, nil
	}
	certs, err := pkcs12.DecodeTrustStore(b, password)
	if err != nil {
		return nil, wrongStore(err)
	}
	for _, c := range certs {
		pool.AddCert(c)
	}
	return pool, nil
}
