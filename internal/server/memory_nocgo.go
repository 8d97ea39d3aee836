//go:build !cgo

package server

// storeOutside tells whether memtables and block cache are allocated in C.
const storeOutside = false
