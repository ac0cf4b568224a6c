// Package connpool keeps connections ready for use.
package connpool
