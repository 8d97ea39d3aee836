// Package api is the gRPC face: it authenticates, checks the shape of requests, routes them and translates
// the outcome. It decides nothing about workflows: writes become records, reads are reads of committed rows.
//
// A file holds a resource. Every call passes the same steps, in chain.go: shutdown gate, identity, tenant,
// permission, quota, decoding, size. Refusals are *lh.Error everywhere and become gRPC statuses in status.go.
package api
