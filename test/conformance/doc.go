// Package conformance holds a server to what its clients were written for. The official Python, Java and
// JavaScript clients run as processes of their own: each registers definitions, works on tasks, runs
// workflows and prints a transcript of what it saw. The transcript is compared, fact by fact, with one that
// was recorded from the original server (testdata, see the README there).
//
// Each language has a second program, in its folder examples: workflows as users of the client write them, with
// their tasks and with checks of what came of each run. They need no transcript; each is a test of its own.
//
// The same examples run over TLS, mutual TLS and OAuth, with certificates made in the test and an OpenID provider as a
// process of its own (test/openid); other tests show that provider's good and bad tokens.
//
// Without flags the tests build and start our own binary:
//
//	go test ./test/conformance
//
// With -endpoint they test a server that runs already, and with -record they write down what it does:
//
//	go test ./test/conformance -args -endpoint 127.0.0.1:2023 -record
//
// The clients are fetched by their package managers, once, at the versions pinned in this folder, into
// $XDG_CACHE_HOME/littlehorse-conformance (or ~/.cache/littlehorse-conformance). python3, java, javac, mvn,
// node and npm must be on the machine: a missing one is a failure.
package conformance
