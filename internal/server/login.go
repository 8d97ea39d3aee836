package server

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	"littlehorse/internal/auth"
	"littlehorse/internal/dashboard"
)

// login reports whether people log in on the dashboard.
func (d DashboardConfig) login() bool { return d.ByLogin && d.Port > 0 }

// asked is how people log in; the zero value if they do not.
func (d DashboardConfig) asked() dashboard.Login {
	if !d.login() {
		return dashboard.Login{}
	}
	return d.Login
}

// validateLogin refuses a login that could not end well, by the name of the setting.
func (c *Config) validateLogin() error {
	d := c.Dashboard
	if !d.login() {
		return nil
	}
	var errs []error
	add := func(name string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	if len(c.Listeners) > 0 {
		if l := c.Listeners[c.dashboardListener()]; l.Authentication != ByToken {
			add("LHD_OAUTH_ENABLED", fmt.Errorf("listener %s of the dashboard takes no tokens: its authentication must be OAUTH", l.Name))
		}
	}
	add("LHD_OAUTH_ISSUER_URI", given(d.Login.Issuer, auth.CheckURL))
	add("LHD_OAUTH_CLIENT_ID", given(d.Login.ClientID, nil))
	add("LHD_OAUTH_CALLBACK_URL", given(d.Login.Address, onlyHost))
	if !slices.Contains(d.Login.Scopes, "openid") {
		add("LHD_OAUTH_SCOPES", errors.New("openid is not among them"))
	}
	return errors.Join(errs...)
}

func given(value string, check func(string) error) error {
	switch {
	case value == "":
		return errors.New("not set, but LHD_OAUTH_ENABLED is true")
	case check == nil:
		return nil
	default:
		return check(value)
	}
}

// onlyHost takes an address without a path: the pages are at the root.
func onlyHost(text string) error {
	if err := auth.CheckURL(text); err != nil {
		return err
	}
	u, err := url.Parse(text)
	if err != nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" {
		return errors.New("the address must end with its host or port: pages are not served below a path")
	}
	return nil
}
