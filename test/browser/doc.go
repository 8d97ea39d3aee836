// Package browser goes through the dashboard as people do: in a real browser, against the real server.
package browser
