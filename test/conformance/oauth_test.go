package conformance

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/lhpb"
	"littlehorse/test/lhserver"
	"littlehorse/test/openid"
)

// guarded is the real binary with a listener that goes by tokens, beside one that does not.
type guarded struct {
	*lhserver.Server
	t    *testing.T
	conn *grpc.ClientConn // to the former
}

func guard(t *testing.T, env ...string) *guarded {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tokens := l.Addr().String()
	_ = l.Close()
	s := lhserver.New(t, t.TempDir(), append(env, "LHS_CLUSTER_PARTITIONS=1")...)
	_, plain, _ := strings.Cut(s.API, ":")
	_, port, _ := strings.Cut(tokens, ":")
	s.Setenv(fmt.Sprintf("LHS_LISTENERS=PLAIN:%s,TOKENS:%s", plain, port), "LHS_LISTENERS_AUTHENTICATION_MAP=TOKENS:OAUTH")
	s.Start(t)
	conn, err := grpc.NewClient(tokens, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &guarded{s, t, conn}
}

// show is what a call gets that brings these tokens.
func (g *guarded) show(tokens ...string) error {
	ctx, cancel := context.WithTimeout(g.t.Context(), time.Minute)
	defer cancel()
	for _, token := range tokens {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	_, err := lhpb.NewLittleHorseClient(g.conn).Whoami(ctx, &emptypb.Empty{})
	return err
}

// want holds what is answered to a token. The name of a good one is that of no Principal: it is refused as somebody.
func (g *guarded) want(what string, err error, code codes.Code, says string) {
	g.t.Helper()
	if status.Code(err) != code || !strings.Contains(status.Convert(err).Message(), says) {
		g.t.Errorf("%s: %v, wanted %s %q", what, err, code, says)
	}
}

func (g *guarded) taken(what string, err error) {
	g.t.Helper()
	g.want(what, err, codes.PermissionDenied, `"worker"`)
}

// serves holds that callers of the other listener notice nothing.
func (g *guarded) serves() {
	g.t.Helper()
	conn := g.Dial(g.t)
	defer conn.Close()
	ctx, cancel := context.WithTimeout(g.t.Context(), time.Minute)
	defer cancel()
	if _, err := lhpb.NewLittleHorseClient(conn).GetServerVersion(ctx, &emptypb.Empty{}); err != nil {
		g.t.Error(err)
	}
}

// signingKey makes a key of a provider, whose test may sign what the provider would not.
func signingKey(t *testing.T, kid string) jose.JSONWebKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: kid, Algorithm: "RS256", Use: "sig"}
}

// keysOf is the environment of a provider with the keys.
func keysOf(t *testing.T, keys ...jose.JSONWebKey) string {
	t.Helper()
	text, err := json.Marshal(keys)
	if err != nil {
		t.Fatal(err)
	}
	return "OIDC_KEYS=" + string(text)
}

func portOf(issuer string) string { return "OIDC_PORT=" + issuer[strings.LastIndex(issuer, ":")+1:] }

type claims = map[string]any

// sign makes a JWT with more in its header than the key says.
func sign(t *testing.T, key jose.JSONWebKey, c claims, header map[jose.HeaderKey]any) string {
	t.Helper()
	o := &jose.SignerOptions{}
	for name, value := range header {
		o.WithHeader(name, value)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: key}, o)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func part(v any) string {
	text, _ := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(text)
}

// Tokens that were made to deceive, by the rules of a real provider, against the real binary: none is taken, and what signs or
// names them is asked for nothing.
//
// holds: IdentityIsProven
func TestForgedTokens(t *testing.T) {
	if *record || *endpoint != "" {
		return
	}
	t.Parallel()
	key, theirs := signingKey(t, "one"), signingKey(t, "one")
	issuer := openid.Start(t, keysOf(t, key))
	other := openid.Start(t)
	g := guard(t, "LHS_OAUTH_ISSUER_URL="+issuer, "LHS_OAUTH_AUDIENCE=urn:jwt")
	var lured atomic.Int64
	lure := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		lured.Add(1)
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{theirs.Public()}})
	}))
	defer lure.Close()

	real := tokenOf(t, "worker", issuer, "urn:jwt")
	parts := strings.Split(real, ".")
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var said claims
	if err := json.Unmarshal(text, &said); err != nil {
		t.Fatal(err)
	}
	but := func(name string, value any) claims {
		c := maps.Clone(said)
		if c[name] = value; value == nil {
			delete(c, name)
		}
		return c
	}
	now := time.Now().Unix()
	der, err := x509.MarshalPKIXPublicKey(key.Public().Key)
	if err != nil {
		t.Fatal(err)
	}
	asPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	asJSON, err := json.Marshal(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	shared := func(secret []byte) string {
		return sign(t, jose.JSONWebKey{Key: secret, KeyID: "one", Algorithm: "HS256"}, said, nil)
	}
	named := func(kid string, of jose.JSONWebKey) string {
		of.KeyID = kid
		return sign(t, of, said, nil)
	}

	g.taken("a real token", g.show(real))
	g.taken("one that the test has signed", g.show(sign(t, key, said, nil)))
	for name, token := range map[string]string{
		"no algorithm":                      part(claims{"alg": "none"}) + "." + parts[1] + ".",
		"no algorithm, in capitals":         part(claims{"alg": "NONE", "kid": "one"}) + "." + parts[1] + "." + parts[2],
		"no signature":                      parts[0] + "." + parts[1] + ".",
		"half a signature":                  parts[0] + "." + parts[1] + "." + parts[2][:100],
		"changed claims":                    parts[0] + "." + part(but("client_id", "admin")) + "." + parts[2],
		"the public key as a secret":        shared(asPEM),
		"the published key as a secret":     shared(asJSON),
		"the key as it is sent as a secret": shared(der),
		"another key of that name":          named("one", theirs),
		"a key of no name":                  named("", theirs),
		"a name that is a path":             named("../../../../dev/null", theirs),
		"a key that comes along":            sign(t, theirs, said, map[jose.HeaderKey]any{"jwk": theirs.Public()}),
		"a place to fetch keys from":        sign(t, theirs, said, map[jose.HeaderKey]any{"jku": lure.URL, "x5u": lure.URL}),
		"a header that must be understood":  sign(t, key, said, map[jose.HeaderKey]any{"crit": []string{"exp"}, "exp": now}),
		"another provider's":                tokenOf(t, "worker", other, "urn:jwt"),
	} {
		g.want(name, g.show(token), codes.Unauthenticated, "Token is not valid")
	}
	for name, test := range map[string]struct {
		claims claims
		says   string
	}{
		"expired":                     {but("exp", now-1), "not active"},
		"of no end":                   {but("exp", nil), "not active"},
		"not yet valid":               {but("nbf", now+3600), "not active"},
		"for another":                 {but("aud", "urn:else"), "another audience"},
		"for nobody":                  {but("aud", nil), "another audience"},
		"of another issuer":           {but("iss", other), "another issuer"},
		"of a path below":             {but("iss", issuer+"/"), "another issuer"},
		"of no issuer":                {but("iss", nil), "another issuer"},
		"of no scope":                 {but("scope", nil), "no scope"},
		"of several issuers":          {but("iss", []string{issuer, other}), "not valid"},
		"of nobody":                   {but("client_id", nil), "not active"},
		"with much that is no matter": {but("x", strings.Repeat("x", 20_000)), "too long"},
	} {
		c := test.claims
		if name == "of nobody" {
			delete(c, "azp")
		}
		g.want(name, g.show(sign(t, key, c, nil)), codes.Unauthenticated, test.says)
	}
	g.want("two tokens", g.show(real, real), codes.Unauthenticated, "more than one")
	g.want("a token as large as a header may be", g.show(strings.Repeat("x", 60_000)), codes.Unauthenticated, "too long")
	g.taken("the real token, after all that", g.show(real))
	if lured.Load() != 0 {
		t.Error("a token says where to fetch its keys, and it is believed")
	}
	if strings.Contains(g.Output(), parts[2]) {
		t.Error("a token is in the log")
	}
	g.serves()
	g.Stop(t)
}

// While the provider is away what it has said holds, and what it would have to be asked about is UNAVAILABLE; when it is back,
// also with other keys, so are its tokens.
func TestProviderGoesAndComesBack(t *testing.T) {
	if *record || *endpoint != "" {
		return
	}
	t.Parallel()
	one, two := signingKey(t, "one"), signingKey(t, "two")
	issuer, stop := openid.Run(t, keysOf(t, one))
	asking := guard(t, "LHS_OAUTH_INTROSPECT_URL="+issuer+"/token/introspection", "LHS_OAUTH_CLIENT_ID=lh", "LHS_OAUTH_CLIENT_SECRET=lh-secret",
		"LHS_OAUTH_ISSUER_URL="+issuer, "LHS_OAUTH_AUDIENCE=urn:lh")
	signed := guard(t, "LHS_OAUTH_ISSUER_URL="+issuer, "LHS_OAUTH_AUDIENCE=urn:jwt")
	known, unknown := tokenOf(t, "worker", issuer, "urn:lh"), tokenOf(t, "worker", issuer, "urn:lh")
	first, second := tokenOf(t, "worker", issuer, "urn:jwt"), tokenOf(t, "worker", issuer, "urn:jwt")
	asking.taken("an opaque token", asking.show(known))
	signed.taken("a JWT", signed.show(first))

	stop()
	asking.taken("what was asked about a moment ago", asking.show(known))
	asking.want("what nobody can be asked about", asking.show(unknown), codes.Unavailable, "cannot be asked")
	signed.taken("a JWT that was not seen before, by keys that are known", signed.show(second))
	asking.serves()
	signed.serves()

	again := openid.Start(t, portOf(issuer), keysOf(t, two))
	if again != issuer {
		t.Fatalf("the provider is at %s, and was at %s", again, issuer)
	}
	asking.taken("an opaque token of the provider that is back", asking.show(tokenOf(t, "worker", issuer, "urn:lh")))
	asking.want("one that it has forgotten", asking.show(unknown), codes.Unauthenticated, "not active")
	rotated := tokenOf(t, "worker", issuer, "urn:jwt")
	err := signed.show(rotated)
	for end := time.Now().Add(time.Minute); status.Code(err) == codes.Unauthenticated && time.Now().Before(end); { // it asks for keys every ten seconds
		time.Sleep(100 * time.Millisecond)
		err = signed.show(rotated)
	}
	signed.taken("a JWT by the new key", err)
	asking.Stop(t)
	signed.Stop(t)
}

// between counts the questions to a provider, and how many are asked at a time.
type between struct {
	http.Handler
	asked, now, most atomic.Int64
	late             atomic.Int64 // questions that the server has given up, as it does after five seconds
	mu               sync.Mutex
}

func (b *between) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.asked.Add(1)
	now := b.now.Add(1)
	defer b.now.Add(-1)
	b.mu.Lock()
	b.most.Store(max(b.most.Load(), now))
	b.mu.Unlock()
	b.Handler.ServeHTTP(w, r)
	if r.Context().Err() != nil {
		b.late.Add(1)
	}
}

// However many callers show tokens at once, the provider is asked once about each that is good, and by no more than some at a time.
func TestStampedeOfTokens(t *testing.T) {
	if *record || *endpoint != "" {
		return
	}
	t.Parallel()
	const callers, asking = 150, 64
	issuer := openid.Start(t)
	to, err := url.Parse(issuer)
	if err != nil {
		t.Fatal(err)
	}
	b := &between{Handler: httputil.NewSingleHostReverseProxy(to)}
	proxy := httptest.NewServer(b)
	defer proxy.Close()
	g := guard(t, "LHS_OAUTH_INTROSPECT_URL="+proxy.URL+"/token/introspection", "LHS_OAUTH_CLIENT_ID=lh", "LHS_OAUTH_CLIENT_SECRET=lh-secret")
	good := tokenOf(t, "worker", issuer, "urn:lh")
	all := func(token func(n int) string, judge func(error)) {
		var calling sync.WaitGroup
		for n := range callers {
			calling.Go(func() { judge(g.show(token(n))) })
		}
		calling.Wait()
	}
	all(func(int) string { return good }, func(err error) {
		if status.Code(err) != codes.Unavailable { // the provider took too long
			g.taken("a good token", err)
		}
	})
	if n := b.asked.Load(); n != 1 && b.late.Load() == 0 {
		t.Errorf("the provider was asked %d times about one token", n)
	}
	all(func(n int) string { return fmt.Sprint("unknown-", n) }, func(err error) {
		// Who finds no turn is not told that his token is bad.
		if status.Code(err) != codes.Unavailable {
			g.want("an unknown token", err, codes.Unauthenticated, "not active")
		}
	})
	for b.now.Load() > 0 {
		time.Sleep(time.Millisecond)
	}
	if n := b.most.Load(); n > asking && b.late.Load() == 0 { // what was given up may still be on its way
		t.Errorf("the provider was asked %d questions at a time", n)
	}
	if n := b.asked.Load(); n > 1+callers && b.late.Load() == 0 {
		t.Errorf("the provider was asked %d times about %d tokens", n, 1+callers)
	}
	if b.late.Load() == 0 {
		g.taken("the good token, still without a question", g.show(good))
	}
	g.Stop(t)
}

// A provider that is slow, or answers more than anybody would read, costs its tokens an answer and nobody else anything.
func TestProviderThatIsNone(t *testing.T) {
	if *record || *endpoint != "" {
		return
	}
	for name, keys := range map[string]http.HandlerFunc{
		"slow": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"huge": func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprint(w, `{"keys": [`)
			for r.Context().Err() == nil {
				if _, err := fmt.Fprint(w, `{"kty": "oct", "k": "`, strings.Repeat("A", 1<<16), `"},`); err != nil {
					return
				}
			}
		},
		"in a circle": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mux := http.NewServeMux()
			provider := httptest.NewServer(mux)
			defer provider.Close()
			mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
				_ = json.NewEncoder(w).Encode(map[string]string{"issuer": provider.URL, "jwks_uri": provider.URL + "/keys"})
			})
			mux.HandleFunc("/keys", keys)
			g := guard(t, "LHS_OAUTH_ISSUER_URL="+provider.URL, "LHS_OAUTH_AUDIENCE=urn:jwt")
			token := sign(t, signingKey(t, "one"), claims{"iss": provider.URL}, nil)
			var calling sync.WaitGroup
			for range 50 {
				calling.Go(func() { g.want("a token", g.show(token), codes.Unavailable, "cannot be asked") })
			}
			g.serves()
			calling.Wait()
			g.serves()
			g.Stop(t)
		})
	}
}
