package lh

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// ByLogin reports whether the configuration wants the token that Login has stored.
func (c Config) ByLogin() bool {
	return c.OAuthClientID != "" && c.OAuthServerURL != "" && c.OAuthTokenURL == ""
}

// Login lets a person sign in with the provider of the configuration and stores the token where Dial finds it. open is
// given the address that a browser must visit; the answer comes back to a port of this machine, so ctx should have an end.
func (c Config) Login(ctx context.Context, open func(address string)) error {
	if !c.ByLogin() {
		return errors.New("a login needs LHC_OAUTH_CLIENT_ID and LHC_OAUTH_SERVER_URL, and no LHC_OAUTH_ACCESS_TOKEN_URL")
	}
	provider, err := oidc.NewProvider(ctx, c.OAuthServerURL)
	if err != nil {
		return fmt.Errorf("discover %s: %w", c.OAuthServerURL, err)
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(c.OAuthCallbackPort)))
	if err != nil {
		return fmt.Errorf("wait for the answer of the browser: %w", err)
	}
	in := &signIn{
		config: c.oauth(provider), verifier: provider.Verifier(&oidc.Config{ClientID: c.OAuthClientID}),
		state: randomHex(16), nonce: randomHex(16), proof: oauth2.GenerateVerifier(), outcome: make(chan outcome, 1),
	}
	in.config.RedirectURL = "http://" + listener.Addr().String() + "/callback"
	token, err := in.serve(ctx, listener, open)
	if err != nil {
		return err
	}
	return writeToken(c.OAuthCredentials, token)
}

func (c Config) oauth(provider *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: c.OAuthClientID, ClientSecret: c.OAuthClientSecret, Endpoint: provider.Endpoint(), Scopes: []string{oidc.ScopeOpenID},
	}
}

// signIn is one login under way. The code that the browser brings is worth nothing without the proof, which never leaves
// this process before it is exchanged.
type signIn struct {
	config   *oauth2.Config
	verifier *oidc.IDTokenVerifier

	state, nonce, proof string
	outcome             chan outcome
}

type outcome struct {
	token *oauth2.Token
	err   error
}

func (in *signIn) serve(ctx context.Context, listener net.Listener, open func(string)) (*oauth2.Token, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /callback", in.callback)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: tokenTimeout}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // ends with Shutdown
	}()
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = server.Shutdown(end)
		_ = server.Close()
		<-served
	}()
	open(in.config.AuthCodeURL(in.state, oidc.Nonce(in.nonce), oauth2.S256ChallengeOption(in.proof)))
	select {
	case o := <-in.outcome:
		return o.token, o.err
	case <-ctx.Done():
		return nil, fmt.Errorf("nobody has signed in: %w", ctx.Err())
	}
}

// callback takes the browser's answer. One with a state that is not ours is somebody else's and ends nothing.
func (in *signIn) callback(w http.ResponseWriter, r *http.Request) {
	if subtle.ConstantTimeCompare([]byte(r.URL.Query().Get("state")), []byte(in.state)) != 1 {
		http.Error(w, "The state is not that of this login.", http.StatusBadRequest)
		return
	}
	token, err := in.exchange(r)
	if err != nil {
		http.Error(w, "The login has failed.", http.StatusForbidden)
	} else {
		_, _ = w.Write([]byte("You are signed in and can close this page.\n"))
	}
	select {
	case in.outcome <- outcome{token, err}:
	default: // a second answer
	}
}

func (in *signIn) exchange(r *http.Request) (*oauth2.Token, error) {
	if refused := r.URL.Query().Get("error"); refused != "" {
		return nil, fmt.Errorf("the provider refuses: %q %q", refused, r.URL.Query().Get("error_description"))
	}
	token, err := in.config.Exchange(r.Context(), r.URL.Query().Get("code"), oauth2.VerifierOption(in.proof))
	if err != nil {
		return nil, fmt.Errorf("exchange the code: %w", err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, errors.New("the provider gives no id_token")
	}
	id, err := in.verifier.Verify(r.Context(), raw)
	if err != nil {
		return nil, fmt.Errorf("id_token: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(in.nonce)) != 1 {
		return nil, errors.New("id_token: its nonce is not that of this login")
	}
	return token, nil
}

// newStoredToken sends the token of a login, and keeps the one that follows it.
func newStoredToken(cfg Config) (*bearer, error) {
	token, err := readToken(cfg.OAuthCredentials)
	if err != nil {
		return nil, err
	}
	return &bearer{token: token, renew: func(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
		token, err := cfg.renew(ctx, old)
		if err != nil {
			err = fmt.Errorf("renew the token (lhctl login gets a new one): %w", err)
		}
		return token, err
	}}, nil
}

func (c Config) renew(ctx context.Context, old *oauth2.Token) (*oauth2.Token, error) {
	provider, err := oidc.NewProvider(ctx, c.OAuthServerURL)
	if err != nil {
		return nil, err
	}
	token, err := c.oauth(provider).TokenSource(ctx, old).Token()
	if err != nil {
		return nil, err
	}
	return token, writeToken(c.OAuthCredentials, token)
}

func readToken(path string) (*oauth2.Token, error) {
	text, err := os.ReadFile(expandHome(path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no token in %s: run lhctl login", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read token: %w", err)
	}
	token := &oauth2.Token{}
	if err := json.Unmarshal(text, token); err != nil {
		return nil, fmt.Errorf("%s holds no token, run lhctl login: %w", path, err)
	}
	return token, nil
}

// writeToken replaces the file as a whole. Nobody but its owner may read it, whatever file was there before.
func writeToken(path string, token *oauth2.Token) error {
	path = expandHome(path)
	text, err := json.Marshal(token)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write token: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(path), ".littlehorse-*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("write token: %w", err)
	}
	_, err = file.Write(append(text, '\n'))
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write token: %w", errors.Join(err, os.Remove(file.Name())))
	}
	return nil
}
