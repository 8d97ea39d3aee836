package lh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
)

// tokenSource gets access tokens by the client-credentials flow and keeps one until shortly before it expires.
type tokenSource struct {
	url, id, secret string
	http            *http.Client

	mu      sync.Mutex
	token   string
	expires time.Time
}

const (
	tokenTimeout = 10 * time.Second
	tokenMargin  = 10 * time.Second
	maxTokenBody = 1 << 20
)

var _ credentials.PerRPCCredentials = (*tokenSource)(nil)

func newTokenSource(cfg Config) *tokenSource {
	return &tokenSource{
		url: cfg.OAuthTokenURL, id: cfg.OAuthClientID, secret: cfg.OAuthClientSecret,
		http: &http.Client{Timeout: tokenTimeout},
	}
}

func (s *tokenSource) RequireTransportSecurity() bool { return true }

func (s *tokenSource) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == "" || time.Now().After(s.expires) {
		if err := s.refresh(ctx); err != nil {
			return nil, fmt.Errorf("get OAuth token: %w", err)
		}
	}
	return map[string]string{"authorization": "Bearer " + s.token}, nil
}

func (s *tokenSource) refresh(ctx context.Context) error {
	form := url.Values{"grant_type": {"client_credentials"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(s.id), url.QueryEscape(s.secret))
	resp, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTokenBody))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("token endpoint answered %s", resp.Status)
	}
	var answer struct {
		AccessToken string  `json:"access_token"`
		ExpiresIn   float64 `json:"expires_in"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("token endpoint: %w", err)
	}
	if answer.AccessToken == "" {
		return errors.New("token endpoint answered without access_token")
	}
	life := time.Duration(answer.ExpiresIn * float64(time.Second))
	if life <= tokenMargin {
		life = tokenMargin + time.Second
	}
	s.token = answer.AccessToken
	s.expires = time.Now().Add(life - tokenMargin)
	return nil
}
