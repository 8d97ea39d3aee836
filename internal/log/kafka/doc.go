// Package kafka is the log of servers over Apache Kafka. Each stream is a partition of a command topic, and that topic is
// the log of a replicated machine: a record is durable once all in-sync replicas have it, it is applied when it is read
// back, and what follows from it is a function of the topic alone. The store is a copy that may lag behind; what it
// lacks is applied again.
//
// DESIGN.md of package log tells how the promise of the contract is kept; ADR 0018 why in this way.
package kafka
