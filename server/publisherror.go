package server

import (
	"errors"
	"sync/atomic"

	"github.com/fastsse/fastsse/server/backplane"
)

// publishError is why nothing was published.
type publishError uint8

// The kinds of errors.
const (
	publishInvalid      publishError = iota // the event, topic or request is not valid
	publishUnauthorized                     // the publisher may not
	publishHook                             // Authorize failed
	publishClosed                           // the hub is closed
	publishBackplane                        // the backplane has not stored it, or it is not known
	publishErrors                           // their number
)

// publishErrorNames are the keys of Stats.PublishErrors.
var publishErrorNames = [publishErrors]string{"invalid", "unauthorized", "hook", "closed", "backplane"}

// publishErrorCounts counts the calls and requests that have published nothing.
type publishErrorCounts [publishErrors]atomic.Int64

// add counts one.
func (c *publishErrorCounts) add(kind publishError) { c[kind].Add(1) }

// count counts the error of a call; nil is none. It returns err.
func (c *publishErrorCounts) count(err error) error {
	switch {
	case err == nil:
	case errors.Is(err, ErrClosed):
		c.add(publishClosed)
	case errors.Is(err, ErrUnknown), errors.Is(err, backplane.ErrRefused):
		c.add(publishBackplane)
	default:
		c.add(publishInvalid)
	}
	return err
}

// read returns the counts by name, zeros included.
func (c *publishErrorCounts) read() map[string]int64 {
	byName := make(map[string]int64, publishErrors)
	for kind := range publishErrors {
		if n := c[kind].Load(); n > 0 || kind != publishBackplane { // few hubs have one
			byName[publishErrorNames[kind]] = n
		}
	}
	return byName
}
