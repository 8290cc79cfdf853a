package delivery

import (
	"errors"
	"fmt"
	"net"
	"runtime"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/socket"
)

// Hold writes a stream's opening to its connection and holds the stream. If the connection
// can be parked, Hold returns at once, and the caller closes c: the stream has a duplicate
// of its descriptor. Otherwise Hold pumps the stream on the calling goroutine
// until it has ended. If the stream could not be opened, Hold returns why; the Admission
// is the caller's again, who writes NotHeld.Rest and closes c. tls says that c is a TLS
// connection, or wraps one.
func (d *Delivery) Hold(c net.Conn, a *Admission, tls bool) *NotHeld {
	sh := d.pickShard()
	why := d.whyPumped(c, tls)
	if why == "" {
		sock, err := socket.Park(c, d.host.Limits.SendBuffer)
		if err == nil {
			return d.park(sh, a, sock)
		}
		d.host.Logger.Printf("server: streaming instead of parking: %v", err)
		why = "failed"
	}
	d.countPumped(why)
	return d.pumpConn(sh, c, a)
}

// NotHeld says why a stream could not be held.
type NotHeld struct {
	Why  cursor.Reason
	Rest []byte // to be written to the connection; nil: nothing
}

// whyPumped returns why c cannot be parked, as Stats.WhyPumped has it; empty: it can be.
func (d *Delivery) whyPumped(c net.Conn, isTLS bool) string {
	if _, plain := socket.Plain(c); plain {
		switch {
		case runtime.GOOS != "linux":
			return "platform"
		case d.host.Limits.NeverPark:
			return "configured"
		}
		return ""
	}
	if isTLS {
		return "tls"
	}
	if _, ok := socket.Beneath(c); ok {
		return "wrapped" // by MaxConnsPerIP, for one
	}
	return "not_a_socket"
}

// park parks a stream. It writes the opening on the calling goroutine, which spares the
// shard that work; the shard writes what the socket does not take at once.
func (d *Delivery) park(sh *shard, a *Admission, sock socket.Parked) *NotHeld {
	a.sock = sock
	sent, err := sock.Write(a.Rest)
	if err != nil {
		sock.Close()
		return &NotHeld{Why: cursor.Client}
	}
	a.Rest = a.Rest[sent:]
	if len(a.Rest) == 0 {
		a.Rest = nil // let the buffer go
	}
	d.parked.Add(1)
	err = sh.admit(a)
	if err == nil {
		return nil
	}
	d.parked.Add(-1)
	if a.Rest == nil { // the opening is out; if the farewell does not go out at once, nothing is lost
		_, _ = sock.Write(a.Framing.AppendFarewell(nil, d.host.Limits.Retry, a.Stream.Client))
	}
	sock.Close()
	return &NotHeld{Why: d.notAdmitted(sh, err)}
}

// notAdmitted returns why a stream ends that its shard did not admit, and logs a failure.
func (d *Delivery) notAdmitted(sh *shard, err error) cursor.Reason {
	if errors.Is(err, ErrClosed) {
		return cursor.HubClosed
	}
	d.host.Logger.Printf("server: stream cut: %v", startError(sh, err))
	return cursor.Failed
}

func startError(sh *shard, err error) error {
	return fmt.Errorf("start shard %d: %w", sh.index, err)
}
