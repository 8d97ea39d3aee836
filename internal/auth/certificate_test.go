package auth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"littlehorse/internal/lh"
)

func TestCertificatesThatNameNobody(t *testing.T) {
	unreadable := &x509.Certificate{Subject: pkix.Name{Names: []pkix.AttributeTypeAndValue{{Type: commonName, Value: 5}}}}
	for name, p := range map[string]*peer.Peer{
		"no peer":       nil,
		"in clear":      {},
		"not verified":  {AuthInfo: credentials.TLSInfo{State: tls.ConnectionState{PeerCertificates: []*x509.Certificate{unreadable}}}},
		"no text":       {AuthInfo: credentials.TLSInfo{State: tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{unreadable}}}}},
		"a chain of no": {AuthInfo: credentials.TLSInfo{State: tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{}}}}},
	} {
		ctx := context.Background()
		if p != nil {
			ctx = peer.NewContext(ctx, p)
		}
		if id, err := (Certificate{}).Authenticate(ctx); err == nil || err.Code != lh.Unauthenticated || err.Message != "Invalid certificate" {
			t.Errorf("%s: %v %v", name, id, err)
		}
	}
}
