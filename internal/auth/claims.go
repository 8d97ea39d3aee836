package auth

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"
)

// claims are what a JWT or the answer of an introspection says.
type claims struct {
	Active            bool
	Issuer            string
	Audience          audience
	Expires           float64
	NotBefore         float64
	Scope             scope
	ClientID          string
	AuthorizedParty   string
	Username          string
	PreferredUsername string
}

// UnmarshalJSON implements json.Unmarshaler. Names are taken to the letter: package json would take "Client_ID", which may
// be an attribute that users give themselves, for the name of who calls.
func (c *claims) UnmarshalJSON(text []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return err
	}
	for name, into := range map[string]any{
		"active": &c.Active, "iss": &c.Issuer, "aud": &c.Audience, "exp": &c.Expires, "nbf": &c.NotBefore, "scope": &c.Scope,
		"client_id": &c.ClientID, "azp": &c.AuthorizedParty, "username": &c.Username, "preferred_username": &c.PreferredUsername,
	} {
		if value, is := all[name]; is {
			if err := json.Unmarshal(value, into); err != nil {
				return err
			}
		}
	}
	return nil
}

// audience is one text or several.
type audience []string

func (a *audience) UnmarshalJSON(text []byte) error { return texts(text, (*[]string)(a)) }

// scope is a text of words; some servers give a list.
type scope []string

func (s *scope) UnmarshalJSON(text []byte) error {
	if err := texts(text, (*[]string)(s)); err != nil {
		return err
	}
	*s = strings.Fields(strings.Join(*s, " "))
	return nil
}

func texts(text []byte, into *[]string) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*into = []string{one}
		return nil
	}
	return json.Unmarshal(text, into)
}

// clockSkew is how much earlier the clock of the OAuth server may be thought to be.
const clockSkew = 30 * time.Second

// verdict judges what a good token says.
func (o OAuth) verdict(c claims, now time.Time) (verdict, error) {
	name := firstOf(c.ClientID, c.AuthorizedParty)
	expires, ok := moment(c.Expires)
	starts, _ := moment(c.NotBefore)
	switch {
	case o.Issuer != "" && c.Issuer != o.Issuer:
		return verdict{}, errIssuer
	case o.Audience != "" && !slices.Contains(c.Audience, o.Audience):
		return verdict{}, errAudience
	case len(c.Scope) == 0:
		return verdict{}, errScope
	case name == "" || !ok || !now.Before(expires) || now.Add(clockSkew).Before(starts):
		return verdict{}, errInactive
	}
	if slices.Contains(c.Scope, "openid") {
		name = firstOf(c.Username, c.PreferredUsername)
	}
	if name == "" {
		return verdict{}, errNobody
	}
	until := now.Add(rememberFor)
	if expires.Before(until) {
		until = expires
	}
	return verdict{Identity{Name: name, Proven: true, Expires: expires}, until}, nil
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// moment reads a number of seconds since 1970; one that is no moment is none.
func moment(seconds float64) (time.Time, bool) {
	if !(seconds > 0 && seconds < math.MaxInt32*1000.0) {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(seconds * 1000)), true
}
