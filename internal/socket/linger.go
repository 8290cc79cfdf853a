package socket

import (
	"errors"
	"net"
	"os"
	"time"
)

// Linger lets arrive what was written to c, which the caller closes afterwards: it
// ends this side of the connection and discards what the peer sends, until the peer
// has ended the other side or limit has passed. Closing at once with unread input
// would reset the connection and destroy what is on the way. enough is asked now and
// then whether to stop earlier.
func Linger(c net.Conn, limit time.Duration, enough func() bool) {
	c, ok := closeWrite(c)
	if !ok {
		return
	}
	var discard [512]byte
	for until := time.Now().Add(limit); time.Now().Before(until) && !enough(); {
		if c.SetReadDeadline(time.Now().Add(limit/50)) != nil {
			return
		}
		if _, err := c.Read(discard[:]); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
	}
}

// DiscardInput ends this side of c and reads what its peer has sent so far: closing
// with that unread would reset the connection. What the peer sends later still does.
func DiscardInput(c net.Conn) {
	if c, ok := closeWrite(c); ok {
		DropInput(c)
	}
}

// DropInput reads what the peer of c has sent so far: see DiscardInput.
func DropInput(c net.Conn) {
	// A deadline that is over would keep Read from looking.
	if c.SetReadDeadline(time.Now().Add(time.Millisecond)) != nil {
		return
	}
	var discard [4096]byte
	for range 16 {
		if _, err := c.Read(discard[:]); err != nil {
			return
		}
	}
}

// closeWrite ends this side of c, and returns the connection to be read from.
func closeWrite(c net.Conn) (net.Conn, bool) {
	if h, ok := c.(interface{ UnsafeConn() net.Conn }); ok { // fasthttp's hijacked connection
		c = h.UnsafeConn()
	}
	half, ok := c.(interface{ CloseWrite() error })
	return c, ok && half.CloseWrite() == nil
}
