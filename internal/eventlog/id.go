package eventlog

import (
	"crypto/rand"
	"strconv"
	"strings"

	"github.com/fastsse/fastsse"
)

// MaxIDBytes is the longest id that an event may have, in bytes: a client sends its last
// one back in a header.
const MaxIDBytes = 128

// epochBytes is the length of an epoch, in bytes.
const epochBytes = 8

// NewEpoch returns a new name for a log of record: 40 random bits as eight of a-z and 2-7.
// Two logs have different epochs, so that an id of one is not taken for an id of the
// other.
func NewEpoch() string {
	return strings.ToLower(rand.Text()[:epochBytes])
}

// IsEpoch reports whether s has the form of an epoch that NewEpoch makes. If it has not,
// it is a part of a publisher's id.
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

// IsEpoch reports whether s has the form of this history's epoch, or of one that NewEpoch
// makes. If it has not, it is a part of a publisher's id.
func (h *History) IsEpoch(s string) bool {
	if IsEpoch(s) {
		return true
	}
	if IsEpoch(h.epoch) || len(s) != len(h.epoch) {
		return false
	}
	for i := range len(s) {
		if (s[i] < 'a' || s[i] > 'z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}

// AppendID appends the native id of seq to dst: "<epoch>-<seq>".
func AppendID(dst []byte, epoch string, seq uint64) []byte {
	dst = append(dst, epoch...)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, seq, 10)
}

// ParseID splits a native id of any epoch. ok is false if id does not end in "-" and a
// number.
func ParseID(id string) (epoch string, seq uint64, ok bool) {
	i := strings.LastIndexByte(id, '-')
	if i <= 0 {
		return "", 0, false
	}
	seq, err := strconv.ParseUint(id[i+1:], 10, 64)
	return id[:i], seq, err == nil
}

// CheckAlias returns a *fastsse.FieldError if a publisher's id cannot be used for an
// event: it must be visible ASCII, so that a Last-Event-ID header carries it unchanged,
// at most MaxIDBytes long, and not of the form of the native ids of this epoch.
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
