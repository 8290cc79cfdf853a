package load

import (
	"io"
	"net/http"
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/molecule-man/go-brrr"
)

// flusher is a writer of a compressed body.
type flusher interface {
	io.Writer
	Flush() error
}

// Events of compressed streams are counted as each comes, and what they take on the wire and
// decoded.
func TestCompressedStreamsAreCounted(t *testing.T) {
	writers := map[string]func(io.Writer) flusher{
		"gzip": func(w io.Writer) flusher { return gzip.NewWriter(w) },
		"br": func(w io.Writer) flusher {
			b, err := brrr.NewWriter(w, 5)
			if err != nil {
				t.Error(err)
			}
			return b
		},
		"zstd": func(w io.Writer) flusher {
			z, err := zstd.NewWriter(w)
			if err != nil {
				t.Error(err)
			}
			return z
		},
	}
	for encoding, writer := range writers {
		t.Run(encoding, func(t *testing.T) {
			next, plain := make(chan struct{}), 0
			url := secure(t, func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get("Accept-Encoding"); got != encoding {
					t.Errorf("it accepts %q", got)
				}
				w.Header().Set("Content-Type", "text/event-stream")
				w.Header().Set("Content-Encoding", encoding)
				z := writer(w)
				for i := range uint64(3) {
					n, _ := io.WriteString(z, event(i+1))
					plain += n
					_ = z.Flush()
					w.(http.Flusher).Flush()
					<-next
				}
			})
			s := opened(t, Request{URL: url, Compress: encoding, TLS: anyServer}, 1, Client{})
			for i := range uint64(3) {
				testkit.Eventually(t, "the next event", func() bool { n, _ := s.Delivered(); return n == i+1 })
				if got := s.Traffic(); got.Plain < 60*(i+1) || got.Wire == 0 || got.Decoding <= 0 {
					t.Errorf("after %d events: %+v", i+1, got)
				}
				next <- struct{}{}
			}
			testkit.Eventually(t, "the end", func() bool { return total(s).Ended == 1 })
			if got := s.Traffic(); got.Plain != uint64(plain) {
				t.Errorf("%d bytes decoded, sent %d", got.Plain, plain)
			}
		})
	}
	if _, err := NewSwarm(t.Context(), SwarmConfig{Request: Request{URL: "http://127.0.0.1/", Compress: "lzw"}}); err == nil {
		t.Error("any encoding is taken")
	}
}
