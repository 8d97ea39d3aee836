package conformance

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/internal/server"
	"littlehorse/lhpb"
	"littlehorse/test/openid"
	"littlehorse/test/pki"
)

func post(t *testing.T, client, endpoint string, form url.Values) map[string]any {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(client, client+"-secret")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	out := map[string]any{}
	if answer.ContentLength != 0 {
		if err := json.NewDecoder(answer.Body).Decode(&out); err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v %v", endpoint, answer.Status, out, err)
		}
	}
	return out
}

func tokenOf(t *testing.T, client, issuer, resource string) string {
	t.Helper()
	return post(t, client, issuer+"/token", url.Values{"grant_type": {"client_credentials"}, "resource": {resource}})["access_token"].(string)
}

// secured starts a server whose listeners talk TLS.
func secured(t *testing.T, ca *pki.Authority, change func(*server.Config)) *server.Server {
	t.Helper()
	c := server.DefaultConfig()
	c.StateDir, c.BindHost, c.Partitions, c.Health.Port, c.Dashboard.Port, c.StoreMemoryBytes = t.TempDir(), "127.0.0.1", 2, 0, 0, 8<<20
	c.ClientCA = ca.File()
	c.UnknownIsAnonymous = true
	change(&c)
	pair := ca.Server()
	for i := range c.Listeners {
		c.Listeners[i].AdvertisedHost, c.Listeners[i].CertFile, c.Listeners[i].KeyFile = "localhost", pair.Cert, pair.Key
	}
	s, err := server.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

func localhost(address string) string { return strings.Replace(address, "127.0.0.1", "localhost", 1) }

// The workers of the official clients come back through the listener that they called, by the same means.
//
// holds: ClientsUseTLS
func TestOfficialClientsOverTLS(t *testing.T) {
	if *record || *endpoint != "" {
		return // it is about our own
	}
	ca, issuer := pki.NewAuthority(t, "ca"), openid.Start(t)
	s := secured(t, ca, func(c *server.Config) {
		c.OAuth.IntrospectURL, c.OAuth.ClientID, c.OAuth.ClientSecret = issuer+"/token/introspection", "lh", "lh-secret"
		c.OAuth.Issuer, c.OAuth.Audience = issuer, "urn:lh"
		c.Listeners = []server.Listener{
			{Name: "TLS", Protocol: server.TLS},
			{Name: "MTLS", Protocol: server.MTLS, Authentication: server.ByCertificate},
			{Name: "OAUTH", Protocol: server.TLS, Authentication: server.ByToken},
		}
	})
	pair := ca.Client("worker")
	trust := []string{"LHC_API_PROTOCOL=TLS", "LHC_CA_CERT=" + ca.File()}
	for listener, more := range map[string][]string{
		"TLS":  nil,
		"MTLS": {"LHC_CLIENT_CERT=" + pair.Cert, "LHC_CLIENT_KEY=" + pair.Key},
		"OAUTH": {
			"LHC_OAUTH_CLIENT_ID=worker", "LHC_OAUTH_CLIENT_SECRET=worker-secret", "LHC_OAUTH_ACCESS_TOKEN_URL=" + issuer + "/token",
			"AUTHLIB_INSECURE_TRANSPORT=1",
		},
	} {
		for _, c := range clients {
			if c.language == "javascript" {
				continue // its configuration knows neither certificates of its own nor tokens
			}
			t.Run(listener+"/"+c.language, func(t *testing.T) {
				t.Parallel()
				c.tryExamples(t, localhost(s.Addr(listener)), append(trust, more...)...)
			})
		}
	}
}

// Tokens of a real provider, good and bad, by introspection and as JWTs.
//
// holds: IdentityIsProven
func TestTokensOfAProvider(t *testing.T) {
	if *record || *endpoint != "" {
		return
	}
	ca, issuer, other := pki.NewAuthority(t, "ca"), openid.Start(t), openid.Start(t)
	introspecting := secured(t, ca, func(c *server.Config) {
		c.OAuth.IntrospectURL, c.OAuth.ClientID, c.OAuth.ClientSecret = issuer+"/token/introspection", "lh", "lh-secret"
		c.OAuth.Issuer, c.OAuth.Audience = issuer, "urn:lh"
		c.Listeners = []server.Listener{{Name: "OAUTH", Protocol: server.TLS, Authentication: server.ByToken}}
		c.UnknownIsAnonymous = false
	})
	signatures := secured(t, ca, func(c *server.Config) {
		c.OAuth.Issuer, c.OAuth.Audience = issuer, "urn:jwt"
		c.Listeners = []server.Listener{{Name: "OAUTH", Protocol: server.TLS, Authentication: server.ByToken}}
		c.UnknownIsAnonymous = false
	})
	mistaken := secured(t, ca, func(c *server.Config) { // asks one provider about the tokens of another
		c.OAuth.IntrospectURL, c.OAuth.ClientID, c.OAuth.ClientSecret = issuer+"/token/introspection", "lh", "lh-secret"
		c.OAuth.Issuer, c.OAuth.Audience = other, "urn:lh"
		c.Listeners = []server.Listener{{Name: "OAUTH", Protocol: server.TLS, Authentication: server.ByToken}}
	})
	revoked := tokenOf(t, "worker", issuer, "urn:lh")
	post(t, "worker", issuer+"/token/revocation", url.Values{"token": {revoked}})
	for _, test := range []struct {
		name, token string
		server      *server.Server
		code        codes.Code
		says        string
	}{
		{"opaque", tokenOf(t, "worker", issuer, "urn:lh"), introspecting, codes.PermissionDenied, `"worker"`},
		{"revoked", revoked, introspecting, codes.Unauthenticated, "not active"},
		{"opaque of another provider", tokenOf(t, "worker", other, "urn:lh"), introspecting, codes.Unauthenticated, "not active"},
		{"opaque for another audience", tokenOf(t, "worker", issuer, "urn:else"), introspecting, codes.Unauthenticated, "audience"},
		{"opaque of another issuer", tokenOf(t, "worker", issuer, "urn:lh"), mistaken, codes.Unauthenticated, "issuer"},
		{"no token", "", introspecting, codes.Unauthenticated, "empty"},
		{"JWT", tokenOf(t, "worker", issuer, "urn:jwt"), signatures, codes.PermissionDenied, `"worker"`},
		{"JWT signed by another provider", tokenOf(t, "worker", other, "urn:jwt"), signatures, codes.Unauthenticated, "not valid"},
		{"JWT for another audience", tokenOf(t, "worker", issuer, "urn:jwt2"), signatures, codes.Unauthenticated, "audience"},
		{"opaque for a server of JWTs", tokenOf(t, "worker", issuer, "urn:lh"), signatures, codes.Unauthenticated, "not valid"},
	} {
		if err := withToken(t, ca, test.server, test.token); status.Code(err) != test.code || !strings.Contains(status.Convert(err).Message(), test.says) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// withToken is what a call gets that brings the token.
func withToken(t *testing.T, ca *pki.Authority, s *server.Server, token string) error {
	t.Helper()
	conn, err := grpc.NewClient(s.Addr("OAUTH"), grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(ca.Pool(), "")))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
	_, err = lhpb.NewLittleHorseClient(conn).Whoami(ctx, &emptypb.Empty{})
	return err
}

// A token that was good is refused once it has expired, though the answer about it was kept.
func TestTokensOfAProviderExpire(t *testing.T) {
	if *record || *endpoint != "" {
		return
	}
	t.Parallel()
	ca, issuer := pki.NewAuthority(t, "ca"), openid.Start(t)
	for resource, introspection := range map[string]string{"urn:brief": issuer + "/token/introspection", "urn:brief:jwt": ""} {
		t.Run(resource, func(t *testing.T) {
			t.Parallel()
			s := secured(t, ca, func(c *server.Config) {
				c.OAuth.IntrospectURL, c.OAuth.ClientID, c.OAuth.ClientSecret = introspection, "lh", "lh-secret"
				c.OAuth.Issuer, c.OAuth.Audience = issuer, resource
				c.Listeners = []server.Listener{{Name: "OAUTH", Protocol: server.TLS, Authentication: server.ByToken}}
				c.UnknownIsAnonymous = false
			})
			token := tokenOf(t, "worker", issuer, resource)
			err := withToken(t, ca, s, token)
			if status.Code(err) != codes.PermissionDenied {
				t.Errorf("good: %v", err)
			}
			for end := time.Now().Add(time.Minute); status.Code(err) == codes.PermissionDenied && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
				err = withToken(t, ca, s, token)
			}
			if status.Code(err) != codes.Unauthenticated || !strings.Contains(status.Convert(err).Message(), "not active") {
				t.Errorf("expired: %v", err)
			}
		})
	}
}
