package load

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// However the bytes arrive, the same events come out.
func TestDecoderDoesNotCareWhereReadsEnd(t *testing.T) {
	blocks := []string{":\nretry: 3000\n\nid: e-0\n\n", "id: e-1\ndata: one\n\n", "id: e-2\nevent: x\ndata: two\ndata: more\n\n", ":\n", "data:\r\n\r\n", "id: e-3\ndata: three\n\n"}
	want := []string{"one", "two", "", "three"}
	head := "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
	chunked, bare := head+"Transfer-Encoding: chunked\r\n\r\n", head+"\r\n"
	for _, b := range blocks {
		chunked += fmt.Sprintf("%x\r\n%s\r\n", len(b), b)
		bare += b
	}
	for name, wire := range map[string]string{"chunked": chunked, "bare": bare} {
		for step := 1; step <= len(wire); step++ {
			var d decoder
			var got []string
			for from := 0; from < len(wire); from += step {
				piece := []byte(wire[from:min(from+step, len(wire))])
				if err := d.feed(piece, func(data []byte) { got = append(got, string(data)) }); err != nil {
					t.Fatalf("%s, %d bytes at a time: %v", name, step, err)
				}
			}
			if !slices.Equal(got, want) || string(d.lastID) != "e-3" {
				t.Fatalf("%s, %d bytes at a time: got %q and id %q, want %q and e-3", name, step, got, d.lastID, want)
			}
		}
	}
}

func TestDecoderRefusesWhatIsNoStream(t *testing.T) {
	for _, wire := range []string{
		"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	} {
		var d decoder
		if err := d.feed([]byte(wire), func([]byte) {}); err == nil {
			t.Errorf("%q was taken", wire)
		}
	}
}

func TestPayloadComesBack(t *testing.T) {
	for _, size := range []int{0, 60, 1000} {
		b := AppendPayload([]byte("before"), 3, 12345, 678*time.Millisecond, size)[len("before"):]
		if len(b) < size {
			t.Errorf("a payload of %d bytes, want %d", len(b), size)
		}
		s, ok := readStamp(b)
		if want := (stamp{3, 12345, 678 * time.Millisecond}); !ok || s != want {
			t.Errorf("read %+v, %v; want %+v", s, ok, want)
		}
	}
	if _, ok := readStamp([]byte("something else")); ok {
		t.Error("other data was taken for a payload")
	}
}
