package launch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"time"
)

const (
	patience = 30 * time.Second // for a server to start
	retry    = 10 * time.Millisecond
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
// the last of its output. All its output goes to output, which may be nil. When ctx is done
// it is no longer waited for; a server that listens runs until Stop, so that what is still
// being measured when a program is interrupted does not measure the server's end.
func Command(ctx context.Context, args []string, output io.Writer) (*Server, error) {
	ports, err := FreePorts(1)
	if err != nil {
		return nil, err
	}
	return CommandAt(ctx, args, ports[0], output)
}

// CommandAt is Command with a port that the caller knows to be free.
func CommandAt(ctx context.Context, args []string, port int, output io.Writer) (*Server, error) {
	filled := make([]string, len(args))
	for i, arg := range args {
		filled[i] = Fill(arg, port)
	}
	s := &Server{args: args, port: port, said: &tail{to: output}, done: make(chan struct{})}
	if err := s.begin(ctx, filled); err != nil {
		return nil, err
	}
	if err := s.await(ctx); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// FreePorts are n ports of 127.0.0.1 where nobody listens, and which the kernel gives to
// nobody while they are free: those of outgoing connections begin higher.
func FreePorts(n int) (ports []int, err error) {
	for tries := 0; len(ports) < n; tries++ {
		port := 10000 + rand.IntN(20000)
		ln, err := net.Listen("tcp", address(port))
		if err == nil {
			defer ln.Close() // all are kept until there are enough
			ports = append(ports, port)
		} else if tries == 100+n {
			return nil, errors.New("find a free port: 100 tries between 10000 and 30000 found none; end other programs that listen")
		}
	}
	return ports, nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// await waits until the server accepts connections.
func (s *Server) await(ctx context.Context) error {
	late := time.After(patience)
	for {
		c, err := net.DialTimeout("tcp", address(s.port), time.Second)
		if err == nil {
			_ = c.Close()
			return nil
		}
		select {
		case <-s.done:
			return fmt.Errorf("start %w", cmp.Or(s.err, context.Cause(ctx))) // without an error it was asked to
		case <-ctx.Done():
			return fmt.Errorf("start %s: %w", s.name(), context.Cause(ctx))
		case <-late:
			return fmt.Errorf("start %s: it does not listen on %s after %v; give it the port with %s or let it read PORT%s", s.name(), address(s.port), patience, portMark, s.said)
		case <-time.After(retry):
		}
	}
}
