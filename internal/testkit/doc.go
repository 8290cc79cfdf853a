// Package testkit is what the tests of several packages need: waiting without sleeping
// for hope, reading a stream, a certificate, a log that can be looked at.
package testkit
