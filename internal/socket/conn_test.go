package socket

import (
	"crypto/tls"
	"net"
	"testing"
)

func TestBeneathLooksThroughWrappers(t *testing.T) {
	server, _ := pair(t)
	pipe, _ := net.Pipe()
	tests := []struct {
		name    string
		c       net.Conn
		beneath bool
		plain   bool
		clear   bool // nothing but the socket makes a write wait
	}{
		{"TCP", server, true, true, true},
		{"hijacked", hijacked{server}, true, true, true},
		{"TLS", tls.Server(server, &tls.Config{}), true, false, true},
		{"hijacked TLS", hijacked{tls.Server(server, &tls.Config{})}, true, false, true},
		{"TLS over a wrapper", tls.Server(&embeds{server}, &tls.Config{}), true, false, false},
		{"embedded", &embeds{server}, true, false, false},
		{"hijacked and embedded", hijacked{&embeds{server}}, true, false, false},
		{"embedded TLS", &embeds{tls.Server(server, &tls.Config{})}, true, false, false},
		{"embedded by value", embeds{server}, false, false, false},
		{"embedded nothing", &embeds{}, false, false, false},
		{"nil wrapper", (*embeds)(nil), false, false, false},
		{"loop", &loops{}, false, false, false},
		{"in memory", pipe, false, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, ok := Beneath(tt.c); ok != tt.beneath {
				t.Errorf("Beneath: %v, want %v", ok, tt.beneath)
			}
			if _, ok := Plain(tt.c); ok != tt.plain {
				t.Errorf("Plain: %v, want %v", ok, tt.plain)
			}
			if _, ok := Transparent(tt.c); ok != tt.clear {
				t.Errorf("Transparent: %v, want %v", ok, tt.clear)
			}
		})
	}
}
