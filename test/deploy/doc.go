// Package deploy holds what is in deploy/ to the server: image, compose file, manifests and Helm chart. Nothing of it needs a container
// engine; `make lint` builds what it needs.
package deploy
