package wounds

import (
	"context"
	"crypto/tls"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"

	"littlehorse/lhpb"
	"littlehorse/test/lhserver"
	"littlehorse/test/pki"
	"littlehorse/test/ports"
)

// forged is what a caller may say of himself without proving it.
var forged = []string{
	"principal", "boss", "principalid", "boss", "principal-id", "boss", "clientid", "boss", "_clientid", "boss", "x-principal", "boss",
	"x-forwarded-user", "boss", "x-forwarded-client-cert", "Subject=\"CN=boss\"", "authorization", "Bearer boss",
}

func TestIdentityComesFromTheListener(t *testing.T) {
	authority, port := pki.NewAuthority(t, "authority"), ports.Free(t)
	pair := authority.Server()
	s := lhserver.New(t, t.TempDir(), "LHS_CLUSTER_PARTITIONS=2", "LHS_CA_CERT="+authority.File(),
		"LHS_LISTENERS_PROTOCOL_MAP=PROVEN:MTLS", "LHS_LISTENERS_AUTHENTICATION_MAP=PROVEN:MTLS",
		"LHS_LISTENER_PROVEN_CERT="+pair.Cert, "LHS_LISTENER_PROVEN_KEY="+pair.Key)
	_, plain, err := net.SplitHostPort(s.API)
	if err != nil {
		t.Fatal(err)
	}
	s.Setenv("LHS_LISTENERS=PLAIN:" + plain + ",PROVEN:" + port)
	s.Start(t)
	ctx := within(t)
	conn := s.Dial(t)
	t.Cleanup(func() { conn.Close() })
	open := lhpb.NewLittleHorseClient(conn)
	with := func(name string) lhpb.LittleHorseClient {
		t.Helper()
		conn := must(grpc.NewClient("127.0.0.1:"+port, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
			RootCAs: authority.Pool(), Certificates: []tls.Certificate{authority.Client(name).Load(t)}, MinVersion: tls.VersionTLS13,
		}))))(t)
		t.Cleanup(func() { conn.Close() })
		return lhpb.NewLittleHorseClient(conn)
	}

	everything := &lhpb.ServerACLs{Acls: []*lhpb.ServerACL{{
		Resources: []lhpb.ACLResource{lhpb.ACLResource_ACL_ALL_RESOURCES}, AllowedActions: []lhpb.ACLAction{lhpb.ACLAction_ALL_ACTIONS},
	}}}
	must(open.PutPrincipal(ctx, &lhpb.PutPrincipalRequest{Id: "boss", GlobalAcls: everything}))(t)
	boss, clerk := with("boss"), with("clerk")
	must(boss.PutPrincipal(ctx, &lhpb.PutPrincipalRequest{Id: "clerk"}))(t)
	must(boss.PutPrincipal(ctx, &lhpb.PutPrincipalRequest{Id: "anonymous", Overwrite: true}))(t)

	lying := metadata.AppendToOutgoingContext(ctx, forged...)
	for who, is := range map[string]lhpb.LittleHorseClient{"anonymous": open, "clerk": clerk, "boss": boss} {
		for _, ctx := range []context.Context{ctx, lying} {
			if me := must(is.Whoami(ctx, nil))(t); me.Id.Id != who {
				t.Errorf("%s is taken for %s", who, me.Id.Id)
			}
			_, err := is.SearchTenant(ctx, &lhpb.SearchTenantRequest{})
			if who == "boss" {
				must(is, err)(t)
				continue
			}
			wantCode(t, err, codes.PermissionDenied, "Missing permissions")
		}
	}
}
