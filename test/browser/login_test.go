package browser

import (
	"strings"
	"testing"

	"littlehorse/lhpb"
	"littlehorse/test/lhserver"
	"littlehorse/test/openid"
	"littlehorse/test/ports"
)

// People log in with a provider of the kind that there are, come back to where they were, and are refused what they may not do.
//
// holds: IdentityIsProven
// covers: dashboard A.3 auth
func TestJourneysOfPeopleWhoLogIn(t *testing.T) {
	port, people := ports.Free(t), ports.Free(t)
	address := "http://127.0.0.1:" + port
	issuer := openid.Start(t, "OIDC_DASHBOARD="+address)
	s := lhserver.New(t, t.TempDir(), "LHS_CLUSTER_PARTITIONS=3", "LHD_PORT="+port)
	s.Setenv(
		"LHS_LISTENERS=PLAIN:"+strings.TrimPrefix(s.API, "127.0.0.1:")+",PEOPLE:"+people, "LHS_LISTENERS_AUTHENTICATION_MAP=PEOPLE:OAUTH", "LHD_LISTENER=PEOPLE",
		"LHS_OAUTH_INTROSPECT_URL="+issuer+"/token/introspection", "LHS_OAUTH_CLIENT_ID=lh", "LHS_OAUTH_CLIENT_SECRET=lh-secret", "LHS_OAUTH_ISSUER_URL="+issuer, "LHS_OAUTH_AUDIENCE=urn:lh",
		"LHD_OAUTH_ENABLED=true", "LHD_OAUTH_ISSUER_URI="+issuer, "LHD_OAUTH_CLIENT_ID=dashboard", "LHD_OAUTH_CLIENT_SECRET=dashboard-secret", "LHD_OAUTH_CALLBACK_URL="+address,
	)
	s.Start(t)
	seedLanes(t, s.API)
	conn := s.Dial(t)
	defer conn.Close()
	api := lhpb.NewLittleHorseClient(conn)
	for name, action := range map[string]lhpb.ACLAction{"boss": lhpb.ACLAction_ALL_ACTIONS, "reader": lhpb.ACLAction_READ} {
		if _, err := api.PutPrincipal(t.Context(), &lhpb.PutPrincipalRequest{Id: name, GlobalAcls: may(action)}); err != nil {
			t.Fatal(err)
		}
	}
	travel(t, s, "login.mjs", "DASHBOARD="+address, "ISSUER="+issuer)
}
