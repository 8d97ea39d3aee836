package lh

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"google.golang.org/grpc/credentials"
)

// tokenTimeout bounds how long a token may take to come.
const tokenTimeout = 10 * time.Second

// bearer sends a token with every call, and gets another shortly before it expires.
type bearer struct {
	renew func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error)

	mu    sync.Mutex
	token *oauth2.Token // nil before the first
}

var _ credentials.PerRPCCredentials = (*bearer)(nil)

// newClientCredentials gets tokens by the client-credentials flow.
func newClientCredentials(cfg Config) *bearer {
	flow := &clientcredentials.Config{
		ClientID: cfg.OAuthClientID, ClientSecret: cfg.OAuthClientSecret, TokenURL: cfg.OAuthTokenURL,
		AuthStyle: oauth2.AuthStyleInHeader,
	}
	return &bearer{renew: func(ctx context.Context, _ *oauth2.Token) (*oauth2.Token, error) {
		token, err := flow.Token(ctx)
		if err != nil {
			return nil, fmt.Errorf("get OAuth token: %w", err)
		}
		return token, nil
	}}
}

func (b *bearer) RequireTransportSecurity() bool { return true }

func (b *bearer) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.token.Valid() {
		ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
		defer cancel()
		token, err := b.renew(ctx, b.token)
		if token != nil {
			b.token = token // it may be the only one that the provider still takes
		}
		if err != nil {
			return nil, err
		}
	}
	return map[string]string{"authorization": b.token.Type() + " " + b.token.AccessToken}, nil
}
