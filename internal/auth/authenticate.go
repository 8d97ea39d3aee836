package auth

import (
	"context"
	"time"

	"littlehorse/internal/catalog"
	"littlehorse/internal/lh"
)

// Anonymous is the Principal of every call that comes without an identity.
const Anonymous = catalog.Anonymous

// Identity is who the transport says is calling.
type Identity struct {
	// Name of the Principal.
	Name string
	// Proven says that a certificate or token stands behind the name.
	Proven bool
	// Expires is when the credential ends; the zero time is never.
	Expires time.Time
}

// Authenticator finds the identity of a call. Nothing that a client writes into its metadata may change the
// answer, except a credential that is verified.
type Authenticator interface {
	// Authenticate gives the identity or refuses with Unauthenticated.
	Authenticate(ctx context.Context) (Identity, *lh.Error)
}

// None is the Authenticator of listeners without authentication.
type None struct{}

// Authenticate gives the anonymous identity, whatever the client sends.
func (None) Authenticate(context.Context) (Identity, *lh.Error) {
	return Identity{Name: Anonymous}, nil
}
