package lh

import (
	"context"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const tenantHeader = "tenantid"

func unary(cfg Config) []grpc.UnaryClientInterceptor {
	chain := []grpc.UnaryClientInterceptor{unaryErrors}
	if cfg.ResourceExhaustedRetry {
		chain = append(chain, waitOutQuota)
	}
	return append(chain, unaryTenant(cfg.TenantID))
}

func withTenant(ctx context.Context, tenant string) context.Context {
	if tenant == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, tenantHeader, tenant)
}

func unaryTenant(tenant string) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		return invoke(withTenant(ctx, tenant), method, req, reply, cc, opts...)
	}
}

func streamTenant(tenant string) grpc.StreamClientInterceptor {
	return func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, stream grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		return stream(withTenant(ctx, tenant), desc, cc, method, opts...)
	}
}

func unaryErrors(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	return wrapStatus(invoke(ctx, method, req, reply, cc, opts...))
}

// waitOutQuota repeats a call that a quota rejected, after the pause the server asks for, until the context ends.
func waitOutQuota(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	for {
		err := invoke(ctx, method, req, reply, cc, opts...)
		pause, ok := quotaPause(err)
		if !ok || sleep(ctx, pause) != nil {
			return err
		}
	}
}

// quotaPause is how long the server asks to wait; only rejections by a quota say so.
func quotaPause(err error) (time.Duration, bool) {
	s, ok := status.FromError(err)
	if !ok || s.Code() != codes.ResourceExhausted {
		return 0, false
	}
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return max(info.GetRetryDelay().AsDuration(), time.Millisecond), true
		}
	}
	return 0, false
}

// sleep waits, or returns the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
