package dashboard

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// provider is an OpenID provider whose people always agree.
type provider struct {
	*httptest.Server
	t   *testing.T
	key *rsa.PrivateKey

	mu sync.Mutex
	// asked is what the browser brought last.
	asked url.Values
	// claims are put over those of the next id_tokens, answer over the answer that people bring back.
	claims map[string]any
	answer url.Values
	// down is that it answers nothing, refuses that it renews nothing, final that its tokens cannot be renewed.
	down, refuses, final bool
	// long is put behind its answers.
	long int
	// lasts is how many seconds access tokens are good for, given how many there were.
	lasts, given int
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{t: t, key: key, lasts: 3600}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.say(w, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"end_session_endpoint": p.URL + "/bye", "id_token_signing_alg_values_supported": []string{"RS256"},
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		p.say(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("/authorize", p.authorize)
	mux.HandleFunc("/token", p.token)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.down {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// set changes it between requests.
func (p *provider) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *provider) say(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	text, err := json.Marshal(v)
	if err != nil {
		p.t.Error(err)
	}
	_, _ = w.Write(append(text, strings.Repeat(" ", p.long)...)) // nobody may read it all
}

func (p *provider) authorize(w http.ResponseWriter, r *http.Request) {
	p.asked = r.URL.Query()
	back := url.Values{"state": {p.asked.Get("state")}, "code": {"the-code"}}
	maps.Copy(back, p.answer)
	http.Redirect(w, r, p.asked.Get("redirect_uri")+"?"+back.Encode(), http.StatusFound)
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	proof := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	proven := r.FormValue("code") == "the-code" && base64.RawURLEncoding.EncodeToString(proof[:]) == p.asked.Get("code_challenge")
	renewed := r.FormValue("refresh_token") == fmt.Sprint("renew-", p.given) && !p.refuses
	if !proven && !renewed {
		w.WriteHeader(http.StatusBadRequest)
		p.say(w, map[string]any{"error": "invalid_grant"})
		return
	}
	p.given++
	said := map[string]any{
		"access_token": fmt.Sprint("access-", p.given), "refresh_token": fmt.Sprint("renew-", p.given), "token_type": "Bearer", "expires_in": p.lasts,
	}
	if proven {
		said["id_token"] = p.idToken()
	}
	if p.final {
		delete(said, "refresh_token")
	}
	p.say(w, said)
}

func (p *provider) idToken() string {
	claims := map[string]any{"iss": p.URL, "aud": "dashboard", "sub": "ana", "nonce": p.asked.Get("nonce"), "exp": time.Now().Add(time.Hour).Unix()}
	maps.Copy(claims, p.claims)
	text, err := json.Marshal(claims)
	if err != nil {
		p.t.Error(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: p.key, KeyID: "k"}}, nil)
	if err != nil {
		p.t.Error(err)
		return ""
	}
	signed, err := signer.Sign(text)
	if err != nil {
		p.t.Error(err)
		return ""
	}
	out, err := signed.CompactSerialize()
	if err != nil {
		p.t.Error(err)
	}
	return out
}

// place is where people log in: a port whose pages say nothing but in whose name they were asked for.
type place struct {
	*httptest.Server
	t        *testing.T
	provider *provider
	login    *login
	began    time.Time
	ahead    atomic.Int64 // of the clock, which goes on only when it is told to
	verdict  atomic.Value // error: what the listener says of tokens
	followed chan struct{}
}

// listed is an origin whose pages may call, with tokens of their own.
const listed = "https://app.example.com"

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{t: t, provider: newProvider(t), followed: make(chan struct{}, 2), began: time.Now()}
	var served http.Handler
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { served.ServeHTTP(w, r) }))
	t.Cleanup(p.Close)
	p.login = newLogin(Login{
		Issuer: p.provider.URL, ClientID: "dashboard", ClientSecret: "s", Address: p.URL, Scopes: []string{"openid", "profile"},
	}, slog.New(slog.DiscardHandler), func(context.Context, *http.Request) error {
		err, _ := p.verdict.Load().(error)
		return err
	})
	p.login.sessions.now = p.now
	mux := http.NewServeMux()
	p.login.register(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.RequestURI()) })
	mux.HandleFunc("/api/Whoami", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Header.Get("Authorization")) })
	mux.HandleFunc("GET /ui/v1/live", func(_ http.ResponseWriter, r *http.Request) {
		p.followed <- struct{}{}
		<-r.Context().Done()
		p.followed <- struct{}{}
	})
	served = (&handler{Config: Config{Origins: []Origin{listed}}}).crossing(p.login.inNameOf(mux))
	return p
}

func (p *place) now() time.Time { return p.began.Add(time.Duration(p.ahead.Load())) }

func (p *place) later(d time.Duration) { p.ahead.Add(int64(d)) }

// person is a browser.
type person struct {
	*http.Client
	place *place
}

func (p *place) person() *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return &person{&http.Client{Jar: jar}, p}
}

// get visits an address, and gives where that led and what is seen there.
func (p *person) get(address string) (at string, code int, said string) {
	p.place.t.Helper()
	answer, err := p.Get(p.place.URL + address)
	if err != nil {
		p.place.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		p.place.t.Fatal(err)
	}
	return answer.Request.URL.String(), answer.StatusCode, string(text)
}

// ask makes a call as pages do.
func (p *person) ask(path string, change ...func(*http.Request)) (code int, said string) {
	p.place.t.Helper()
	r, err := http.NewRequest(http.MethodPost, p.place.URL+path, strings.NewReader("{}"))
	if err != nil {
		p.place.t.Fatal(err)
	}
	r.Header.Set("X-LH-UI", "1")
	for _, c := range change {
		c(r)
	}
	answer, err := p.Do(r)
	if err != nil {
		p.place.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		p.place.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// known is the token in whose name calls are made; "" is none.
func (p *person) known() string {
	p.place.t.Helper()
	code, said := p.ask("/api/Whoami")
	if code != http.StatusOK {
		p.place.t.Fatalf("%d %s", code, said)
	}
	return strings.TrimPrefix(said, "Bearer ")
}

func (p *person) cookie(name string) string {
	at, err := url.Parse(p.place.URL + "/auth/callback")
	if err != nil {
		p.place.t.Fatal(err)
	}
	for _, c := range p.Jar.Cookies(at) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// with is another browser that got hold of a session.
func (p *place) with(id string) *person {
	thief := p.person()
	at, err := url.Parse(p.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	thief.Jar.SetCookies(at, []*http.Cookie{{Name: "lh-session", Value: id}})
	return thief
}

func TestSomebodyLogsInAndComesBackToWhereHeWas(t *testing.T) {
	p := newPlace(t)
	ana := p.person()
	if token := ana.known(); token != "" {
		t.Errorf("known as %q before the login", token)
	}
	at, code, _ := ana.get("/auth/login?to=" + url.QueryEscape("/default/runs/order-1?tab=timeline&thread=2"))
	if at != p.URL+"/default/runs/order-1?tab=timeline&thread=2" || code != http.StatusOK {
		t.Errorf("led to %s", at)
	}
	if token := ana.known(); token != "access-1" {
		t.Errorf("known as %q", token)
	}
	asked := p.provider.asked
	if asked.Get("code_challenge_method") != "S256" || asked.Get("scope") != "openid profile" || len(asked.Get("state")) < 26 ||
		len(asked.Get("nonce")) < 26 || asked.Get("redirect_uri") != p.URL+"/auth/callback" || asked.Get("response_type") != "code" {
		t.Errorf("asked for %v", asked)
	}
	if id := ana.cookie("lh-session"); len(id) < 26 || len(id) > 40 || ana.cookie("lh-attempt") != "" {
		t.Errorf("the browser keeps %q, %q", id, ana.cookie("lh-attempt"))
	}
	if ana.with("Bearer of-my-own") != "Bearer of-my-own" {
		t.Error("a token of one's own does not count")
	}
}

// with makes a call with a token of one's own.
func (p *person) with(authorization string) string {
	_, said := p.ask("/api/Whoami", func(r *http.Request) { r.Header.Set("Authorization", authorization) })
	return said
}

// No browser is ever led to another site, and none in a circle.
func TestNobodyIsLedElsewhere(t *testing.T) {
	long := "/default/runs?id=" + strings.Repeat("x", maxReturn)
	for to, want := range map[string]string{
		"/default/runs?status=ERROR&x=%2F%2Fy": "/default/runs?status=ERROR&x=%2F%2Fy", "/%2Fevil.example": "/%2Fevil.example",
		"": "/", "default": "/", "//evil.example": "/", "/\\evil.example": "/", "/\t/evil.example": "/", "/\n/evil.example": "/", "https://evil.example": "/",
		"javascript:alert(1)": "/", "/x\r\nSet-Cookie: a=b": "/", "/ä": "/", "/%": "/", "/auth/login?to=/": "/", "/auth/logout": "/", long: "/",
	} {
		if got := returnTo(to); got != want {
			t.Errorf("%q leads to %q, not %q", to, got, want)
		}
	}
	p := newPlace(t)
	if at, _, _ := p.person().get("/auth/login?to=//evil.example/"); at != p.URL+"/" {
		t.Errorf("led to %s", at)
	}
	// The pages are asked for by another name: the login goes on where it will end, or where a proxy gave that name, here.
	other := strings.Replace(p.URL, "127.0.0.1", "localhost", 1)
	answer, err := p.person().Get(other + "/auth/login?to=/default/runs")
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if at := answer.Request.URL.String(); at != p.URL+"/default/runs" {
		t.Errorf("led to %s", at)
	}
	if _, code, _ := p.person().get("/auth/login?here=1"); code != http.StatusOK {
		t.Error(code)
	}
}

// What the provider's answer is not to, is no login: neither that of a stranger's link nor one that comes late or twice.
func TestOnlyTheLoginThatWasBegunHereEnds(t *testing.T) {
	p := newPlace(t)
	begun := func() (*person, string) { // up to the answer
		ana := p.person()
		ana.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			if r.URL.Path == "/auth/callback" {
				return http.ErrUseLastResponse
			}
			return nil
		}
		answer, err := ana.Get(p.URL + "/auth/login?to=/default/runs")
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return ana, strings.TrimPrefix(answer.Header.Get("Location"), p.URL)
	}
	refused := func(who *person, address string) {
		t.Helper()
		who.CheckRedirect = nil
		_, code, said := who.get(address)
		if code != http.StatusBadRequest || !strings.Contains(said, "not begun in this browser") || strings.Contains(said, "evil") || who.known() != "" {
			t.Errorf("%s: %d %s, known as %q", address, code, said, who.known())
		}
	}
	_, back := begun()
	refused(p.person(), back) // the link of somebody else's login
	refused(p.person(), "/auth/callback?error=x&error_description=evil")
	ana, _ := begun()
	refused(ana, back) // while one of her own is under way
	ana, back = begun()
	p.later(attemptLife + time.Second)
	refused(ana, back)
	ana, back = begun()
	forged := p.person()
	forged.Jar.SetCookies(mustParse(t, p.URL+"/auth/"), []*http.Cookie{{Name: "lh-attempt", Value: ana.cookie("lh-attempt")[1:], Path: "/auth/"}})
	refused(forged, back)
	ana.CheckRedirect = nil
	if at, code, _ := ana.get(back); code != http.StatusOK || at != p.URL+"/default/runs" || ana.known() == "" {
		t.Error(at, code)
	}
	if _, code, _ := ana.get(back); code != http.StatusBadRequest || ana.known() == "" {
		t.Errorf("a second time: %d, known as %q", code, ana.known())
	}
}

func mustParse(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// What a provider says is judged, and why somebody is not logged in is told as text.
func TestWhatTheProviderSaysIsJudged(t *testing.T) {
	for name, c := range map[string]struct {
		claims map[string]any // times among them are from now on
		answer url.Values
		code   int
		says   string
	}{
		"another nonce":           {claims: map[string]any{"nonce": "n"}, code: http.StatusForbidden, says: "is not right"},
		"for somebody else":       {claims: map[string]any{"aud": "other"}, code: http.StatusForbidden, says: "is not right"},
		"of somebody else":        {claims: map[string]any{"iss": "https://other"}, code: http.StatusForbidden, says: "is not right"},
		"long over":               {claims: map[string]any{"exp": -time.Minute}, code: http.StatusForbidden, says: "is not right"},
		"by a clock that is slow": {claims: map[string]any{"exp": -10 * time.Second}, code: http.StatusOK},
		"by a clock that is fast": {claims: map[string]any{"nbf": time.Minute, "iat": time.Minute}, code: http.StatusOK},
		"of a mixed up issuer":    {answer: url.Values{"iss": {"https://other"}}, code: http.StatusForbidden, says: "is not right"},
		"another code":            {answer: url.Values{"code": {"other"}}, code: http.StatusForbidden, says: "does not take the code"},
		"a refusal":               {answer: url.Values{"error": {"access_denied"}, "error_description": {"<script>x</script>"}}, code: http.StatusForbidden, says: "access_denied, &lt;script&gt;x"},
	} {
		p := newPlace(t)
		claims := map[string]any{}
		for name, value := range c.claims {
			if d, ok := value.(time.Duration); ok {
				value = p.now().Add(d).Unix()
			}
			claims[name] = value
		}
		p.provider.set(func() { p.provider.claims, p.provider.answer = claims, c.answer })
		ana := p.person()
		_, code, said := ana.get("/auth/login?to=/default/runs")
		if code != c.code || !strings.Contains(said, c.says) || (ana.known() != "") != (code == http.StatusOK) {
			t.Errorf("%s: %d %s", name, code, said)
		}
		if code != http.StatusOK && !strings.Contains(said, `href="/auth/login?to=%2Fdefault%2Fruns"`) {
			t.Errorf("%s: nobody can try again: %s", name, said)
		}
	}
}

// A token that the listener does not take is no login; somebody who may do nothing is let in, to be told so.
func TestTheListenerJudgesTheToken(t *testing.T) {
	for code, want := range map[codes.Code]int{
		codes.Unauthenticated: http.StatusForbidden, codes.Unavailable: http.StatusServiceUnavailable, codes.PermissionDenied: http.StatusOK,
	} {
		p := newPlace(t)
		p.verdict.Store(status.Error(code, "Token is for another audience"))
		ana := p.person()
		_, got, said := ana.get("/auth/login")
		if got != want || (ana.known() != "") != (want == http.StatusOK) || got != http.StatusOK && !strings.Contains(said, "another audience") {
			t.Errorf("%v: %d %s", code, got, said)
		}
	}
}

// A cookie alone is no right: what another site's page can send has none.
func TestOtherSitesCannotUseASession(t *testing.T) {
	p := newPlace(t)
	ana := p.person()
	ana.get("/auth/login")
	for name, change := range map[string]func(*http.Request){
		"without the header":    func(r *http.Request) { r.Header.Del("X-LH-UI") },
		"of another site":       func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") },
		"of a listed site":      func(r *http.Request) { r.Header.Set("Origin", listed) },
		"of another port":       func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:1") },
		"of a page in a frame":  func(r *http.Request) { r.Header.Set("Origin", "null") },
		"of a form, as a query": func(r *http.Request) { r.Header.Del("X-LH-UI"); r.URL.RawQuery = "X-LH-UI=1" },
	} {
		if _, said := ana.ask("/api/Whoami", change); said != "" {
			t.Errorf("%s: in the name of %q", name, said)
		}
		if code, _ := ana.ask("/auth/logout", change); code != http.StatusForbidden {
			t.Errorf("%s: logged out with %d", name, code)
		}
	}
	if ana.known() == "" {
		t.Error("she is logged out")
	}
}

// Whoever plants an id in a browser does not get the session, and nobody keeps one who logs in again.
func TestALoginMakesANewSession(t *testing.T) {
	p := newPlace(t)
	const planted = "PLANTEDPLANTEDPLANTEDPLANTED"
	ana := p.with(planted)
	ana.get("/auth/login")
	if ana.cookie("lh-session") == planted || p.with(planted).known() != "" || ana.known() == "" {
		t.Error("a planted id is a session")
	}
	first := ana.cookie("lh-session")
	ana.get("/auth/login")
	if p.with(first).known() != "" || ana.known() == "" {
		t.Error("the session before goes on")
	}
}

func TestLogoutEndsTheSessionForWhoeverHasIt(t *testing.T) {
	p := newPlace(t)
	ana := p.person()
	ana.get("/auth/login")
	id := ana.cookie("lh-session")
	thief := p.with(id)
	if thief.known() == "" {
		t.Fatal("a stolen id is none")
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+"/ui/v1/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-LH-UI", "1")
	go func() {
		if answer, err := thief.Do(r); err == nil {
			_ = answer.Body.Close()
		}
	}()
	<-p.followed
	code, said := ana.ask("/auth/logout")
	var told struct{ Location string }
	if err := json.Unmarshal([]byte(said), &told); err != nil || code != http.StatusOK {
		t.Fatal(code, said, err)
	}
	to := mustParse(t, told.Location)
	if q := to.Query(); !strings.HasPrefix(told.Location, p.provider.URL+"/bye?") || q.Get("post_logout_redirect_uri") != p.URL+"/" ||
		q.Get("client_id") != "dashboard" || strings.Count(q.Get("id_token_hint"), ".") != 2 {
		t.Errorf("led to %s", told.Location)
	}
	<-p.followed // the stream has ended
	if ana.cookie("lh-session") != "" || ana.known() != "" || thief.known() != "" || p.with(id).known() != "" {
		t.Error("somebody goes by the session")
	}
	if _, said := ana.ask("/auth/logout"); said != `{"location":"/"}`+"\n" {
		t.Errorf("who is not logged in is led to %s", said)
	}
}

// An id is good for a quarter of an hour; what was sent with the one before arrives all the same, and an answer that is lost
// costs nobody his session.
func TestIdsOfASessionChange(t *testing.T) {
	p := newPlace(t)
	ana := p.person()
	ana.get("/auth/login")
	first := ana.cookie("lh-session")
	stays := func(id string, want bool) {
		t.Helper()
		if got := p.with(id).known() != ""; got != want {
			t.Errorf("an id is good: %v", got)
		}
	}
	p.later(idLife - time.Second)
	if ana.known(); ana.cookie("lh-session") != first {
		t.Error("it has changed too soon")
	}
	p.later(2 * time.Second)
	lost := p.with(first)
	lost.known()
	second := lost.cookie("lh-session")
	if second == first {
		t.Fatal("it has not changed")
	}
	stays(first, true) // on the way
	p.later(idGrace + time.Second)
	ana.known() // by the first: she has not got the second
	third := ana.cookie("lh-session")
	if third == first || third == second {
		t.Error("she goes on by an old one")
	}
	stays(second, false)
	stays(first, true)
	stays(third, true)
	p.later(idGrace + time.Second)
	stays(first, false)
	if ana.known(); ana.cookie("lh-session") != third {
		t.Error("it has changed too soon")
	}
	p.later(sessionIdle + time.Second)
	stays(third, false)
}

func TestSessionsEnd(t *testing.T) {
	p := newPlace(t)
	ana := p.person()
	ana.get("/auth/login")
	for range 12 {
		if ana.known() == "" {
			t.Fatal("it has ended too soon")
		}
		p.later(sessionLife/12 - time.Minute)
	}
	p.later(20 * time.Minute)
	if ana.known() != "" {
		t.Error("it goes on for ever")
	}
	if n := len(p.login.sessions.byID); n != 0 {
		t.Errorf("%d ids are kept", n)
	}
}

// Somebody who logs in again and again ends sessions of his own, not those of others.
func TestNobodyCrowdsOthersOut(t *testing.T) {
	s := newSessions()
	clock := time.Now()
	s.now = func() time.Time { clock = clock.Add(time.Millisecond); return clock }
	bo := s.begin("bo", nil, "")
	first := s.begin("ana", nil, "")
	for range maxOfOne {
		s.begin("ana", nil, "")
	}
	if is, _ := s.find(bo); is == nil || len(s.byID) != maxOfOne+1 {
		t.Errorf("%v of %d", is, len(s.byID))
	}
	if is, _ := s.find(first); is != nil {
		t.Error("the oldest is kept")
	}
}

// Tokens are renewed before they end, once for all who ask; without the provider the old one is good until it ends.
func TestTokensAreRenewed(t *testing.T) {
	p := newPlace(t)
	p.provider.set(func() { p.provider.lasts = 600 })
	ana := p.person()
	ana.get("/auth/login")
	if token := ana.known(); token != "access-1" {
		t.Error(token)
	}
	p.provider.set(func() { p.provider.lasts = 7200 })
	is, _ := p.login.sessions.find(ana.cookie("lh-session"))
	is.token.Expiry = p.now().Add(renewAhead)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if token := ana.known(); token != "access-2" {
				t.Error(token)
			}
		})
	}
	all.Wait()
	p.provider.set(func() { p.provider.down = true })
	is.token.Expiry = p.now().Add(renewAhead / 2)
	if token := ana.known(); token != "access-2" {
		t.Errorf("the provider is away: %q", token)
	}
	p.later(renewAhead)
	for range 2 { // the second time it is not even asked
		if code, said := ana.ask("/api/Whoami"); code != http.StatusServiceUnavailable || !strings.Contains(said, "cannot be reached") {
			t.Errorf("%d %s", code, said)
		}
	}
	p.provider.set(func() { p.provider.down = false })
	p.later(renewPause)
	if token := ana.known(); token != "access-3" {
		t.Errorf("the provider is back: %q", token)
	}
	p.provider.set(func() { p.provider.refuses = true })
	is.token.Expiry = p.now()
	if token := ana.known(); token != "" {
		t.Errorf("the provider has ended the session: %q", token)
	}
	if len(p.login.sessions.byID) != 0 {
		t.Error("the session is kept")
	}
}

// A token that nobody can renew is good until it ends, and then the session is over.
func TestTokensThatCannotBeRenewed(t *testing.T) {
	p := newPlace(t)
	p.provider.set(func() { p.provider.final = true })
	ana := p.person()
	ana.get("/auth/login")
	is, _ := p.login.sessions.find(ana.cookie("lh-session"))
	is.token.Expiry = p.now().Add(time.Second)
	if token := ana.known(); token != "access-1" {
		t.Errorf("known as %q before it ends", token)
	}
	p.later(time.Second)
	if token := ana.known(); token != "" || len(p.login.sessions.byID) != 0 {
		t.Errorf("known as %q when it has ended; %d sessions are kept", token, len(p.login.sessions.byID))
	}
}

// What is read for long ends with the session, also if nobody asks for anything then.
func TestStreamsEndWithTheSession(t *testing.T) {
	p := newPlace(t)
	ana := p.person()
	ana.get("/auth/login")
	is, _ := p.login.sessions.find(ana.cookie("lh-session"))
	is.begun = p.now().Add(20*time.Millisecond - sessionLife)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+"/ui/v1/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-LH-UI", "1")
	answer, err := ana.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	<-p.followed
	<-p.followed
}

// Answers are read as far as anybody would: they are kept, and the log has no more of them than it takes to understand.
func TestAProviderThatSaysTooMuch(t *testing.T) {
	p := newPlace(t)
	var log bytes.Buffer
	p.login.log = slog.New(slog.NewTextHandler(&log, nil))
	ana := p.person()
	p.provider.set(func() { p.provider.long = maxAnswer })
	if _, code, said := ana.get("/auth/login"); code != http.StatusServiceUnavailable || !strings.Contains(said, "cannot be reached") {
		t.Errorf("%d %s", code, said)
	}
	p.provider.set(func() { p.provider.long = 0 })
	if _, err := p.login.discovered(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.provider.set(func() { p.provider.long = maxAnswer })
	if _, code, _ := ana.get("/auth/login"); code == http.StatusOK || ana.known() != "" {
		t.Errorf("%d, known as %q", code, ana.known())
	}
	if log.Len() > 5000 || strings.Contains(log.String(), "access-") {
		t.Errorf("the log is %.5000s", log.String())
	}
}

// A provider that is asked over TLS is given neither a secret nor a code in clear.
func TestAProviderStaysEncrypted(t *testing.T) {
	for field, want := range map[string]string{
		"authorization_endpoint": "in clear", "token_endpoint": "in clear", "jwks_uri": "in clear", "end_session_endpoint": "",
	} {
		var s *httptest.Server
		s = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			said := map[string]string{"issuer": s.URL, "authorization_endpoint": s.URL, "token_endpoint": s.URL, "jwks_uri": s.URL}
			said[field] = strings.Replace(s.URL, "https:", "http:", 1)
			w.Header().Set("Content-Type", "application/json")
			if err := json.NewEncoder(w).Encode(said); err != nil {
				t.Error(err)
			}
		}))
		defer s.Close()
		l := newLogin(Login{Issuer: s.URL, Address: "https://lh.example"}, slog.New(slog.DiscardHandler), nil)
		l.client.Transport = s.Client().Transport
		_, err := l.discovered(t.Context())
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", field, err)
		}
		if to := l.farewell(&session{}); to != "/" { // it would bring the id_token along
			t.Errorf("%s: led to %s", field, to)
		}
	}
}

func TestAProviderThatIsAway(t *testing.T) {
	p := newPlace(t)
	p.provider.set(func() { p.provider.down = true })
	ana := p.person()
	if _, code, said := ana.get("/auth/login?to=/default/runs"); code != http.StatusServiceUnavailable || !strings.Contains(said, "cannot be reached") {
		t.Errorf("%d %s", code, said)
	}
	p.provider.set(func() { p.provider.down = false })
	if at, _, _ := ana.get("/auth/login?to=/default/runs"); at != p.URL+"/default/runs" || ana.known() == "" {
		t.Error(at)
	}
}

// Over TLS cookies are of this host alone, and never sent in clear.
func TestCookiesAreKeptFromOthers(t *testing.T) {
	for address, want := range map[string]string{
		"https://lh.example": "__Host-lh-session=x; Path=/; HttpOnly; Secure; SameSite=Lax",
		"http://lh.example":  "lh-session=x; Path=/; HttpOnly; SameSite=Lax",
	} {
		l := newLogin(Login{Address: address}, slog.New(slog.DiscardHandler), nil)
		if got := l.cookie("session", "/", "x", 0).String(); got != want {
			t.Errorf("%s: %s", address, got)
		}
		if n := len(l.cookie("attempt", "/auth/", l.seal(attempt{To: strings.Repeat("x", maxReturn), Proof: strings.Repeat("p", 50), State: "s", Nonce: "n"}), attemptLife).String()); n > 4000 {
			t.Errorf("a login takes a cookie of %d bytes", n)
		}
	}
}

// With the same secret a login that one server has begun ends with another, or with the next.
func TestALoginOutlivesItsServer(t *testing.T) {
	of := func(secret string) *login {
		return newLogin(Login{Address: "http://lh.example", Secret: secret}, slog.New(slog.DiscardHandler), nil)
	}
	ends := func(begins, ends *login) bool {
		r := httptest.NewRequest(http.MethodGet, "/auth/callback?state=s", nil)
		r.AddCookie(begins.cookie("attempt", "/auth/", begins.seal(attempt{State: "s", Until: time.Now().Add(time.Minute).Unix()}), attemptLife))
		_, is := ends.attemptOf(r)
		return is
	}
	if !ends(of("a"), of("a")) || ends(of("a"), of("b")) || ends(of(""), of("")) {
		t.Error("keys are not made of the secret")
	}
}
