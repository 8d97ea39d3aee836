package lh

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"littlehorse/lhpb"
)

// Client is a connection to a LittleHorse cluster. It is safe for concurrent use; Close releases it.
type Client struct {
	config  Config
	options []grpc.DialOption
	rpc     lhpb.LittleHorseClient
	conn    *grpc.ClientConn

	mu    sync.Mutex
	conns map[string]*grpc.ClientConn // by address
}

// Dial prepares the connection that cfg describes. It does not wait for the server: a server that is down shows in the
// first call, and calls succeed again once it is back. Extra options are passed to grpc as they are.
func Dial(ctx context.Context, cfg Config, options ...grpc.DialOption) (*Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	own, err := dialOptions(cfg)
	if err != nil {
		return nil, err
	}
	c := &Client{config: cfg, options: append(own, options...), conns: map[string]*grpc.ClientConn{}}
	c.rpc, err = c.at(cfg.Address())
	if err != nil {
		return nil, err
	}
	c.conn = c.conns[cfg.Address()]
	return c, nil
}

func dialOptions(cfg Config) ([]grpc.DialOption, error) {
	transport, err := transportCredentials(cfg)
	if err != nil {
		return nil, err
	}
	reconnect := backoff.DefaultConfig
	reconnect.BaseDelay = 100 * time.Millisecond
	reconnect.MaxDelay = 5 * time.Second
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(codec{})),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: cfg.KeepaliveTime, Timeout: cfg.KeepaliveTimeout, PermitWithoutStream: true,
		}),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: 5 * time.Second}),
		grpc.WithChainUnaryInterceptor(unary(cfg)...),
		grpc.WithChainStreamInterceptor(streamTenant(cfg.TenantID)),
	}
	if cfg.OAuthTokenURL != "" {
		options = append(options, grpc.WithPerRPCCredentials(newClientCredentials(cfg)))
	}
	if cfg.TLS && cfg.ByLogin() {
		token, err := newStoredToken(cfg)
		if err != nil {
			return nil, err
		}
		options = append(options, grpc.WithPerRPCCredentials(token))
	}
	return options, nil
}

func transportCredentials(cfg Config) (credentials.TransportCredentials, error) {
	if !cfg.TLS {
		return insecure.NewCredentials(), nil
	}
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.CACert != "" {
		pem, err := os.ReadFile(expandHome(cfg.CACert))
		if err != nil {
			return nil, fmt.Errorf("LHC_CA_CERT: %w", err)
		}
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("LHC_CA_CERT: no certificate in %s", cfg.CACert)
		}
	}
	if cfg.ClientCert != "" {
		pair, err := tls.LoadX509KeyPair(expandHome(cfg.ClientCert), expandHome(cfg.ClientKey))
		if err != nil {
			return nil, fmt.Errorf("LHC_CLIENT_CERT, LHC_CLIENT_KEY: %w", err)
		}
		settings.Certificates = []tls.Certificate{pair}
	}
	return credentials.NewTLS(settings), nil
}

// RPC is the generated API. Errors of its unary calls are *Error.
func (c *Client) RPC() lhpb.LittleHorseClient { return c.rpc }

// Conn is the connection to the server of the configuration, for services beside the official one. It ends with the client.
func (c *Client) Conn() grpc.ClientConnInterface { return c.conn }

// Config is the configuration the client was dialled with.
func (c *Client) Config() Config { return c.config }

// At is the API of one server of the cluster, under the address it advertises. Connections are shared and live as long
// as the client.
func (c *Client) At(host string, port int32) (lhpb.LittleHorseClient, error) {
	return c.at(joinAddress(host, int(port)))
}

func (c *Client) at(address string) (lhpb.LittleHorseClient, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conns == nil {
		return nil, errors.New("the client is closed")
	}
	if conn, ok := c.conns[address]; ok {
		return lhpb.NewLittleHorseClient(conn), nil
	}
	conn, err := grpc.NewClient("passthrough:///"+address, c.options...)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	c.conns[address] = conn
	return lhpb.NewLittleHorseClient(conn), nil
}

// Close ends all connections. Calls in progress fail.
func (c *Client) Close() error {
	c.mu.Lock()
	conns := c.conns
	c.conns = nil
	c.mu.Unlock()
	var errs []error
	for _, conn := range conns {
		errs = append(errs, conn.Close())
	}
	return errors.Join(errs...)
}

func joinAddress(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
