// Package soak is what the random soaks share, of a hub that is alone and of several on a
// backplane: clients of all manners, which note each block of a stream, and data to publish.
// What is due to a client is the matter of each soak.
package soak
