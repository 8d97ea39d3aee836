package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	"google.golang.org/grpc/metadata"

	"littlehorse/internal/lh"
)

// Bounds of what tokens cost.
const (
	// maxToken is how long a token may be.
	maxToken = 16 << 10
	// maxAnswer bounds what an OAuth server may answer.
	maxAnswer = 1 << 20
	// askTimeout is how long the OAuth server may take.
	askTimeout = 5 * time.Second
	// maxAsking bounds the questions to the OAuth server at a time, and maxRenewing those about tokens that were found good
	// before: whoever shows many that are none does not keep the others from going on.
	maxAsking   = 64
	maxRenewing = 16
	// rememberFor is how long a token that was found good is taken for good, unless it expires before.
	rememberFor = time.Minute
	// maxRemembered bounds the tokens that are remembered.
	maxRemembered = 10_000
)

// OAuth says how bearer tokens are judged.
type OAuth struct {
	// IntrospectURL is asked about every token (RFC 7662), as ClientID with ClientSecret. Without it tokens must be
	// JWTs, signed by a key that the issuer publishes.
	IntrospectURL, ClientID, ClientSecret string
	// Issuer and Audience that tokens must have. An empty one is not checked when tokens are introspected; JWTs need
	// both.
	Issuer, Audience string
}

// Token is the Authenticator of listeners whose clients show a bearer token.
type Token struct {
	judge            judge
	rules            OAuth
	log              *slog.Logger
	now              func() time.Time
	client           *http.Client
	asking, renewing chan struct{} // questions under way
	flight           singleflight.Group

	mu    sync.Mutex
	known map[fingerprint]verdict
}

// judge finds what a token says if it is good. The issuer and audience are not its business.
type judge interface {
	judge(ctx context.Context, token string) (claims, error)
}

type fingerprint [sha256.Size]byte

// verdict is that a token is good, for a while.
type verdict struct {
	identity Identity
	until    time.Time
}

// refused is an error that the caller is at fault for; all others are of the OAuth server.
type refused string

func (r refused) Error() string { return string(r) }

// NewToken makes the Authenticator. It asks the OAuth server when the first token comes.
func NewToken(rules OAuth, log *slog.Logger) *Token {
	client := &http.Client{
		Timeout: askTimeout,
		// A redirect would carry the token or the secret to somebody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true},
	}
	t := &Token{
		rules: rules, log: log, now: time.Now, client: client,
		asking: make(chan struct{}, maxAsking), renewing: make(chan struct{}, maxRenewing), known: map[fingerprint]verdict{},
	}
	t.judge = &introspection{rules: rules, client: client}
	if rules.IntrospectURL == "" {
		t.judge = &signatures{issuer: rules.Issuer, client: client, now: func() time.Time { return t.now() }, log: log}
	}
	return t
}

// Close ends idle connections to the OAuth server.
func (t *Token) Close() { t.client.CloseIdleConnections() }

// Authenticate gives the identity that stands in the token.
func (t *Token) Authenticate(ctx context.Context) (Identity, *lh.Error) {
	token, err := bearer(metadata.ValueFromIncomingContext(ctx, "authorization"))
	if err != nil {
		return Identity{}, unauthenticated(err)
	}
	id := fingerprint(sha256.Sum256([]byte(token)))
	v, known, good := t.recall(id)
	if !good {
		turns := t.asking
		if known {
			turns = t.renewing
		}
		v, err = t.ask(ctx, id, token, turns)
	}
	var wrong refused
	switch {
	case errors.As(err, &wrong):
		return Identity{}, unauthenticated(wrong)
	case err != nil:
		return Identity{}, lh.Errorf(lh.Unavailable, "The OAuth server cannot be asked about the token, try again later")
	case !t.now().Before(v.identity.Expires):
		return Identity{}, unauthenticated(errInactive)
	}
	return v.identity, nil
}

func unauthenticated(err error) *lh.Error { return lh.Errorf(lh.Unauthenticated, "%s", err.Error()) }

const (
	errEmpty    = refused("Token is empty")
	errMany     = refused("There is more than one token")
	errScheme   = refused("The authorization is not a Bearer token")
	errLong     = refused("Token is too long")
	errInactive = refused("Token is not active")
	errScope    = refused("Token has no scope")
	errNobody   = refused("Token does not say whose it is")
	errIssuer   = refused("Token is of another issuer")
	errAudience = refused("Token is for another audience")
	errInvalid  = refused("Token is not valid")
)

// tokenText is what RFC 6750 lets a token consist of.
var tokenText = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// bearer takes the token out of the header. The official Python client sends it bare, without the scheme.
func bearer(values []string) (string, error) {
	if len(values) > 1 {
		return "", errMany
	}
	if len(values) == 0 || strings.TrimSpace(values[0]) == "" {
		return "", errEmpty
	}
	scheme, token, ok := strings.Cut(strings.TrimSpace(values[0]), " ")
	if !ok && !strings.EqualFold(scheme, "Bearer") {
		scheme, token = "Bearer", scheme
	}
	token = strings.TrimSpace(token)
	switch {
	case !strings.EqualFold(scheme, "Bearer"):
		return "", errScheme
	case token == "":
		return "", errEmpty
	case len(token) > maxToken:
		return "", errLong
	case !tokenText.MatchString(token):
		return "", errInvalid
	}
	return token, nil
}

// recall gives what is remembered of a token: whether it was ever found good, and whether it still is.
func (t *Token) recall(id fingerprint) (v verdict, known, good bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	v, known = t.known[id]
	return v, known, known && t.now().Before(v.until)
}

func (t *Token) remember(id fingerprint, v verdict) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.known[id]; !ok && len(t.known) >= maxRemembered {
		t.forget()
	}
	t.known[id] = v
}

// forget makes room: what is over, and if nothing is, any tenth; those are asked about again.
func (t *Token) forget() {
	now := t.now()
	for id, v := range t.known {
		if !now.Before(v.until) {
			delete(t.known, id)
		}
	}
	for id := range t.known {
		if len(t.known) <= maxRemembered*9/10 {
			return
		}
		delete(t.known, id)
	}
}

// ask judges a token once for all who show it at a time. Whoever gives up does not take the answer from the others.
func (t *Token) ask(ctx context.Context, id fingerprint, token string, turns chan struct{}) (verdict, error) {
	answer := t.flight.DoChan(string(id[:]), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
		defer cancel()
		v, err := t.find(ctx, token, turns)
		if err == nil {
			t.remember(id, v)
		}
		return v, err
	})
	select {
	case a := <-answer:
		return a.Val.(verdict), a.Err
	case <-ctx.Done():
		return verdict{}, ctx.Err()
	}
}

func (t *Token) find(ctx context.Context, token string, turns chan struct{}) (verdict, error) {
	select {
	case turns <- struct{}{}:
		defer func() { <-turns }()
	case <-ctx.Done():
		return verdict{}, ctx.Err()
	}
	c, err := t.judge.judge(ctx, token)
	var wrong refused
	if err != nil {
		if !errors.As(err, &wrong) {
			t.log.Warn("the OAuth server cannot be asked about a token", "err", err)
		}
		return verdict{}, err
	}
	return t.rules.verdict(c, t.now())
}
