// Package cluster knows who owns what and carries requests there. With one server everything is here, and
// the Router only chooses the partition.
package cluster
