// Package telemetry sets up logs, metrics and traces: slog as JSON or text, a Prometheus registry whose every series
// carries the cluster id, and OpenTelemetry, of which a nil Traces is the switched-off one. The documented metric names
// come first; ours begin with lh_.
package telemetry
