//go:build unix

package socket

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// A socket whose peer reads nothing fills; one whose peer reads again has room.
func TestWritableSaysWhetherAWriteWouldBlock(t *testing.T) {
	server, client := pair(t)
	raw, _ := Plain(server)
	if !Writable(raw) {
		t.Fatal("an empty socket is not writable")
	}
	fill(t, server)
	if Writable(raw) {
		t.Fatal("a full socket is writable")
	}
	go func() {
		buf := make([]byte, 1<<20)
		for {
			if _, err := client.Read(buf); err != nil {
				return
			}
		}
	}()
	testkit.Eventually(t, "room after the peer has read", func() bool { return Writable(raw) })
	server.Close()
	if Writable(raw) {
		t.Error("a closed socket is writable")
	}
}

// fill writes to c until the kernel takes no more.
func fill(t testing.TB, c interface {
	Write([]byte) (int, error)
	SetWriteDeadline(time.Time) error
},
) {
	t.Helper()
	chunk := make([]byte, 1<<20)
	for {
		if err := c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write(chunk); errors.Is(err, os.ErrDeadlineExceeded) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
