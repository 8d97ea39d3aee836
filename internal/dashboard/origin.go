package dashboard

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Origin is where a page is from, as browsers write it: scheme, host, and the port if it is not that of the scheme.
type Origin string

var (
	originHost  = regexp.MustCompile(`^([a-z0-9._-]+|\[[0-9a-f:.]+\])$`)
	schemePorts = map[string]string{"http": "80", "https": "443"}
)

// ParseOrigin refuses what no browser writes: it would let nobody in, and be no use to find out.
func ParseOrigin(text string) (Origin, error) {
	if strings.Contains(text, "*") {
		return "", fmt.Errorf("%q is not one origin: each must be named, as https://app.example.com", text)
	}
	u, err := url.Parse(text)
	if err == nil && u.User != nil {
		return "", errors.New("an origin has no name or password in it")
	}
	if err != nil || schemePorts[u.Scheme] == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#") {
		return "", fmt.Errorf("%q is not http:// or https://, a host, and maybe a port", text)
	}
	host, port := strings.ToLower(u.Host), u.Port()
	if at := strings.LastIndexByte(host, ':'); at > strings.LastIndexByte(host, ']') {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != port {
			return "", fmt.Errorf("%q has no valid port", text)
		}
		host = host[:at]
	}
	if !originHost.MatchString(host) {
		return "", fmt.Errorf("%q has no host as browsers write it", text)
	}
	if port != "" && port != schemePorts[u.Scheme] {
		host += ":" + port
	}
	return Origin(u.Scheme + "://" + host), nil
}

// own reports whether a request is no trick of another site's page: those of browsers name a page of this server or of one of
// the others that may call it, and all have a header that a page cannot send elsewhere unasked.
func own(r *http.Request, others ...Origin) bool {
	for _, origin := range r.Header.Values("Origin") {
		from, err := url.Parse(origin)
		same := err == nil && strings.EqualFold(from.Host, r.Host)
		if !same && !slices.Contains(others, Origin(origin)) {
			return false
		}
	}
	return r.Header.Get("X-LH-UI") == "1" || r.Header.Get("Connect-Protocol-Version") == "1" || strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// Answers to a browser that asks what a page of a listed origin may do. Nothing lets it send cookies along.
var allowed = map[string]string{
	"Access-Control-Allow-Methods": "GET, POST",
	"Access-Control-Allow-Headers": "Authorization, Connect-Protocol-Version, Connect-Timeout-Ms, Content-Type, Last-Event-ID, tenantId, X-LH-UI",
	"Access-Control-Max-Age":       "600",
}

// crossing lets pages of the listed origins read what the API answers. Pages and logins of this server are not theirs.
func (h *handler) crossing(next http.Handler) http.Handler {
	if len(h.Origins) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.ContainsFunc([]string{"/api/", "/ui/", "/output/"}, func(p string) bool { return strings.HasPrefix(r.URL.Path, p) }) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Vary", "Origin")
		origins := r.Header.Values("Origin")
		if len(origins) != 1 || !slices.Contains(h.Origins, Origin(origins[0])) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", origins[0])
		if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
			next.ServeHTTP(w, r)
			return
		}
		for name, value := range allowed {
			w.Header().Set(name, value)
		}
		w.WriteHeader(http.StatusNoContent)
	})
}
