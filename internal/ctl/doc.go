// Package ctl is the command line client: the verbs of lhctl, each a call of the public API.
//
// Root is the program lhctl; Commands are its verbs, for a binary that has others beside them. Execute runs either and
// prints errors the way scripts expect them: results as JSON on stdout, everything else on stderr, exit code 1 for every
// error.
package ctl
