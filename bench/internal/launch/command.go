package launch

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// portMark is what Fill replaces.
const portMark = "{{.Port}}"

// Fill puts port in place of each {{.Port}} of a command's argument or a URL.
func Fill(text string, port int) string {
	return strings.ReplaceAll(text, portMark, strconv.Itoa(port))
}

// Command runs any server, on a free port of 127.0.0.1 that it is told by {{.Port}}
// in args and by PORT in its environment. It returns when that port accepts
// connections. If the server ends, or does not listen within 30 s, the error includes
// the last of its output. All its output goes to stderr, which may be nil. The server
// is ended when ctx is done.
//
// The command must be the server itself. A shell or "go run" would receive the
// signals, and be measured, in its place.
func Command(ctx context.Context, args []string, stderr io.Writer) (*Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	return CommandAt(ctx, args, port, stderr)
}

// CommandAt is Command with a port that the caller knows to be free.
func CommandAt(ctx context.Context, args []string, port int, stderr io.Writer) (*Server, error) {
	filled := make([]string, len(args))
	for i, arg := range args {
		filled[i] = Fill(arg, port)
	}
	said := &tail{to: stderr}
	s, err := begin(ctx, filled, []string{"PORT=" + strconv.Itoa(port)}, said, said)
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	s.url = "http://" + address
	s.again = func(ctx context.Context) (*Server, error) { return CommandAt(ctx, args, port, stderr) }
	if err := s.await(ctx, address); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// freePort is a port that nobody listens on at the moment.
func freePort() (int, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	return ln.Addr().(*net.TCPAddr).Port, ln.Close()
}

// await waits until the server accepts connections at address.
func (s *Server) await(ctx context.Context, address string) error {
	late := time.After(patience)
	for {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			_ = c.Close()
			return nil
		}
		select {
		case <-s.done:
			return s.ended(ctx)
		case <-ctx.Done():
			return fmt.Errorf("start %s: %w", s.name, context.Cause(ctx))
		case <-late:
			return fmt.Errorf("start %s: it does not listen on %s after %v; give it the port with %s or let it read PORT%s", s.name, address, patience, portMark, s.said)
		case <-time.After(retry):
		}
	}
}
