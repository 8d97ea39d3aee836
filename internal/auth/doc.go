// Package auth says who calls and what he may do. Authenticating belongs to a listener; deciding is a
// function of the Principal, the tenant and what the call requires.
package auth
