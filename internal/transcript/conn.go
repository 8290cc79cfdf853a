package transcript

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// patience is for what should come at once, on a busy machine.
const patience = 20 * time.Second

// Conn is a client's connection, recorded. A failure ends the test.
type Conn struct {
	tr     *Transcript
	conn   net.Conn
	r      *bufio.Reader
	number int
}

// Dial opens a connection, which is closed when the test ends.
func (tr *Transcript) Dial(dial func() (net.Conn, error)) *Conn {
	tr.t.Helper()
	c, err := dial()
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.t.Cleanup(func() { c.Close() })
	tr.conns++
	return &Conn{tr: tr, conn: c, r: bufio.NewReader(c), number: tr.conns}
}

// Send sends s as it is.
func (c *Conn) Send(s string) {
	c.tr.t.Helper()
	c.tr.add(c, "> ", []byte(s))
	if err := c.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		c.tr.t.Fatal(err)
	}
	if _, err := io.WriteString(c.conn, s); err != nil {
		c.fail("sending", err)
	}
}

// HalfClose ends what the client sends.
func (c *Conn) HalfClose() {
	c.tr.t.Helper()
	c.tr.end(c, "> ", "half-close")
	if err := c.conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		c.fail("half-closing", err)
	}
}

// Close ends the connection. What the server has sent and nobody has waited for is
// not recorded.
func (c *Conn) Close() {
	c.tr.end(c, "> ", "close")
	c.conn.Close()
}

// Until reads lines, up to and with the first that ends in end together with those
// before it that this call has read.
func (c *Conn) Until(end string) {
	c.tr.t.Helper()
	if end == "" || end[len(end)-1] != '\n' {
		c.tr.t.Fatalf("waiting for %q: it is no end of a line", end)
	}
	c.setReadDeadline()
	var got []byte
	for !bytes.HasSuffix(got, []byte(end)) {
		line, err := c.r.ReadBytes('\n')
		c.tr.add(c, "< ", line)
		if err != nil {
			c.fail("waiting for "+quote(end), err)
		}
		got = append(got, line...)
	}
}

// UntilBlank reads lines, up to and with an empty one.
func (c *Conn) UntilBlank() {
	c.tr.t.Helper()
	c.setReadDeadline()
	for line := []byte(nil); string(line) != "\n"; {
		var err error
		line, err = c.r.ReadBytes('\n')
		c.tr.add(c, "< ", line)
		if err != nil {
			c.fail("waiting for a blank line", err)
		}
	}
}

// Await waits until n bytes more have come, which the next call records.
func (c *Conn) Await(n int) {
	c.tr.t.Helper()
	c.setReadDeadline()
	if _, err := c.r.Peek(n); err != nil {
		c.fail("waiting for a part of an event", err)
	}
}

// Rest reads to the end of the connection, and notes which end it is.
func (c *Conn) Rest() {
	c.tr.t.Helper()
	c.setReadDeadline()
	b, err := io.ReadAll(c.r)
	c.tr.add(c, "< ", b)
	switch {
	case err == nil:
		c.tr.end(c, "< ", "end of the connection")
	case errors.Is(err, syscall.ECONNRESET):
		c.tr.end(c, "< ", "connection reset")
	default:
		c.fail("waiting for the end of the connection", err)
	}
}

func (c *Conn) setReadDeadline() {
	c.tr.t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		c.tr.t.Fatal(err)
	}
}

func (c *Conn) fail(doing string, err error) {
	c.tr.t.Helper()
	c.tr.flush()
	c.tr.t.Fatalf("%s on connection %d: %v, after:\n%s", doing, c.number, err, c.tr.text.String())
}
