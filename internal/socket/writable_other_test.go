//go:build !unix

package socket

import "testing"

func TestWritableCannotTell(t *testing.T) {
	server, _ := pair(t)
	if raw, ok := Plain(server); !ok || CanAskWritable || Writable(raw) {
		t.Error("an answer, where there is none")
	}
}
