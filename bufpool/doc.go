// Package bufpool lends memory to a proxy's hot path.
package bufpool
