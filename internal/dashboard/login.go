package dashboard

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Login says by which OpenID provider people log in. The zero value is by none.
type Login struct {
	// Issuer publishes what the provider can do. ClientID and ClientSecret are who this server is to it; a client without
	// a secret proves itself by PKCE alone.
	Issuer, ClientID, ClientSecret string
	// Address at which browsers reach the pages, as https://lh.example.com.
	Address string
	// Scopes that are asked for.
	Scopes []string
	// Secret from which the key of what a browser keeps during a login is made. Without one a login ends with the server.
	Secret string
}

// Bounds of logins.
const (
	// attemptLife is how long a login may take.
	attemptLife = 10 * time.Minute
	// providerTimeout is how long the provider may take for an answer.
	providerTimeout = 10 * time.Second
	// mostLogins ask the provider at a time.
	mostLogins = 32
	// maxReturn is how long an address may be that somebody is led back to: it is kept in a cookie.
	maxReturn = 1500
	// providerSkew is how much later the provider's clock may be thought to be.
	providerSkew = 30 * time.Second
	// maxAnswer is how long an answer of the provider may be, with all tokens in it: they are kept.
	maxAnswer = 256 << 10
)

// login is the logging in and out of people. Their tokens stay here.
type login struct {
	Login
	log      *slog.Logger
	known    func(ctx context.Context, r *http.Request) error
	address  *url.URL
	secure   bool
	sealer   cipher.AEAD
	client   *http.Client
	places   chan struct{}
	sessions *sessions

	asking   singleflight.Group
	provider atomic.Pointer[oidc.Provider] // nil until it has answered
}

func newLogin(c Login, log *slog.Logger, known func(context.Context, *http.Request) error) *login {
	address, err := url.Parse(c.Address)
	if err != nil {
		panic("dashboard: the address of the pages: " + err.Error())
	}
	secret := c.Secret
	if secret == "" {
		secret = rand.Text()
	}
	key := sha256.Sum256([]byte("littlehorse login " + secret))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic("dashboard: the key of logins: " + err.Error())
	}
	sealer, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("dashboard: the key of logins: " + err.Error())
	}
	return &login{
		Login: c, log: log, known: known, address: address, secure: address.Scheme == "https", sealer: sealer,
		client: &http.Client{
			Timeout:   providerTimeout,
			Transport: bounded{http.DefaultTransport},
			// A redirect would carry the secret or the code to somebody else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		places: make(chan struct{}, mostLogins), sessions: newSessions(),
	}
}

func (l *login) register(mux *http.ServeMux) {
	mux.HandleFunc("GET /auth/login", l.begin)
	mux.HandleFunc("GET /auth/callback", l.callback)
	mux.HandleFunc("POST /auth/logout", l.logout)
}

// discovered is the provider, asked about itself if it has not answered yet: once for all who want it at a time.
func (l *login) discovered(ctx context.Context) (*oidc.Provider, error) {
	if p := l.provider.Load(); p != nil {
		return p, nil
	}
	p, err, _ := l.asking.Do("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), providerTimeout)
		defer cancel()
		p, err := oidc.NewProvider(oidc.ClientContext(ctx, l.client), l.Issuer)
		if err == nil {
			err = allEncrypted(p, l.Issuer)
		}
		if err != nil {
			return nil, err
		}
		l.provider.Store(p)
		return p, nil
	})
	if err != nil {
		return nil, err
	}
	return p.(*oidc.Provider), nil
}

// allEncrypted refuses a provider that is asked over TLS and names addresses that are not: secrets and codes go there.
func allEncrypted(p *oidc.Provider, issuer string) error {
	var at struct {
		Authorization string `json:"authorization_endpoint"`
		Token         string `json:"token_endpoint"`
		Keys          string `json:"jwks_uri"`
	}
	if err := p.Claims(&at); err != nil {
		return err
	}
	for _, address := range []string{at.Authorization, at.Token, at.Keys} {
		if strings.HasPrefix(issuer, "https:") && !strings.HasPrefix(address, "https:") {
			return fmt.Errorf("%s is in clear, of a provider that is not", clip(address))
		}
	}
	return nil
}

// bounded lets nobody answer with more than is read.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = http.MaxBytesReader(nil, answer.Body, maxAnswer)
	}
	return answer, err
}

// brief is what the log has of an error: an answer of the provider may be long, and what was asked may be in it.
func brief(err error) string {
	var refused *oauth2.RetrieveError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refused):
		return clip(refused.Response.Status + " " + refused.ErrorCode)
	default:
		return clip(err.Error())
	}
}

func (l *login) oauth(p *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: l.ClientID, ClientSecret: l.ClientSecret, Endpoint: p.Endpoint(), Scopes: l.Scopes,
		RedirectURL: l.address.JoinPath("auth", "callback").String(),
	}
}

// attempt is a login that is under way. It lies in the browser that began it, which cannot read it.
type attempt struct {
	State, Nonce, Proof, To string
	Until                   int64 // in seconds since 1970
}

// begin answers GET /auth/login?to=…: it leads to the provider.
func (l *login) begin(w http.ResponseWriter, r *http.Request) {
	to := returnTo(r.URL.Query().Get("to"))
	if r.Host != l.address.Host && r.URL.Query().Get("here") == "" {
		// The provider leads back to one address, and cookies are of one. A proxy that changes the name is not followed twice.
		here := l.address.JoinPath("auth", "login")
		here.RawQuery = url.Values{"here": {"1"}, "to": {to}}.Encode()
		redirect(w, here.String())
		return
	}
	if !l.take() {
		l.fail(w, http.StatusServiceUnavailable, busy, to)
		return
	}
	defer l.give()
	p, err := l.discovered(r.Context())
	if err != nil {
		l.log.Warn("the OpenID provider cannot be asked", "err", brief(err))
		l.fail(w, http.StatusServiceUnavailable, away, to)
		return
	}
	a := attempt{rand.Text(), rand.Text(), oauth2.GenerateVerifier(), to, l.sessions.now().Add(attemptLife).Unix()}
	http.SetCookie(w, l.cookie("attempt", "/auth/", l.seal(a), attemptLife))
	redirect(w, l.oauth(p).AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Proof)))
}

// callback answers GET /auth/callback, to which the provider leads back.
func (l *login) callback(w http.ResponseWriter, r *http.Request) {
	a, begun := l.attemptOf(r)
	http.SetCookie(w, l.cookie("attempt", "/auth/", "", -1))
	if !begun {
		l.fail(w, http.StatusBadRequest, strange, "/")
		return
	}
	if !l.take() {
		l.fail(w, http.StatusServiceUnavailable, busy, a.To)
		return
	}
	defer l.give()
	token, id, raw, why := l.exchange(r, a)
	if why == nil {
		why = l.welcome(r, token)
	}
	if why != nil {
		l.log.Warn("login failed", "err", brief(why.err), "told", why.text)
		l.fail(w, why.code, why.text, a.To)
		return
	}
	if old, _ := l.sessionOf(r); old != nil {
		l.sessions.close(old)
	}
	http.SetCookie(w, l.cookie("session", "/", l.sessions.begin(id.Subject, token, raw), 0))
	l.log.Info("somebody has logged in", "subject", id.Subject)
	redirect(w, a.To)
}

// failure is why somebody could not log in: what he is told, and what the log is.
type failure struct {
	code int
	text string
	err  error
}

// What people are told.
const (
	busy    = "Too many people are logging in at this moment."
	away    = "The OpenID provider cannot be reached."
	strange = "This login was not begun in this browser, or it has taken longer than ten minutes."
	bad     = "What the OpenID provider says of the login is not right."
)

// exchange makes tokens of the code that the browser brings, and judges them.
func (l *login) exchange(r *http.Request, a attempt) (*oauth2.Token, *oidc.IDToken, string, *failure) {
	refuse := func(code int, text string, err error) (*oauth2.Token, *oidc.IDToken, string, *failure) {
		return nil, nil, "", &failure{code, text, err}
	}
	q := r.URL.Query()
	if issuer := q.Get("iss"); issuer != "" && issuer != l.Issuer {
		return refuse(http.StatusForbidden, bad, errors.New("the answer is of another issuer"))
	}
	if said := q.Get("error"); said != "" {
		text := "The OpenID provider refuses: " + said
		if more := q.Get("error_description"); more != "" {
			text += ", " + more
		}
		return refuse(http.StatusForbidden, clip(text), nil)
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(r.Context(), l.client), 2*providerTimeout)
	defer cancel()
	p, err := l.discovered(ctx)
	if err != nil {
		return refuse(http.StatusServiceUnavailable, away, err)
	}
	token, err := l.oauth(p).Exchange(ctx, q.Get("code"), oauth2.VerifierOption(a.Proof))
	switch {
	case refusedByProvider(err):
		return refuse(http.StatusForbidden, "The OpenID provider does not take the code of this login.", err)
	case err != nil:
		return refuse(http.StatusServiceUnavailable, away, err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return refuse(http.StatusForbidden, bad, errors.New("it gives no id_token"))
	}
	verifier := p.Verifier(&oidc.Config{
		ClientID: l.ClientID, Now: func() time.Time { return l.sessions.now().Add(-providerSkew) },
	})
	id, err := verifier.Verify(ctx, raw)
	switch {
	case err != nil:
		return refuse(http.StatusForbidden, bad, err)
	case subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(a.Nonce)) != 1:
		return refuse(http.StatusForbidden, bad, errors.New("the nonce is not that of this login"))
	}
	return token, id, raw, nil
}

// welcome lets the listener judge the token: one that it does not take is no login. Who is known and has no rights is let in, and
// is told so by the pages.
func (l *login) welcome(r *http.Request, token *oauth2.Token) *failure {
	switch said := status.Convert(l.known(r.Context(), withBearer(r, token.AccessToken))); said.Code() {
	case codes.OK, codes.PermissionDenied:
		return nil
	case codes.Unauthenticated:
		return &failure{http.StatusForbidden, "The server does not take the token of the OpenID provider: " + said.Message() + ".", said.Err()}
	default:
		return &failure{http.StatusServiceUnavailable, said.Message(), said.Err()}
	}
}

// logout answers POST /auth/logout: nobody goes by the session any more, and the page is told where the provider ends its own.
func (l *login) logout(w http.ResponseWriter, r *http.Request) {
	if !own(r) {
		fail(w, status.New(codes.PermissionDenied, "Only pages of this server may call it from a browser"))
		return
	}
	is, _ := l.sessionOf(r)
	http.SetCookie(w, l.cookie("session", "/", "", -1))
	if is != nil {
		l.sessions.close(is)
		l.log.Info("somebody has logged out", "subject", is.person)
	}
	writeJSON(w, http.StatusOK, map[string]string{"location": l.farewell(is)})
}

// farewell is where the provider logs people out, of other applications too; "/" if it cannot.
func (l *login) farewell(is *session) string {
	p := l.provider.Load()
	var can struct {
		EndSession string `json:"end_session_endpoint"`
	}
	if p == nil || is == nil || p.Claims(&can) != nil {
		return "/"
	}
	at, err := url.Parse(can.EndSession)
	if err != nil || at.Scheme != "https" && (at.Scheme != "http" || strings.HasPrefix(l.Issuer, "https:")) {
		return "/"
	}
	q := at.Query()
	q.Set("client_id", l.ClientID)
	q.Set("id_token_hint", is.hint())
	q.Set("post_logout_redirect_uri", l.address.JoinPath("/").String())
	at.RawQuery = q.Encode()
	return at.String()
}

// inNameOf lets requests that have the id of a session go on in the name of who has logged in. Only those have it that no other
// site's page can have sent. Who brings a token of his own is who that says.
func (l *login) inNameOf(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || !own(r) {
			next.ServeHTTP(w, r)
			return
		}
		is, id := l.sessionOf(r)
		if is == nil {
			next.ServeHTTP(w, r)
			return
		}
		token, err := is.bearer(r.Context(), l.sessions.now(), l.renew)
		switch {
		case errors.Is(err, errOver):
			l.sessions.close(is)
			next.ServeHTTP(w, r)
			return
		case err != nil:
			l.log.Warn("a token cannot be renewed", "err", brief(err))
			fail(w, status.New(codes.Unavailable, away))
			return
		}
		if id != "" {
			http.SetCookie(w, l.cookie("session", "/", id, 0))
		}
		if r.Method == http.MethodGet { // what is read for long ends with the session
			ctx, end := context.WithTimeout(r.Context(), is.left(l.sessions.now()))
			defer end()
			defer context.AfterFunc(is.ended, end)() //nolint:contextcheck // the session is not of the request
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, withBearer(r, token))
	})
}

func withBearer(r *http.Request, token string) *http.Request {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func (l *login) renew(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
	p, err := l.discovered(ctx)
	if err != nil {
		return nil, err
	}
	// Only what renews is given: a token that is still good would be kept.
	return l.oauth(p).TokenSource(oidc.ClientContext(ctx, l.client), &oauth2.Token{RefreshToken: old.RefreshToken}).Token()
}

func (l *login) sessionOf(r *http.Request) (is *session, next string) {
	c, err := r.Cookie(l.cookieName("session"))
	if err != nil {
		return nil, ""
	}
	return l.sessions.find(c.Value)
}

// cookieName has the prefix by which browsers take it from this very host, over TLS, alone.
func (l *login) cookieName(what string) string {
	switch {
	case !l.secure:
		return "lh-" + what
	case what == "session":
		return "__Host-lh-" + what
	default:
		return "__Secure-lh-" + what
	}
}

// cookie is gone when the browser ends if its life is 0, and at once if it is less.
func (l *login) cookie(what, path, value string, life time.Duration) *http.Cookie {
	age := int(life / time.Second)
	if life < 0 {
		age = -1
	}
	return &http.Cookie{
		Name: l.cookieName(what), Value: value, Path: path, MaxAge: age, Secure: l.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

func (l *login) seal(a attempt) string {
	text, err := json.Marshal(a)
	if err != nil {
		panic("dashboard: a login cannot be written: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(l.sealer.Seal(nil, nil, text, nil))
}

// attemptOf is the login that this browser has begun, if the provider's answer is to it.
func (l *login) attemptOf(r *http.Request) (a attempt, begun bool) {
	c, err := r.Cookie(l.cookieName("attempt"))
	if err != nil {
		return a, false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return a, false
	}
	text, err := l.sealer.Open(nil, nil, sealed, nil)
	if err != nil || json.Unmarshal(text, &a) != nil {
		return a, false
	}
	same := subtle.ConstantTimeCompare([]byte(a.State), []byte(r.URL.Query().Get("state"))) == 1
	return a, same && l.sessions.now().Unix() < a.Until
}

func (l *login) take() bool {
	select {
	case l.places <- struct{}{}:
		return true
	default:
		return false
	}
}

func (l *login) give() { <-l.places }

// returnTo is where to lead somebody back: a page of this server, never another's. Browsers read "//" and "/\" as the
// beginning of a host, and leave out tabs and ends of lines.
func returnTo(text string) string {
	outside := strings.HasPrefix(text, "//") || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' || c == '\\' })
	at, err := url.Parse(text)
	if outside || err != nil || !strings.HasPrefix(text, "/") || at.Host != "" || len(text) > maxReturn || strings.HasPrefix(at.Path, "/auth/") {
		return "/"
	}
	return text
}

// redirect leads to an address as it stands.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}
