// Package server reads the configuration and wires the rooms together; it starts and stops them and does
// nothing else.
package server
