package load

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// A payload is "bench <run> <lane> <seq> <ns> <sum> xxxx…": which run published it
// (others may use the same topic), the lane (one per publisher), its sequence from
// 1 without holes, when it was meant to be sent, in nanoseconds of the clock that the
// processes of a machine share, and the CRC-32C of these three, so that a number which
// was changed on the way is not taken for another event's. A server may wrap it, in JSON
// for instance: it has no character that needs escaping.
var marker []byte

func init() {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	_ = SetRun(hex.EncodeToString(b[:]))
}

// SetRun makes events carry a run's id, of up to 8 letters and digits, and only events count
// that carry it. It is called before all else.
func SetRun(id string) error {
	if !runID.MatchString(id) {
		return fmt.Errorf("-run-id %q: give up to 8 letters and digits", id)
	}
	marker = []byte("bench " + id + " ")
	return nil
}

// Run is the run's id.
func Run() string { return strings.Fields(string(marker))[1] }

var runID = regexp.MustCompile(`^[0-9A-Za-z]{1,8}$`)

// epoch is where the clock of the processes of this machine starts, to a few microseconds.
var epoch = time.Now().Add(-sinceBoot())

// Now is that clock. It is monotonic.
func Now() time.Duration { return time.Since(epoch) }

// LeastSize is how many bytes the fields of a payload need, at most.
const LeastSize = len("bench 01234567 0 1234567890 123456789012345678 1234567890 ")

// AppendPayload appends a payload of size bytes, or of as many as its fields need if
// that is more.
func AppendPayload(dst []byte, lane int, seq uint64, due time.Duration, size int) []byte {
	start := len(dst)
	dst = append(dst, marker...)
	dst = strconv.AppendInt(dst, int64(lane), 10)
	dst = append(dst, ' ')
	dst = strconv.AppendUint(dst, seq, 10)
	dst = append(dst, ' ')
	dst = strconv.AppendInt(dst, int64(due), 10)
	dst = append(dst, ' ')
	dst = strconv.AppendUint(dst, sum(dst[start+len(marker):]), 10)
	dst = append(dst, ' ')
	for len(dst)-start < size {
		dst = append(dst, 'x')
	}
	return dst
}

// sum is what says that the numbers of a payload are as they were sent.
func sum(numbers []byte) uint64 { return uint64(crc32.Checksum(numbers, castagnoli)) }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// stamp is what an event's data says about it. Events that others publish have no
// sequence.
type stamp struct {
	lane int
	seq  uint64
	due  time.Duration
}

// readStamp finds a payload of this run in data; ok is false if there is none, or its numbers
// are not as they were sent.
func readStamp(data []byte) (s stamp, ok bool) {
	rest, ok := bytes.CutPrefix(data, marker)
	if !ok { // wrapped, or somebody else's
		_, rest, ok = bytes.Cut(data, marker)
		if !ok {
			return stamp{}, false
		}
	}
	numbers := rest
	lane, rest, ok1 := readUint(rest)
	seq, rest, ok2 := readUint(rest)
	due, rest, ok3 := readUint(rest)
	numbers = numbers[:len(numbers)-len(rest)]
	sent, _, ok4 := readUint(rest)
	return stamp{int(lane), seq, time.Duration(due)}, ok1 && ok2 && ok3 && ok4 && seq > 0 && sent == sum(numbers)
}

// maxDigits is how many digits a number in a payload has at most, so that it fits.
const maxDigits = 18

// readUint reads digits and the space after them.
func readUint(b []byte) (n uint64, rest []byte, ok bool) {
	for i, c := range b {
		if c == ' ' {
			return n, b[i+1:], i > 0 && i <= maxDigits
		}
		if c < '0' || c > '9' {
			return 0, b, false
		}
		n = n*10 + uint64(c-'0')
	}
	return 0, b, false
}
