package redis

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// errSlow is why ask gives up.
var errSlow = fmt.Errorf("no answer within %v; look whether Redis runs and is not overloaded", answerWithin)

// dialError is an error of connecting: no command has been sent.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

// refusals are answers of Redis by which it has not executed a command, or a script not to
// its end, and what can be done. They are known by how they begin.
var refusals = []struct{ begins, remedy string }{
	{"OOM ", "raise Redis's maxmemory, or keep less (Options.MaxEntries, Options.MaxBytes)"},
	{"NOPERM", notAllowed},
	{"ERR The user executing the script can't", notAllowed},
	{"NOAUTH", "give user and password in Options.URL"},
	{"WRONGPASS", "the user or password in Options.URL is wrong"},
	{"WRONGTYPE", "its key holds something else; give Options.Feed another name"},
	{"ERR The ID specified in XADD", "its stream holds what is not a feed's; give Options.Feed a name of its own, or delete the stream"},
	{"READONLY", "Options.URL names a replica; name the master"},
	{"MASTERDOWN", "Options.URL names a replica; name the master"},
	{"NOREPLICAS", "fewer replicas are connected than min-replicas-to-write says"},
	{"MISCONF", "Redis cannot write to its disk; its log says why"},
	{"LOADING", "Redis loads its data; try again when it has"},
	{"BUSY", "a script of somebody else runs for too long"},
	{"ERR max number of clients", "raise Redis's maxclients"},
	{"MOVED", notCluster},
	{"ASK", notCluster},
	{"TRYAGAIN", notCluster},
	{"CLUSTERDOWN", notCluster},
}

const (
	notAllowed = "let Redis's ACL allow the user in Options.URL what the package's documentation lists"
	notCluster = "Options.URL names a node of a cluster; name a server that is in none"
)

// failed returns the error of what was attempted, with a remedy if one is known.
func (b *Backplane) failed(attempted string, err error) error {
	if remedy, _ := refusal(err); remedy != "" {
		return fmt.Errorf("redis: %s feed %q at %s: %w; %s", attempted, b.feed, b.addr, err, remedy)
	}
	return fmt.Errorf("redis: %s feed %q at %s: %w", attempted, b.feed, b.addr, err)
}

// refusal says whether it is certain after err that Redis has not done what it was asked to
// do, and what can be done about it.
func refusal(err error) (remedy string, certain bool) {
	if _, ok := errors.AsType[*dialError](err); ok {
		return "look whether Redis listens there", true
	}
	if answer, ok := errors.AsType[redis.Error](err); ok {
		for _, r := range refusals {
			if strings.HasPrefix(answer.Error(), r.begins) {
				return r.remedy, true
			}
		}
	}
	if isForeign(err) {
		return "what listens there does not speak Redis's protocol; look whether Options.URL names the host and port of Redis", false
	}
	return "", false
}

// isForeign says whether err is of an answer that is none of Redis. The client has no type for
// that.
func isForeign(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if strings.HasPrefix(err.Error(), "redis: can't parse") || strings.HasPrefix(err.Error(), "redis: invalid reply") {
			return true
		}
	}
	return false
}
