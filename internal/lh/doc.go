// Package lh is the vocabulary that every room shares: ids and their canonical strings, the name rule,
// and the refusals that travel from the engine to whoever asked.
package lh
