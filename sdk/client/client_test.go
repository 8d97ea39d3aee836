package lh_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"littlehorse/lhpb"
	lh "littlehorse/sdk/client"
	"littlehorse/sdk/wf"
	"littlehorse/test/still"
)

func TestMain(m *testing.M) { still.Main(m) }

// server notes what arrives and answers calls with the errors that were planted, in order.
type server struct {
	lhpb.UnimplementedLittleHorseServer

	mu       sync.Mutex
	calls    []string
	metadata metadata.MD
	peer     *peer.Peer
	errs     []error
	statuses []lhpb.LHStatus // of GetWfRun, one a call
	value    *lhpb.VariableValue
}

func (s *server) note(ctx context.Context, format string, args ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, fmt.Sprintf(format, args...))
	s.metadata, _ = metadata.FromIncomingContext(ctx)
	s.peer, _ = peer.FromContext(ctx)
	if len(s.errs) == 0 {
		return nil
	}
	err := s.errs[0]
	s.errs = s.errs[1:]
	return err
}

func (s *server) Whoami(ctx context.Context, _ *emptypb.Empty) (*lhpb.Principal, error) {
	return &lhpb.Principal{}, s.note(ctx, "Whoami")
}

func (s *server) RunWf(ctx context.Context, req *lhpb.RunWfRequest) (*lhpb.WfRun, error) {
	return &lhpb.WfRun{}, s.note(ctx, "RunWf %s %s %v", req.WfSpecName, req.GetId(), req.Variables["x"].GetInt())
}

func (s *server) PutExternalEvent(ctx context.Context, req *lhpb.PutExternalEventRequest) (*lhpb.ExternalEvent, error) {
	return &lhpb.ExternalEvent{}, s.note(ctx, "PutExternalEvent %s %s", req.ExternalEventDefId.Name, req.GetGuid())
}

func (s *server) GetWfRun(context.Context, *lhpb.WfRunId) (*lhpb.WfRun, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.statuses) == 0 {
		return nil, status.Error(codes.NotFound, "no such WfRun")
	}
	run := &lhpb.WfRun{Status: s.statuses[0]}
	s.statuses = s.statuses[1:]
	return run, nil
}

func (s *server) GetVariable(context.Context, *lhpb.VariableId) (*lhpb.Variable, error) {
	return &lhpb.Variable{Value: s.value}, nil
}

func (s *server) PutTaskDef(ctx context.Context, req *lhpb.PutTaskDefRequest) (*lhpb.TaskDef, error) {
	return &lhpb.TaskDef{}, s.note(ctx, "PutTaskDef %s", req.Name)
}

func (s *server) GetTaskDef(ctx context.Context, id *lhpb.TaskDefId) (*lhpb.TaskDef, error) {
	return &lhpb.TaskDef{}, s.note(ctx, "GetTaskDef %s", id.Name)
}

func (s *server) PutExternalEventDef(ctx context.Context, req *lhpb.PutExternalEventDefRequest) (*lhpb.ExternalEventDef, error) {
	return &lhpb.ExternalEventDef{}, s.note(ctx, "PutExternalEventDef %s", req.Name)
}

func (s *server) GetExternalEventDef(ctx context.Context, id *lhpb.ExternalEventDefId) (*lhpb.ExternalEventDef, error) {
	return &lhpb.ExternalEventDef{}, s.note(ctx, "GetExternalEventDef %s", id.Name)
}

func (s *server) PutWfSpec(ctx context.Context, req *lhpb.PutWfSpecRequest) (*lhpb.WfSpec, error) {
	return &lhpb.WfSpec{Id: &lhpb.WfSpecId{Name: req.Name, Revision: 3}}, s.note(ctx, "PutWfSpec %s", req.Name)
}

func (s *server) GetWfSpec(ctx context.Context, id *lhpb.WfSpecId) (*lhpb.WfSpec, error) {
	return &lhpb.WfSpec{}, s.note(ctx, "GetWfSpec %s/%d", id.Name, id.Revision)
}

func start(t *testing.T, s *server, options ...grpc.ServerOption) lh.Config {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer(options...)
	lhpb.RegisterLittleHorseServer(g, s)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = g.Serve(listener)
	}()
	t.Cleanup(func() {
		g.Stop()
		<-served
	})
	cfg := lh.DefaultConfig()
	cfg.Host, cfg.Port = "127.0.0.1", listener.Addr().(*net.TCPAddr).Port
	return cfg
}

func dial(t *testing.T, cfg lh.Config) *lh.Client {
	t.Helper()
	client, err := lh.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func whoami(t *testing.T, c *lh.Client) error {
	t.Helper()
	_, err := c.RPC().Whoami(t.Context(), &emptypb.Empty{})
	return err
}

func TestTenantIsSentOnce(t *testing.T) {
	s := &server{}
	cfg := start(t, s)
	if err := whoami(t, dial(t, cfg)); err != nil || len(s.metadata.Get("tenantid")) != 0 {
		t.Errorf("without tenant: %v, %v", s.metadata, err)
	}
	cfg.TenantID = "acme"
	if err := whoami(t, dial(t, cfg)); err != nil || len(s.metadata.Get("tenantid")) != 1 || s.metadata.Get("tenantid")[0] != "acme" {
		t.Errorf("with tenant: %v, %v", s.metadata, err)
	}
}

func TestErrorsAreToldApart(t *testing.T) {
	s := &server{errs: []error{status.Error(codes.NotFound, "nope")}}
	err := whoami(t, dial(t, start(t, s)))
	wrapped := fmt.Errorf("more: %w", err)
	if !errors.Is(wrapped, lh.ErrNotFound) || errors.Is(wrapped, lh.ErrAlreadyExists) || status.Code(wrapped) != codes.NotFound {
		t.Errorf("%v", wrapped)
	}
	if err.Error() != "rpc error: code = NotFound desc = nope" {
		t.Errorf("%q", err)
	}
	var e *lh.Error
	if !errors.As(wrapped, &e) || e.Message() != "nope" || e.Code() != codes.NotFound {
		t.Errorf("%v", e)
	}
}

func quota(delay time.Duration) error {
	s, err := status.New(codes.ResourceExhausted, "quota").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(delay)})
	if err != nil {
		panic(err)
	}
	return s.Err()
}

func TestQuotaIsWaitedOut(t *testing.T) {
	s := &server{errs: []error{quota(time.Millisecond), quota(0)}}
	cfg := start(t, s)
	if err := whoami(t, dial(t, cfg)); err != nil || len(s.calls) != 3 {
		t.Errorf("%v after %d calls", err, len(s.calls))
	}

	s.calls, s.errs = nil, []error{status.Error(codes.ResourceExhausted, "too large")}
	if err := whoami(t, dial(t, cfg)); !errors.Is(err, lh.ErrResourceExhausted) || len(s.calls) != 1 {
		t.Errorf("without RetryInfo: %v after %d calls", err, len(s.calls))
	}

	s.calls, s.errs = nil, []error{quota(time.Millisecond)}
	cfg.ResourceExhaustedRetry = false
	if err := whoami(t, dial(t, cfg)); !errors.Is(err, lh.ErrResourceExhausted) || len(s.calls) != 1 {
		t.Errorf("switched off: %v after %d calls", err, len(s.calls))
	}

	cfg.ResourceExhaustedRetry = true
	client := dial(t, cfg)
	if err := whoami(t, client); err != nil {
		t.Fatal(err)
	}
	s.errs = []error{quota(time.Hour)}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := client.RPC().Whoami(ctx, &emptypb.Empty{}); !errors.Is(err, lh.ErrResourceExhausted) {
		t.Errorf("past the deadline: %v", err)
	}
}

func TestRunIsSafeToRepeat(t *testing.T) {
	moving := status.Error(codes.Unavailable, "moving")
	exists := status.Error(codes.AlreadyExists, "there")
	s := &server{errs: []error{moving, exists}}
	client := dial(t, start(t, s))
	id, err := client.Run(t.Context(), "greet", lh.Input{"x": 7})
	if err != nil || len(s.calls) != 2 || s.calls[0] != s.calls[1] || s.calls[0] != fmt.Sprintf("RunWf greet %s 7", id) {
		t.Errorf("%s, %v, %q", id, err, s.calls)
	}
	s.errs = []error{exists}
	if _, err := client.Run(t.Context(), "greet", nil, lh.WithID("mine")); !errors.Is(err, lh.ErrAlreadyExists) {
		t.Errorf("%v", err)
	}
	if id, err := client.Run(t.Context(), "greet", nil, lh.WithID("kid"), lh.WithParent("a_b")); err != nil || id != "a_b_kid" {
		t.Errorf("%s, %v", id, err)
	}
	if _, err := client.Run(t.Context(), "greet", lh.Input{"x": uint(7)}); err == nil {
		t.Error("an input without LittleHorse type was accepted")
	}
	s.calls, s.errs = nil, []error{moving, exists}
	if err := client.PostEvent(t.Context(), id, "paid", 3); err != nil || len(s.calls) != 2 || s.calls[0] != s.calls[1] {
		t.Errorf("%v, %q", err, s.calls)
	}
}

func TestAwait(t *testing.T) {
	s := &server{statuses: []lhpb.LHStatus{lhpb.LHStatus_RUNNING, lhpb.LHStatus_HALTED, lhpb.LHStatus_EXCEPTION}}
	client := dial(t, start(t, s))
	if run, err := client.Await(t.Context(), "w"); err != nil || run.Status != lhpb.LHStatus_EXCEPTION {
		t.Errorf("%v, %v", run, err)
	}
	s.statuses = []lhpb.LHStatus{lhpb.LHStatus_RUNNING, lhpb.LHStatus_HALTED}
	if run, err := client.Await(t.Context(), "w", lhpb.LHStatus_HALTED); err != nil || run.Status != lhpb.LHStatus_HALTED {
		t.Errorf("%v, %v", run, err)
	}
	if _, err := client.Await(t.Context(), "w"); !errors.Is(err, lh.ErrNotFound) {
		t.Errorf("%v", err)
	}
	s.statuses = []lhpb.LHStatus{lhpb.LHStatus_RUNNING, lhpb.LHStatus_ERROR, lhpb.LHStatus_COMPLETED}
	if _, err := client.Await(t.Context(), "w", lhpb.LHStatus_HALTED); err == nil || !strings.Contains(err.Error(), "COMPLETED and stays so") {
		t.Errorf("%v", err)
	}
	s.statuses = []lhpb.LHStatus{lhpb.LHStatus_RUNNING, lhpb.LHStatus_RUNNING, lhpb.LHStatus_RUNNING, lhpb.LHStatus_RUNNING, lhpb.LHStatus_RUNNING}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Millisecond)
	defer cancel()
	if _, err := client.Await(ctx, "w"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	s.value = &lhpb.VariableValue{Value: &lhpb.VariableValue_Int{Int: 5}}
	if n, err := lh.GetVar[int](t.Context(), client, "w", "x"); err != nil || n != 5 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := lh.GetVar[string](t.Context(), client, "w", "x"); err == nil {
		t.Error("an INT was read as a string")
	}
}

func TestRegisterKeepsTheOrderAndWaits(t *testing.T) {
	s := &server{}
	client := dial(t, start(t, s))
	workflow := wf.New("order", func(t *wf.Thread) { wf.Event[string](t, "paid") })
	task := taskDef("charge")
	s.errs = []error{status.Error(codes.Unavailable, "starting"), nil, status.Error(codes.NotFound, "not yet")}
	if err := client.Register(t.Context(), workflow, task, task); err != nil {
		t.Fatal(err)
	}
	want := "PutTaskDef charge, PutTaskDef charge, GetTaskDef charge, GetTaskDef charge, " +
		"PutExternalEventDef paid, GetExternalEventDef paid, PutWfSpec order, GetWfSpec order/3"
	if got := strings.Join(s.calls, ", "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	s.errs = []error{status.Error(codes.AlreadyExists, "immutable")}
	if err := client.Register(t.Context(), task); !errors.Is(err, lh.ErrAlreadyExists) || !strings.Contains(err.Error(), "TaskDef charge") {
		t.Errorf("%v", err)
	}
}

// pki makes an authority and a certificate for servers and clients of this machine, as PEM files.
func pki(t *testing.T) (ca, cert, key string) {
	t.Helper()
	dir := t.TempDir()
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	caCert := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "somebody"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	write := func(name, kind string, bytes []byte, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	caBytes, err := x509.CreateCertificate(rand.Reader, caCert, caCert, &caKey.PublicKey, caKey)
	ca = write("ca.pem", "CERTIFICATE", caBytes, err)
	leafBytes, err := x509.CreateCertificate(rand.Reader, leaf, caCert, &leafKey.PublicKey, caKey)
	cert = write("cert.pem", "CERTIFICATE", leafBytes, err)
	keyBytes, err := x509.MarshalPKCS8PrivateKey(leafKey)
	key = write("key.pem", "PRIVATE KEY", keyBytes, err)
	return ca, cert, key
}

func serverTLS(t *testing.T, ca, cert, key string, clientAuth tls.ClientAuthType) grpc.ServerOption {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: clientAuth, ClientCAs: pool}))
}

func TestTLS(t *testing.T) {
	ca, cert, key := pki(t)
	s := &server{}
	cfg := start(t, s, serverTLS(t, ca, cert, key, tls.RequireAndVerifyClientCert))
	cfg.TLS, cfg.CACert = true, ca
	if err := whoami(t, dial(t, cfg)); err == nil {
		t.Error("a client without certificate was let in")
	}
	cfg.ClientCert, cfg.ClientKey = cert, key
	if err := whoami(t, dial(t, cfg)); err != nil {
		t.Fatal(err)
	}
	info := s.peer.AuthInfo.(credentials.TLSInfo)
	if got := info.State.PeerCertificates[0].Subject.CommonName; got != "somebody" {
		t.Errorf("the server sees %q", got)
	}
	cfg.CACert = ""
	if err := whoami(t, dial(t, cfg)); err == nil {
		t.Error("an unknown authority was trusted")
	}
	cfg.CACert = key
	if _, err := lh.Dial(t.Context(), cfg); err == nil {
		t.Error("a file without certificate was accepted")
	}
}

func TestClientCredentials(t *testing.T) {
	tokens := 0
	idp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if r.FormValue("grant_type") != "client_credentials" || id != "me" || secret != "top%2Fsecret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		tokens++
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"token-%d","expires_in":3600}`, tokens)
	}))
	defer idp.Close()
	ca, cert, key := pki(t)
	s := &server{}
	cfg := start(t, s, serverTLS(t, ca, cert, key, tls.NoClientCert))
	cfg.TLS, cfg.CACert = true, ca
	cfg.OAuthClientID, cfg.OAuthClientSecret, cfg.OAuthTokenURL = "me", "top/secret", idp.URL
	client := dial(t, cfg)
	for range 2 {
		if err := whoami(t, client); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.metadata.Get("authorization"); len(got) != 1 || got[0] != "Bearer token-1" || tokens != 1 {
		t.Errorf("%q, %d tokens", got, tokens)
	}
	cfg.OAuthClientSecret = "wrong"
	if err := whoami(t, dial(t, cfg)); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("%v", err)
	}
	http.DefaultClient.CloseIdleConnections()
}
