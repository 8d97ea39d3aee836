// Package h2 is a gRPC server over HTTP/2: what a grpc.Server does for the generated service descriptions, at a fraction
// of its cost for many small calls.
//
// A connection has two goroutines. One reads: it decodes frames, puts messages together and starts handlers. One writes: it
// takes everything that handlers have appended since it last looked and hands it to the connection in one call. Nothing else
// stands between a handler that has its reply and the socket. Handlers run on goroutines that are kept, so that their
// stacks do not grow anew for each call.
//
// Frames and header compression are those of golang.org/x/net/http2; the rest follows RFC 9113 (HTTP/2), RFC 7541
// (HPACK; the encoder uses no dynamic table) and the gRPC protocol over HTTP/2
// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
package h2
