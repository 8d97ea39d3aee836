package auth

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"google.golang.org/grpc/metadata"

	"littlehorse/internal/lh"
)

// oauthServer is an OAuth server with as much as the tests need of it.
type oauthServer struct {
	*httptest.Server
	mu        sync.Mutex
	keys      []jose.JSONWebKey
	answer    any // of the introspection
	status    int
	issuer    string // what it calls itself
	questions atomic.Int32
	fetches   atomic.Int32
}

func newOAuthServer(t *testing.T) *oauthServer {
	s := &oauthServer{status: http.StatusOK}
	mux := http.NewServeMux()
	mux.HandleFunc("/introspect", func(w http.ResponseWriter, r *http.Request) {
		s.questions.Add(1)
		if id, secret, _ := r.BasicAuth(); r.Method != http.MethodPost || id != "lh" || secret != "s%3Acret" || r.FormValue("token") == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		w.WriteHeader(s.status)
		_ = json.NewEncoder(w).Encode(s.answer)
	})
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		w.WriteHeader(s.status)
		_ = json.NewEncoder(w).Encode(map[string]string{"issuer": s.issuer, "jwks_uri": s.URL + "/keys"})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		s.fetches.Add(1)
		s.mu.Lock()
		defer s.mu.Unlock()
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: s.keys})
	})
	s.Server = httptest.NewServer(mux)
	s.issuer = s.URL
	t.Cleanup(s.Close)
	return s
}

func (s *oauthServer) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func newTestToken(t *testing.T, rules OAuth) (*Token, *bytes.Buffer) {
	var log bytes.Buffer
	a := NewToken(rules, slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(a.Close)
	return a, &log
}

func showing(authorization ...string) context.Context {
	return metadata.NewIncomingContext(context.Background(), metadata.MD{"authorization": authorization})
}

// expect holds the outcome: a name, or a code with a part of its message.
func expect(ctx context.Context, t *testing.T, what string, a Authenticator, want string) {
	t.Helper()
	id, err := a.Authenticate(ctx)
	got := id.Name
	if err != nil {
		got = map[lh.Code]string{lh.Unauthenticated: "UNAUTHENTICATED ", lh.Unavailable: "UNAVAILABLE "}[err.Code] + err.Message
	} else if !id.Proven {
		t.Errorf("%s: the name is not proven", what)
	}
	if (err == nil) != !strings.Contains(want, " ") || !strings.Contains(got, want) {
		t.Errorf("%s: %q, wanted %q", what, got, want)
	}
}

type object = map[string]any

func in(d time.Duration) int64 { return time.Now().Add(d).Unix() }

func TestIntrospection(t *testing.T) {
	s := newOAuthServer(t)
	rules := OAuth{IntrospectURL: s.URL + "/introspect", ClientID: "lh", ClientSecret: "s:cret"}
	strict := rules
	strict.Issuer, strict.Audience = "https://me", "api"
	hour := in(time.Hour)
	for i, test := range []struct {
		name   string
		rules  OAuth
		status int
		answer any
		want   string
	}{
		{"a machine", rules, 200, object{"active": true, "scope": "a", "client_id": "m", "exp": hour, "username": "u"}, "m"},
		{"a human", rules, 200, object{"active": true, "scope": "a openid", "client_id": "m", "exp": hour, "username": "u"}, "u"},
		{"a word that begins so", rules, 200, object{"active": true, "scope": "openid2", "client_id": "m", "exp": hour, "username": "u"}, "m"},
		{"a human without a name", rules, 200, object{"active": true, "scope": "openid", "client_id": "m", "exp": hour}, "UNAUTHENTICATED Token does not say whose"},
		{"not active", rules, 200, object{"active": false}, "UNAUTHENTICATED Token is not active"},
		{"silent about it", rules, 200, object{"scope": "a", "client_id": "m", "exp": hour}, "UNAUTHENTICATED Token is not active"},
		{"no scope", rules, 200, object{"active": true, "client_id": "m", "exp": hour}, "UNAUTHENTICATED Token has no scope"},
		{"no client", rules, 200, object{"active": true, "scope": "a", "exp": hour}, "UNAUTHENTICATED Token is not active"},
		{"no end", rules, 200, object{"active": true, "scope": "a", "client_id": "m"}, "UNAUTHENTICATED Token is not active"},
		{"expired", rules, 200, object{"active": true, "scope": "a", "client_id": "m", "exp": in(-time.Second)}, "UNAUTHENTICATED Token is not active"},
		{"an endless end", rules, 200, object{"active": true, "scope": "a", "client_id": "m", "exp": 1e300}, "UNAUTHENTICATED Token is not active"},
		{"issuer and audience", strict, 200, object{"active": true, "scope": "a", "client_id": "m", "exp": hour, "iss": "https://me", "aud": "api"}, "m"},
		{"several audiences", strict, 200, object{"active": true, "scope": "a", "client_id": "m", "exp": hour, "iss": "https://me", "aud": []string{"x", "api"}}, "m"},
		{"another issuer", strict, 200, object{"active": true, "scope": "a", "client_id": "m", "exp": hour, "iss": "https://me/", "aud": "api"}, "UNAUTHENTICATED Token is of another issuer"},
		{"another audience", strict, 200, object{"active": true, "scope": "a", "client_id": "m", "exp": hour, "iss": "https://me", "aud": "api2"}, "UNAUTHENTICATED Token is for another audience"},
		{"no audience", strict, 200, object{"active": true, "scope": "a", "client_id": "m", "exp": hour, "iss": "https://me"}, "UNAUTHENTICATED Token is for another audience"},
		{"an error", rules, 500, object{"active": true, "scope": "a", "client_id": "m", "exp": hour}, "UNAVAILABLE "},
		{"a redirect", rules, 307, object{}, "UNAVAILABLE "},
		{"no JSON object", rules, 200, "active", "UNAVAILABLE "},
		{"too much", rules, 200, object{"x": strings.Repeat("x", maxAnswer)}, "UNAVAILABLE "},
	} {
		s.set(func() { s.status, s.answer = test.status, test.answer })
		a, log := newTestToken(t, test.rules)
		token := fmt.Sprintf("secret-token-%d", i)
		expect(showing("Bearer "+token), t, test.name, a, test.want)
		if strings.Contains(log.String(), token) || strings.Contains(log.String(), "s:cret") {
			t.Errorf("%s: a secret is in the log: %s", test.name, log)
		}
	}
	wrong := rules
	wrong.ClientSecret = "other"
	a, _ := newTestToken(t, wrong)
	expect(showing("Bearer x"), t, "the server does not take us", a, "UNAVAILABLE ")
	s.Close()
	a, _ = newTestToken(t, rules)
	expect(showing("Bearer x"), t, "the server is down", a, "UNAVAILABLE ")
}

func TestAuthorizationHeader(t *testing.T) {
	s := newOAuthServer(t)
	s.answer = object{"active": true, "scope": "a", "client_id": "m", "exp": in(time.Hour)}
	a, _ := newTestToken(t, OAuth{IntrospectURL: s.URL + "/introspect", ClientID: "lh", ClientSecret: "s:cret"})
	for value, want := range map[string]string{
		"Bearer abc": "m", "bearer abc": "m", "BEARER   abc==": "m", " Bearer abc ": "m", "bare": "m",
		"": "UNAUTHENTICATED Token is empty", "Bearer": "UNAUTHENTICATED Token is empty", "Bearer  ": "UNAUTHENTICATED Token is empty",
		"Basic abc": "UNAUTHENTICATED The authorization", "BearerBearer abc": "UNAUTHENTICATED The authorization",
		"Bearer a b": "UNAUTHENTICATED Token is not valid", "Bearer a\nb": "UNAUTHENTICATED Token is not valid",
		"Bearer " + strings.Repeat("a", maxToken+1): "UNAUTHENTICATED Token is too long",
	} {
		expect(showing(value), t, value[:min(len(value), 20)], a, want)
	}
	expect(context.Background(), t, "none", a, "UNAUTHENTICATED Token is empty")
	expect(showing("Bearer a", "Bearer b"), t, "two", a, "UNAUTHENTICATED There is more than one token")
}

// A token is asked about once a minute, and not taken a moment longer than it is good.
func TestTokensAreRemembered(t *testing.T) {
	s := newOAuthServer(t)
	now := time.Now()
	s.answer = object{"active": true, "scope": "a", "client_id": "m", "exp": now.Add(90 * time.Second).Unix()}
	a, _ := newTestToken(t, OAuth{IntrospectURL: s.URL + "/introspect", ClientID: "lh", ClientSecret: "s:cret"})
	a.now = func() time.Time { return now }
	for range 3 {
		expect(showing("Bearer abc"), t, "at first", a, "m")
	}
	if n := s.questions.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	now = now.Add(59 * time.Second)
	s.set(func() { s.answer = object{"active": false} })
	expect(showing("Bearer abc"), t, "revoked within a minute", a, "m")
	now = now.Add(2 * time.Second)
	expect(showing("Bearer abc"), t, "revoked a minute ago", a, "UNAUTHENTICATED Token is not active")
	s.set(func() {
		s.answer = object{"active": true, "scope": "a", "client_id": "m", "exp": now.Add(10 * time.Second).Unix()}
	})
	expect(showing("Bearer abc"), t, "good again", a, "m")
	now = now.Add(11 * time.Second)
	expect(showing("Bearer abc"), t, "expired, whatever the server says", a, "UNAUTHENTICATED Token is not active")
	for i := range maxRemembered + 10 {
		a.remember(fingerprint(sha256.Sum256([]byte{byte(i), byte(i >> 8)})), verdict{until: now.Add(time.Minute)})
	}
	if len(a.known) > maxRemembered {
		t.Errorf("%d tokens are remembered", len(a.known))
	}
}

// Whoever shows many tokens that are none does not keep those from going on who were known.
func TestKnownTokensDoNotWaitForNewOnes(t *testing.T) {
	s := newOAuthServer(t)
	now := time.Now()
	s.answer = object{"active": true, "scope": "a", "client_id": "m", "exp": in(time.Hour)}
	a, _ := newTestToken(t, OAuth{IntrospectURL: s.URL + "/introspect", ClientID: "lh", ClientSecret: "s:cret"})
	a.now = func() time.Time { return now }
	expect(showing("Bearer abc"), t, "at first", a, "m")
	now = now.Add(2 * rememberFor)
	for range maxAsking {
		a.asking <- struct{}{}
	}
	expect(showing("Bearer abc"), t, "while all turns are taken", a, "m")
}

type signer struct {
	t   *testing.T
	kid string
	alg jose.SignatureAlgorithm
	key any
}

func (k signer) sign(c object) string {
	k.t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: k.alg, Key: jose.JSONWebKey{Key: k.key, KeyID: k.kid}}, nil)
	if err != nil {
		k.t.Fatal(err)
	}
	text, err := json.Marshal(c)
	if err != nil {
		k.t.Fatal(err)
	}
	signed, err := s.Sign(text)
	if err != nil {
		k.t.Fatal(err)
	}
	out, err := signed.CompactSerialize()
	if err != nil {
		k.t.Fatal(err)
	}
	return out
}

func ecKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestJWT(t *testing.T) {
	s := newOAuthServer(t)
	ec, other := ecKey(t), ecKey(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s.keys = []jose.JSONWebKey{
		{Key: ec.Public(), KeyID: "ec", Algorithm: "ES256", Use: "sig"},
		{Key: rsaKey.Public(), KeyID: "rsa"},
		{Key: other.Public(), KeyID: "enc", Use: "enc"},
		{Key: []byte("0123456789abcdef0123456789abcdef"), KeyID: "shared"},
	}
	good := func(change ...any) object {
		c := object{"iss": s.issuer, "aud": "api", "scope": "a", "client_id": "m", "exp": in(time.Hour), "nbf": in(-time.Minute)}
		for i := 0; i < len(change); i += 2 {
			c[change[i].(string)] = change[i+1]
			if change[i+1] == nil {
				delete(c, change[i].(string))
			}
		}
		return c
	}
	es := signer{t, "ec", jose.ES256, ec}
	public, err := json.Marshal(s.keys[1])
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(good())
	if err != nil {
		t.Fatal(err)
	}
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(text) + "."
	valid := es.sign(good())
	parts := strings.Split(valid, ".")
	forged := parts[0] + "." + strings.Split(es.sign(good("client_id", "admin")), ".")[1] + "." + parts[2]
	a, log := newTestToken(t, OAuth{Issuer: s.issuer, Audience: "api"})
	for name, test := range map[string][2]string{
		"EC":                    {valid, "m"},
		"RSA":                   {signer{t, "rsa", jose.RS256, rsaKey}.sign(good()), "m"},
		"PSS":                   {signer{t, "rsa", jose.PS256, rsaKey}.sign(good()), "m"},
		"no kid":                {signer{t, "", jose.ES256, ec}.sign(good()), "m"},
		"claims in capitals":    {es.sign(good("Client_ID", "admin", "CLIENT_ID", "admin", "AZP", "admin", "Username", "admin")), "m"},
		"no more than capitals": {es.sign(good("exp", nil, "EXP", in(time.Hour))), "UNAUTHENTICATED Token is not active"},
		"authorized party":      {es.sign(good("client_id", nil, "azp", "p")), "p"},
		"a human":               {es.sign(good("scope", "openid", "preferred_username", "u")), "u"},
		"a human's username":    {es.sign(good("scope", "openid", "username", "u")), "UNAUTHENTICATED Token does not say whose"},
		"expired":               {es.sign(good("exp", in(-time.Second))), "UNAUTHENTICATED Token is not active"},
		"no end":                {es.sign(good("exp", nil)), "UNAUTHENTICATED Token is not active"},
		"not yet":               {es.sign(good("nbf", in(time.Hour))), "UNAUTHENTICATED Token is not active"},
		"another issuer":        {es.sign(good("iss", "https://other")), "UNAUTHENTICATED Token is of another issuer"},
		"no issuer":             {es.sign(good("iss", nil)), "UNAUTHENTICATED Token is of another issuer"},
		"another audience":      {es.sign(good("aud", "other")), "UNAUTHENTICATED Token is for another audience"},
		"no audience":           {es.sign(good("aud", nil)), "UNAUTHENTICATED Token is for another audience"},
		"no scope":              {es.sign(good("scope", nil)), "UNAUTHENTICATED Token has no scope"},
		"another key":           {signer{t, "ec", jose.ES256, other}.sign(good()), "UNAUTHENTICATED Token is not valid"},
		"an unknown kid":        {signer{t, "nobody", jose.ES256, ec}.sign(good()), "UNAUTHENTICATED Token is not valid"},
		"a key for encryption":  {signer{t, "enc", jose.ES256, other}.sign(good()), "UNAUTHENTICATED Token is not valid"},
		"a shared secret":       {signer{t, "shared", jose.HS256, []byte("0123456789abcdef0123456789abcdef")}.sign(good()), "UNAUTHENTICATED Token is not valid"},
		"a public key as one":   {signer{t, "rsa", jose.HS256, public}.sign(good()), "UNAUTHENTICATED Token is not valid"},
		"no signature":          {unsigned, "UNAUTHENTICATED Token is not valid"},
		"changed claims":        {forged, "UNAUTHENTICATED Token is not valid"},
		"no JWT":                {"abc", "UNAUTHENTICATED Token is not valid"},
	} {
		expect(showing("Bearer "+test[0]), t, name, a, test[1])
		if strings.Contains(log.String(), test[0]) {
			t.Errorf("%s: the token is in the log", name)
		}
	}
	if n := s.fetches.Load(); n != 1 {
		t.Errorf("the keys were fetched %d times", n)
	}
}

func TestKeysAreRotated(t *testing.T) {
	s := newOAuthServer(t)
	first, second := ecKey(t), ecKey(t)
	start := time.Now()
	var passed atomic.Int64
	pass := func(d time.Duration) { passed.Add(int64(d)) }
	c := object{"iss": s.issuer, "aud": "api", "scope": "a", "client_id": "m", "exp": start.Add(10 * time.Hour).Unix()}
	old, fresh := signer{t, "1", jose.ES256, first}.sign(c), signer{t, "2", jose.ES256, second}.sign(c)
	s.keys = []jose.JSONWebKey{{Key: first.Public(), KeyID: "1"}}
	a, log := newTestToken(t, OAuth{Issuer: s.issuer, Audience: "api"})
	a.now = func() time.Time { return start.Add(time.Duration(passed.Load())) }
	expect(showing("Bearer "+old), t, "the first key", a, "m")
	s.set(func() { s.keys = []jose.JSONWebKey{{Key: second.Public(), KeyID: "2"}} })
	expect(showing("Bearer "+fresh), t, "right after a fetch", a, "UNAUTHENTICATED Token is not valid")
	pass(keysPause)
	expect(showing("Bearer "+fresh), t, "the second key", a, "m")
	pass(rememberFor)
	expect(showing("Bearer "+old), t, "a key that was taken back", a, "UNAUTHENTICATED Token is not valid")
	s.set(func() { s.status = http.StatusInternalServerError })
	pass(keysAfter + time.Minute)
	expect(showing("Bearer "+fresh), t, "the issuer does not answer", a, "m")
	pass(keysUntil)
	expect(showing("Bearer "+fresh), t, "for too long", a, "UNAVAILABLE ")
	s.set(func() { s.status, s.issuer = http.StatusOK, "https://other" })
	pass(keysPause)
	expect(showing("Bearer "+fresh), t, "it is another", a, "UNAVAILABLE ")
	if !strings.Contains(log.String(), "LHS_OAUTH_ISSUER_URL is") {
		t.Errorf("nobody says why: %s", log)
	}
}

func TestOAuthRulesAreRefusedByName(t *testing.T) {
	for want, rules := range map[string]OAuth{
		"LHS_OAUTH_INTROSPECT_URL, LHS_OAUTH_ISSUER_URL": {},
		"LHS_OAUTH_CLIENT_ID":                            {IntrospectURL: "https://a", ClientSecret: "s"},
		"LHS_OAUTH_CLIENT_SECRET":                        {IntrospectURL: "https://a", ClientID: "s"},
		"LHS_OAUTH_AUDIENCE":                             {Issuer: "https://a"},
		"LHS_OAUTH_ISSUER_URL: not a URL":                {Issuer: "a", Audience: "a"},
		"LHS_OAUTH_INTROSPECT_URL: not":                  {IntrospectURL: "ftp://a", ClientID: "a", ClientSecret: "a"},
		"LHS_OAUTH_INTROSPECT_URL: a URL mu":             {IntrospectURL: "https://a:hunter2@b", ClientID: "a", ClientSecret: "a"},
	} {
		err := rules.Validate()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%+v gives %v", rules, err)
		}
	}
}
