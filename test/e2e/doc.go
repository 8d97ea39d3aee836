// Package e2e runs whole servers: the binary as a process, and the same wiring inside the test. Its tests are
// named after what they show to a client, friendly or hostile.
package e2e
