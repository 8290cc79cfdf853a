package fault

import (
	"context"
	"net"
)

// ConnContext is what http.Server.ConnContext has to be for Reset: by it a stream
// finds its connection.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

type connKey struct{}

// lingerer is a *net.TCPConn as far as it is needed. Closed with a linger of zero,
// it resets its peer, and what was written but not sent is thrown away.
type lingerer interface{ SetLinger(sec int) error }

// connOf returns a request's connection, nil if it is not known or is not TCP.
func connOf(ctx context.Context) lingerer {
	c := ctx.Value(connKey{})
	if t, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = t.NetConn()
	}
	conn, _ := c.(lingerer)
	return conn
}
