// Package embedded is the log of a server that stands alone. The order of the records is in memory; what must
// survive is in the store's own synced batch: the changes, the records emitted for other streams, and how far
// each stream has been applied. What was never committed was never answered, and may be lost.
package embedded
