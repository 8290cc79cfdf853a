// Package socket writes to sockets and watches them without a goroutine for each. It
// deals with descriptors, not with events: what is written, and why, is up to its
// callers.
//
// What only Linux can do is in files ending in _linux.go; elsewhere the same functions
// report that they cannot, and callers fall back.
package socket
