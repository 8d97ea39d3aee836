package lh

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"
)

// provider is an OIDC provider whose people always agree.
type provider struct {
	*httptest.Server
	t   *testing.T
	key *rsa.PrivateKey
	// asked is what the browser brought.
	asked url.Values
	// nonce goes into the next id_token in place of the one that was asked for.
	nonce string
	// refuse makes people disagree.
	refuse bool
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{t: t, key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.answer(w, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		p.answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("/authorize", func(w http.ResponseWriter, r *http.Request) {
		p.asked = r.URL.Query()
		back := url.Values{"state": {p.asked.Get("state")}, "code": {"the-code"}}
		if p.refuse {
			back = url.Values{"state": {p.asked.Get("state")}, "error": {"access_denied"}}
		}
		http.Redirect(w, r, p.asked.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
	})
	mux.HandleFunc("/token", p.token)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *provider) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		p.t.Error(err)
	}
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("grant_type") == "refresh_token" && r.FormValue("refresh_token") == "again" {
		p.answer(w, map[string]any{"access_token": "second", "token_type": "Bearer", "refresh_token": "again", "expires_in": 3600})
		return
	}
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if r.FormValue("code") != "the-code" || base64.RawURLEncoding.EncodeToString(sum[:]) != p.asked.Get("code_challenge") {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	nonce := p.nonce
	if nonce == "" {
		nonce = p.asked.Get("nonce")
	}
	claims, err := json.Marshal(map[string]any{"iss": p.URL, "aud": "client", "sub": "ana", "nonce": nonce, "exp": time.Now().Add(time.Hour).Unix()})
	if err != nil {
		p.t.Error(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: p.key, KeyID: "k"}}, nil)
	if err != nil {
		p.t.Error(err)
		return
	}
	signed, err := signer.Sign(claims)
	if err != nil {
		p.t.Error(err)
		return
	}
	id, err := signed.CompactSerialize()
	if err != nil {
		p.t.Error(err)
	}
	p.answer(w, map[string]any{"access_token": "first", "token_type": "Bearer", "refresh_token": "again", "expires_in": 3600, "id_token": id})
}

func (p *provider) config() Config {
	c := DefaultConfig()
	c.TLS = true
	c.OAuthClientID, c.OAuthServerURL, c.OAuthCallbackPort = "client", p.URL, 0
	c.OAuthCredentials = filepath.Join(p.t.TempDir(), "new", "credentials")
	return c
}

// visit is a browser.
func (p *provider) visit(address string) {
	got, err := http.Get(address)
	if err != nil {
		p.t.Error(err)
		return
	}
	_ = got.Body.Close()
}

// holds: IdentityIsProven
func TestLoginStoresATokenThatIsRenewed(t *testing.T) {
	p := newProvider(t)
	c := p.config()
	if _, err := Dial(t.Context(), c); err == nil || !strings.Contains(err.Error(), "run lhctl login") {
		t.Fatalf("without a token: %v", err)
	}
	if err := c.Login(t.Context(), p.visit); err != nil {
		t.Fatal(err)
	}
	if p.asked.Get("scope") != "openid" || p.asked.Get("code_challenge_method") != "S256" || p.asked.Get("state") == "" {
		t.Errorf("asked for %v", p.asked)
	}
	info, err := os.Stat(c.OAuthCredentials)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	stored, err := newStoredToken(c)
	if err != nil {
		t.Fatal(err)
	}
	sent := func() string {
		t.Helper()
		md, err := stored.GetRequestMetadata(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return md["authorization"]
	}
	if got := sent(); got != "Bearer first" {
		t.Error(got)
	}
	stored.token.Expiry = time.Now().Add(-time.Hour)
	if got := sent(); got != "Bearer second" {
		t.Error(got)
	}
	if again, err := readToken(c.OAuthCredentials); err != nil || again.AccessToken != "second" || again.RefreshToken != "again" {
		t.Errorf("%v %v", again, err)
	}
}

func TestLoginsThatFailStoreNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*provider)
		want   string
	}{
		"refused":     {func(p *provider) { p.refuse = true }, "access_denied"},
		"other nonce": {func(p *provider) { p.nonce = "of yesterday" }, "nonce"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			c.change(p)
			cfg := p.config()
			if err := cfg.Login(t.Context(), p.visit); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
			if _, err := os.Stat(cfg.OAuthCredentials); err == nil {
				t.Error("a token is stored")
			}
		})
	}
	p := newProvider(t)
	c := p.config()
	c.OAuthTokenURL, c.OAuthClientSecret = p.URL, "s"
	if err := c.Login(t.Context(), p.visit); err == nil {
		t.Error("a client with credentials of its own logs in")
	}
}

func TestAnAnswerToAnotherLoginEndsNothing(t *testing.T) {
	p := newProvider(t)
	err := p.config().Login(t.Context(), func(address string) {
		u, err := url.Parse(address)
		if err != nil {
			t.Error(err)
			return
		}
		p.visit(u.Query().Get("redirect_uri") + "?state=other&code=the-code")
		p.visit(address)
	})
	if err != nil {
		t.Error(err)
	}
}

func TestATokenReplacesAFileThatOthersCouldRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(path, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeToken(path, &oauth2.Token{AccessToken: "x"}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}
