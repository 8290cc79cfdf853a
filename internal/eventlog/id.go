package eventlog

import (
	"crypto/rand"
	"strconv"
	"strings"

	"github.com/fastsse/fastsse"
)

// MaxIDBytes bounds ids: a client sends its last one back in a header.
const MaxIDBytes = 128

// epochBytes is the length of an epoch.
const epochBytes = 8

// NewEpoch names the life of a sequence: 40 random bits as a-z and 2-7. It changes with
// every hub, so that an id from another one is never taken for one of ours.
func NewEpoch() string {
	return strings.ToLower(rand.Text()[:epochBytes])
}

// IsEpoch reports whether s can be the epoch of a hub, as newEpoch makes them:
// what cannot is part of a publisher's own id.
func IsEpoch(s string) bool {
	if len(s) != epochBytes {
		return false
	}
	for i := range len(s) {
		if (s[i] < 'a' || s[i] > 'z') && (s[i] < '2' || s[i] > '7') {
			return false
		}
	}
	return true
}

// AppendID appends the native id of seq: "<epoch>-<seq>".
func AppendID(dst []byte, epoch string, seq uint64) []byte {
	dst = append(dst, epoch...)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, seq, 10)
}

// ParseID splits a native id of any epoch.
func ParseID(id string) (epoch string, seq uint64, ok bool) {
	i := strings.LastIndexByte(id, '-')
	if i <= 0 {
		return "", 0, false
	}
	seq, err := strconv.ParseUint(id[i+1:], 10, 64)
	return id[:i], seq, err == nil
}

// CheckAlias says whether a publisher's own id can stand for an event: visible
// ASCII, so that it survives the trip through a Last-Event-ID header unchanged,
// and not one that this hub gives itself.
func CheckAlias(id, epoch string) error {
	refuse := func(problem, remedy string) error {
		return fastsse.NewFieldError("id", id, problem, remedy)
	}
	if len(id) > MaxIDBytes {
		return refuse("is longer than 128 bytes", "shorten it, or leave it out and use the id in the answer")
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return refuse("holds a character that is not visible ASCII", "use only ! to ~, which survive a Last-Event-ID header")
		}
	}
	if e, _, ok := ParseID(id); ok && e == epoch {
		return refuse("is of the form that this hub gives its own events", "leave the id out, or choose another")
	}
	return nil
}
