package load

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"
)

// sampled is one in how many reads the kernel is asked when the last of their bytes came. It is
// prime, so that no stream of a fan-out is left out.
const sampled = 97

// receive reads from a stream's socket, and returns when.
func (r *epollReader) receive(st *rawStream, buf []byte) (n int, now time.Duration, err error) {
	if r.reads++; r.reads%sampled > 0 || st.phase != open || st.client.ill() {
		n, err = receive(st.fd, buf)
		return n, Now(), err
	}
	// The first time this makes the kernel stamp what comes from then on, at all sockets:
	// about 0.1 µs a packet. It counts by another clock than Now: time.Now reads both.
	_ = unix.SetsockoptInt(st.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, 1)
	control := make([]byte, 64)
	n, controls, _, _, err := unix.Recvmsg(st.fd, buf, control, 0)
	at := time.Now()
	if came, known := stampedAt(control[:max(controls, 0)]); known && n > 0 {
		record(r.meter.now.Waiting, at.Sub(came))
	}
	return n, at.Sub(epoch), err
}

// stampedAt is when the kernel got the last bytes of a read.
func stampedAt(control []byte) (came time.Time, known bool) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Time{}, false
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS_NEW && len(m.Data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:]))), true
		}
	}
	return time.Time{}, false
}
