// Package check holds what must be true of every state and every change that the engine makes, whatever the
// records were. Tests of the engine and the simulator ask it after each step. It is pure.
package check
