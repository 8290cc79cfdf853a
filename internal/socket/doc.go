// Package socket knows sockets that are written to and watched without a
// goroutine each. It knows descriptors, not events: what is written, and why,
// is its callers' business.
//
// Everything Linux can do better is in files ending in _linux.go; elsewhere the
// same functions say that they cannot, and callers fall back.
package socket
