// Package dashboard is what the server serves over HTTP to people and programs that do not speak gRPC. It translates
// and does not decide: every request is admitted by package api, as a call on one of the listeners is.
//
// People may log in with an OpenID provider. What it gives for them stays here; a browser has the number of a session.
package dashboard
