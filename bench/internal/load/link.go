package load

import (
	"context"
	"net"
	"syscall"
	"time"
)

// link is one connection of a pipeline.
type link struct {
	net.Conn
	raw      syscall.RawConn // it; nil: it has none
	hushed   bool            // who reads answers is not told of each
	since    time.Duration   // when that began, or ended
	answered int
}

func newLink(conn net.Conn) *link {
	k := &link{Conn: conn}
	if c, ok := conn.(syscall.Conn); ok {
		k.raw, _ = c.SyscallConn()
	}
	return k
}

// mostBlocked is how long the write of an event may take.
const mostBlocked = time.Minute

// write writes a request, or gives up when ctx ends.
func (k *link) write(ctx context.Context, request []byte) error {
	_ = k.SetWriteDeadline(time.Now().Add(mostBlocked))
	defer context.AfterFunc(ctx, func() { _ = k.SetWriteDeadline(time.Now()) })()
	_, err := k.Write(request)
	return err
}

// hush makes answers wait until there are about a hundred of them. Otherwise reading each takes
// a processor from the server just when it delivers the event.
func (k *link) hush(on bool) {
	if k.raw == nil || k.hushed == on {
		return
	}
	k.hushed, k.since = on, Now()
	if on {
		lowWater(k.raw, 16<<10)
		return
	}
	lowWater(k.raw, 1)
}

const (
	// shortestHush is how long answers wait at least, unless somebody waits for them.
	shortestHush = 5 * time.Millisecond

	// fewAnswers are too few to wait for more of them.
	fewAnswers = 200
)
