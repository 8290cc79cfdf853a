//go:build !linux

package socket

import "testing"

func TestWatchSaysThatItCannot(t *testing.T) {
	server, _ := pair(t)
	if stop, ok := Watch(server, func() { t.Error("called") }); ok || stop != nil {
		t.Errorf("got a stop: %v, ok: %v", stop != nil, ok)
	}
}
