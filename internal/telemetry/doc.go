// Package telemetry sets up logs and metrics: slog as JSON or text, and a Prometheus registry whose every
// series carries the cluster id. The documented metric names come first; ours begin with lh_.
package telemetry
