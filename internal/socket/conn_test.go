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
	}{
		{"TCP", server, true, true},
		{"TLS", tls.Server(server, &tls.Config{}), true, false},
		{"embedded", &embeds{server}, true, false},
		{"embedded TLS", &embeds{tls.Server(server, &tls.Config{})}, true, false},
		{"embedded by value", embeds{server}, false, false},
		{"embedded nothing", &embeds{}, false, false},
		{"nil wrapper", (*embeds)(nil), false, false},
		{"loop", &loops{}, false, false},
		{"in memory", pipe, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, ok := Beneath(tt.c); ok != tt.beneath {
				t.Errorf("Beneath: %v, want %v", ok, tt.beneath)
			}
			if _, ok := Plain(tt.c); ok != tt.plain {
				t.Errorf("Plain: %v, want %v", ok, tt.plain)
			}
		})
	}
}
