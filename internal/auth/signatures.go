package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

// When the keys of an issuer are fetched.
const (
	// keysAfter is how old keys may be before they are fetched anew, and keysUntil how old they may get when the
	// issuer does not answer.
	keysAfter = 5 * time.Minute
	keysUntil = time.Hour
	// keysPause is how long nothing is fetched after a fetch, whatever keys tokens name.
	keysPause = 10 * time.Second
)

// algorithms are the signatures taken: those with a public key. "none" and shared secrets are not among them.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// signatures judges JWTs by the keys that their issuer publishes (OpenID Connect Discovery).
type signatures struct {
	issuer string
	client *http.Client
	now    func() time.Time
	log    *slog.Logger

	fetching singleflight.Group

	mu             sync.Mutex
	keys           []jose.JSONWebKey
	fetched, tried time.Time
}

func (s *signatures) judge(ctx context.Context, token string) (claims, error) {
	signed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil || len(signed.Signatures) != 1 {
		return claims{}, errInvalid
	}
	header := signed.Signatures[0].Protected
	keys, err := s.keysFor(ctx, header)
	if err != nil {
		return claims{}, err
	}
	for _, key := range keys {
		text, err := signed.Verify(key.Key)
		if err != nil {
			continue
		}
		var c claims
		if json.Unmarshal(text, &c) != nil {
			return claims{}, errInvalid
		}
		// What only the answer of an introspection may say.
		c.Username = ""
		return c, nil
	}
	return claims{}, errInvalid
}

// keysFor gives the keys that may have signed. Those that are known serve while newer ones are fetched. A key that
// nobody knows may be new: the issuer is asked, but not for every token that names one.
func (s *signatures) keysFor(ctx context.Context, header jose.Header) ([]jose.JSONWebKey, error) {
	found, age, due := s.known(header)
	if !due {
		return usable(found, age)
	}
	fetched := s.fetching.DoChan("", func() (any, error) { return nil, s.renew(context.WithoutCancel(ctx)) })
	if len(found) > 0 && age < keysUntil {
		return found, nil
	}
	select {
	case <-fetched:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	found, age, _ = s.known(header)
	return usable(found, age)
}

// known gives the keys at hand that fit, how old they are, and whether it is time to fetch newer ones.
func (s *signatures) known(header jose.Header) (found []jose.JSONWebKey, age time.Duration, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	found, age = s.matching(header), now.Sub(s.fetched)
	stale := len(found) == 0 || age >= keysAfter
	return found, age, stale && (s.tried.IsZero() || now.Sub(s.tried) >= keysPause)
}

// usable refuses keys that are too old, and says whose fault it is that there are none.
func usable(found []jose.JSONWebKey, age time.Duration) ([]jose.JSONWebKey, error) {
	switch {
	case age >= keysUntil:
		return nil, errors.New("the issuer's keys are not known")
	case len(found) == 0:
		return nil, errInvalid
	default:
		return found, nil
	}
}

// renew fetches the keys.
func (s *signatures) renew(ctx context.Context) error {
	now := s.now()
	s.mu.Lock()
	s.tried = now
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	keys, err := s.fetch(ctx)
	if err != nil {
		s.log.Warn("the keys of the OAuth issuer cannot be fetched", "issuer", s.issuer, "err", err)
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys, s.fetched = keys, now
	return nil
}

func (s *signatures) matching(header jose.Header) []jose.JSONWebKey {
	var out []jose.JSONWebKey
	for _, key := range s.keys {
		named := header.KeyID == "" || key.KeyID == header.KeyID
		if named && (key.Algorithm == "" || key.Algorithm == header.Algorithm) {
			out = append(out, key)
		}
	}
	return out
}

func (s *signatures) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	var discovery struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := s.get(ctx, strings.TrimSuffix(s.issuer, "/")+"/.well-known/openid-configuration", &discovery); err != nil {
		return nil, err
	}
	if discovery.Issuer != s.issuer {
		return nil, fmt.Errorf("LHS_OAUTH_ISSUER_URL is %s, but the server there calls itself %s", s.issuer, discovery.Issuer)
	}
	if err := CheckURL(discovery.Keys); err != nil {
		return nil, fmt.Errorf("jwks_uri: %w", err)
	}
	if strings.HasPrefix(s.issuer, "https:") && !strings.HasPrefix(discovery.Keys, "https:") {
		return nil, errors.New("jwks_uri: keys in clear of an issuer that is not")
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := s.get(ctx, discovery.Keys, &set); err != nil {
		return nil, err
	}
	var keys []jose.JSONWebKey
	for _, text := range set.Keys {
		var key jose.JSONWebKey
		// Keys of a kind that we do not know, for encryption or shared secrets are not for us.
		if key.UnmarshalJSON(text) == nil && key.Valid() && key.IsPublic() && (key.Use == "" || key.Use == "sig") {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func (s *signatures) get(ctx context.Context, url string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	return fetch(s.client, r, into)
}
