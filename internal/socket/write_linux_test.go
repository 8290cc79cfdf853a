package socket

import (
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// block puts c's socket into blocking mode, as os.File.Fd does.
func block(t testing.TB, c *net.TCPConn) (fd int) {
	t.Helper()
	withFD(t, c, func(n int) {
		fd = n
		if err := unix.SetNonblock(n, false); err != nil {
			t.Fatal(err)
		}
	})
	return fd
}

func TestWriteTakesWhatThereIsRoomForInAnyMode(t *testing.T) {
	for name, write := range map[string]func(int, []byte) (int, error){"Write": Write, "WriteYielding": WriteYielding} {
		t.Run(name, func(t *testing.T) {
			server, client := pair(t)
			fd := block(t, server)
			done := make(chan int, 1)
			go func() {
				chunk, all := make([]byte, 1<<20), 0
				for {
					n, err := write(fd, chunk)
					all += n
					if n == 0 || err != nil {
						done <- all
						return
					}
				}
			}()
			select {
			case n := <-done:
				if n == 0 {
					t.Error("an empty socket took nothing")
				}
			case <-time.After(5 * time.Second):
				client.Close() // ends the write that waits
				t.Fatal("a write to a full socket blocks")
			}
			if n, err := write(fd, nil); n != 0 || err != nil {
				t.Errorf("nothing to write: %d, %v", n, err)
			}
		})
	}
}

// A peer that is gone is an error, and no signal.
func TestWriteToAPeerThatIsGoneFails(t *testing.T) {
	server, _ := pair(t)
	withFD(t, server, func(fd int) {
		if err := unix.Shutdown(fd, unix.SHUT_WR); err != nil {
			t.Fatal(err)
		}
		if n, err := Write(fd, []byte("x")); n != 0 || !errors.Is(err, syscall.EPIPE) {
			t.Errorf("wrote %d, %v; want EPIPE", n, err)
		}
	})
}

func TestUnblockGivesAConnectionItsDeadlinesBack(t *testing.T) {
	server, _ := pair(t)
	block(t, server)
	Unblock(&embeds{server})
	done := make(chan struct{})
	go func() {
		fill(t, server)
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		server.CloseWrite()
		t.Fatal("a write has no deadline")
	}
	Unblock(nil) // and others that have no socket: nothing to do
	Unblock(&embeds{})
}
