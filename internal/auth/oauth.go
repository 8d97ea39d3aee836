package auth

import (
	"errors"
	"fmt"
	"net"
	"net/url"
)

// Validate refuses rules that leave a token unjudged, by the name of the setting.
func (o OAuth) Validate() error {
	if o.IntrospectURL == "" {
		return o.validateJWT()
	}
	var errs []error
	if err := CheckURL(o.IntrospectURL); err != nil {
		errs = append(errs, fmt.Errorf("LHS_OAUTH_INTROSPECT_URL: %w", err))
	}
	if o.ClientID == "" {
		errs = append(errs, errors.New("LHS_OAUTH_CLIENT_ID: not set, but LHS_OAUTH_INTROSPECT_URL is"))
	}
	if o.ClientSecret == "" {
		errs = append(errs, errors.New("LHS_OAUTH_CLIENT_SECRET: not set, but LHS_OAUTH_INTROSPECT_URL is"))
	}
	return errors.Join(errs...)
}

func (o OAuth) validateJWT() error {
	if o.Issuer == "" {
		return errors.New("LHS_OAUTH_INTROSPECT_URL, LHS_OAUTH_ISSUER_URL: neither is set, but a listener has authentication OAUTH")
	}
	if err := CheckURL(o.Issuer); err != nil {
		return fmt.Errorf("LHS_OAUTH_ISSUER_URL: %w", err)
	}
	if o.Audience == "" {
		return errors.New("LHS_OAUTH_AUDIENCE: not set, but JWTs of LHS_OAUTH_ISSUER_URL must be for somebody")
	}
	return nil
}

// CheckURL refuses what is no address that is asked over HTTP. It does not repeat the URL: it may have a secret in it.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "":
		return errors.New("not a URL that begins with https:// or http://")
	case u.User != nil:
		return errors.New("a URL must not have a password in it")
	case u.Fragment != "":
		return errors.New("a URL with # does not lead there")
	}
	return nil
}

// InClear reports whether tokens or keys are asked about in clear.
func (o OAuth) InClear() bool {
	if o.IntrospectURL != "" {
		return InClear(o.IntrospectURL)
	}
	return InClear(o.Issuer)
}

// InClear reports whether an address is reached over a network, and not over TLS.
func InClear(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "http" && !IsLoopback(u.Hostname())
}

// IsLoopback reports whether a host is this machine.
func IsLoopback(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }
