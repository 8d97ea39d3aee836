// Package faults takes servers, brokers, networks and disks away from a cluster that works all along, by chance and by seed, and
// looks after each round whether everything is as it was promised. `make cluster-test` runs it in network namespaces of its own.
package faults
