package fault

import (
	"context"
	"net"
)

// ConnContext must be set as the http.Server's ConnContext for Reset to work: it
// lets a stream find its connection.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

type connKey struct{}

// lingerer is the part of *net.TCPConn that is used here. Closed with a linger of
// zero, a connection is reset, and what was written but not sent is thrown away.
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
