package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// introspection asks the OAuth server about a token (RFC 7662).
type introspection struct {
	rules  OAuth
	client *http.Client
}

func (i *introspection) judge(ctx context.Context, token string) (claims, error) {
	form := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, i.rules.IntrospectURL, strings.NewReader(form.Encode()))
	if err != nil {
		return claims{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(i.rules.ClientID), url.QueryEscape(i.rules.ClientSecret))
	var c claims
	if err := fetch(i.client, r, &c); err != nil {
		return claims{}, err
	}
	if !c.Active {
		return claims{}, errInactive
	}
	return c, nil
}

// fetch reads a JSON answer.
func fetch(client *http.Client, r *http.Request, into any) (err error) {
	r.Header.Set("Accept", "application/json")
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
		return err
	case answer.StatusCode != http.StatusOK:
		return fmt.Errorf("%s answers %s", r.URL.Redacted(), answer.Status)
	case len(text) > maxAnswer:
		return fmt.Errorf("%s answers with more than %d bytes", r.URL.Redacted(), maxAnswer)
	}
	if json.Unmarshal(text, into) != nil { // what it says exactly could be part of a token
		return fmt.Errorf("%s answers something that is not the JSON expected", r.URL.Redacted())
	}
	return nil
}
