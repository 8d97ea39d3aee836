// Package backup copies the folder of a store that stands still to another place and back, and knows when a copy
// is damaged or not whole.
package backup
