package ssetest

import (
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

func TestDecoderFollowsTheSpecification(t *testing.T) {
	tests := []struct {
		name, wire string
		want       []Event
		lastID     string
		retry      string
	}{
		{"one BOM is stripped", "\ufeffdata: a\n\n", []Event{{Type: "message", Data: "a"}}, "", ""},
		{"two BOMs spoil the field", "\ufeff\ufeffdata: a\n\n", nil, "", ""},
		{"a BOM later is data", "data: a\n\ndata: \ufeffb\n\n", []Event{{Type: "message", Data: "a"}, {Type: "message", Data: "\ufeffb"}}, "", ""},
		{"CRLF", "data: a\r\n\r\ndata: b\r\n\r\n", []Event{{Type: "message", Data: "a"}, {Type: "message", Data: "b"}}, "", ""},
		{"CR", "data: a\r\rdata: b\r\r", []Event{{Type: "message", Data: "a"}, {Type: "message", Data: "b"}}, "", ""},
		{"mixed ends", "data: a\r\ndata: b\n\rdata: c\r\n\n", []Event{{Type: "message", Data: "a\nb"}, {Type: "message", Data: "c"}}, "", ""},
		{"no colon is an empty value", "data\n\n", []Event{{Type: "message"}}, "", ""},
		{"one leading space goes", "data:  a\n\ndata:b\n\n", []Event{{Type: "message", Data: " a"}, {Type: "message", Data: "b"}}, "", ""},
		{"names are case-sensitive", "Data: a\ndata : b\n\n", nil, "", ""},
		{"id sticks", "id: 1\ndata: a\n\ndata: b\n\n", []Event{{"1", "message", "a"}, {"1", "message", "b"}}, "1", ""},
		{"id sticks from a block without data", "id: 1\n\ndata: b\n\n", []Event{{"1", "message", "b"}}, "1", ""},
		{"empty id resets", "id: 1\n\nid\n\n", nil, "", ""},
		{"id with NUL is ignored", "id: 1\n\nid: 2\x00\n\n", nil, "1", ""},
		{"type does not stick", "event: t\n\ndata: a\n\n", []Event{{Type: "message", Data: "a"}}, "", ""},
		{"EOF drops the block and its id", "id: 1\n\nid: 2\ndata: a\n", nil, "1", ""},
		{"EOF drops the unfinished line", "data: a\n\ndata: b", []Event{{Type: "message", Data: "a"}}, "", ""},
		{"retry needs digits", "retry: 10\nretry: 1x\nretry: -1\nretry\n", nil, "", "10"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			whole := NewDecoder(strings.NewReader(tt.wire))
			bytewise := NewDecoder(iotest.OneByteReader(strings.NewReader(tt.wire))) // CR and LF in different reads
			for _, d := range []*Decoder{whole, bytewise} {
				got, err := d.All()
				if err != nil || !reflect.DeepEqual(got, tt.want) || d.LastID != tt.lastID || d.Retry != tt.retry {
					t.Errorf("got %+v, id %q, retry %q, %v", got, d.LastID, d.Retry, err)
				}
			}
		})
	}
}

func TestDecoderCountsComments(t *testing.T) {
	d := NewDecoder(strings.NewReader(":\n: a\n\n:b\r\r"))
	if got, err := d.All(); len(got) != 0 || err != nil || d.Comments != 3 {
		t.Errorf("got %+v, %v and %d comments", got, err, d.Comments)
	}
}

func TestDecoderReportsHowTheStreamEnded(t *testing.T) {
	d := NewDecoder(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("data: a\n\n"))))
	if _, err := d.All(); err != iotest.ErrTimeout {
		t.Errorf("got %v, want the reader's error", err)
	}
}

// An event is there as soon as its blank line is, even if that ends in CR.
func TestDecoderDoesNotWaitForMore(t *testing.T) {
	r, feed := make(chan byte, 64), "data: a\r\r"
	for _, c := range []byte(feed) {
		r <- c
	}
	e, err := NewDecoder(channelReader(r)).Next()
	if err != nil || e.Data != "a" {
		t.Errorf("got %+v, %v", e, err)
	}
}

// channelReader blocks when there is nothing, as a socket does.
type channelReader chan byte

func (r channelReader) Read(p []byte) (int, error) {
	p[0] = <-r
	return 1, nil
}
