package server

import "sync/atomic"

// refusal is why a client is told to come back later.
type refusal uint8

// The refusals.
const (
	noRefusal        refusal = iota
	refusedFull              // Config.MaxSubscribers
	refusedPerIP             // Config.MaxSubscribersPerIP
	refusedRate              // Config.MaxOpensPerSecond
	refusedDraining          // Drain was called
	refusedClosed            // Close was called
	refusedHook              // Authorize or OnOpen returned an error that is no *StatusError
	refusedBackplane         // what the client has missed cannot be read from the broker
	refusals                 // their number
)

// refusalNames are the keys of Stats.RefusedWhy.
var refusalNames = [refusals]string{"", "full", "per_ip", "rate", "draining", "closed", "hook", "backplane"}

// refusalCounts counts clients that were told to come back later, by why.
type refusalCounts [refusals]atomic.Int64

// add counts one.
func (c *refusalCounts) add(why refusal) { c[why].Add(1) }

// read returns the counts by name, zeros included, and their sum.
func (c *refusalCounts) read() (byName map[string]int64, sum int64) {
	byName = make(map[string]int64, refusals)
	for why := noRefusal + 1; why < refusals; why++ {
		n := c[why].Load()
		if why == refusedBackplane && n == 0 {
			continue // few hubs have one
		}
		byName[refusalNames[why]] = n
		sum += n
	}
	return byName, sum
}
