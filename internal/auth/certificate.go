package auth

import (
	"context"
	"encoding/asn1"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"littlehorse/internal/lh"
)

// Certificate is the Authenticator of listeners whose clients show a certificate: the common name of its subject is
// who calls.
type Certificate struct{}

var commonName = asn1.ObjectIdentifier{2, 5, 4, 3}

// Authenticate gives the most specific common name. A certificate without one is anonymous.
func (Certificate) Authenticate(ctx context.Context) (Identity, *lh.Error) {
	invalid := lh.Errorf(lh.Unauthenticated, "Invalid certificate")
	p, ok := peer.FromContext(ctx)
	if !ok {
		return Identity{}, invalid
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 || len(info.State.VerifiedChains[0]) == 0 {
		return Identity{}, invalid
	}
	name := ""
	// The names go from the least to the most specific.
	for _, part := range info.State.VerifiedChains[0][0].Subject.Names {
		if !part.Type.Equal(commonName) {
			continue
		}
		if name, ok = part.Value.(string); !ok {
			return Identity{}, invalid
		}
	}
	if name == "" {
		return Identity{Name: Anonymous}, nil
	}
	return Identity{Name: name, Proven: true}, nil
}
