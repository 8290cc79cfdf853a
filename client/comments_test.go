package client

import (
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/fastsse/fastsse"
)

// Each comment is said once, in its place between the events, however the stream is split.
func TestCommentsComeInTheirPlaces(t *testing.T) {
	for _, c := range []struct{ stream, want string }{
		{":one\n", "[one]"},
		{": two\r\n:\r:three\n", "[ two] [] [three]"},
		{"data: a\n:x\ndata: b\n\n:y\n\n:z\ndata: c\n\n", "[x] a\nb [y] [z] c"},
		{"data: a\r\r:x\r\n\r\ndata: b\r\n\r\n", "a [x] b"},
		{"\xef\xbb\xbf:x\ndata: a\n\n", "[x] a"},
		{"\xef\xbb\xbf\xef\xbb\xbf:no\ndata: a\n\n", "a"},
		{"\xef\xbb:no\n:x\n", "[x]"},
		{"\xef\xbb\xbfdata:: a\n\n::x\n", ": a [:x]"},
		{"data: a\n\n:unfinished", "a"},
		{":" + strings.Repeat("x", 9000) + "\ndata: a\n\n", "[" + strings.Repeat("x", 9000) + "] a"},
		{"", ""},
	} {
		for name, r := range map[string]io.Reader{
			"whole":          strings.NewReader(c.stream),
			"byte by byte":   iotest.OneByteReader(strings.NewReader(c.stream)),
			"half":           iotest.HalfReader(strings.NewReader(c.stream)),
			"with its error": iotest.DataErrReader(strings.NewReader(c.stream)),
		} {
			if got := heard(t, r); strings.Join(got, " ") != c.want {
				t.Errorf("%s, %s: %q, want %q", fastsse.Shorten(c.stream), name, got, c.want)
			}
		}
	}
}

// heard is the comments, in brackets, and the data of the events, in their order.
func heard(t *testing.T, r io.Reader) (all []string) {
	t.Helper()
	d := fastsse.NewDecoder(newComments(r, func(text string) { all = append(all, "["+text+"]") }))
	for {
		e, err := d.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(e.Data))
	}
}

func FuzzComments(f *testing.F) {
	f.Add([]byte("\xef\xbb\xbf:x\r\n\r\ndata: a\r\r:y\n\n"))
	f.Add([]byte("data: a\n:x\n\n:\n::\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole := heard(t, strings.NewReader(string(b)))
		if bytewise := heard(t, iotest.OneByteReader(strings.NewReader(string(b)))); !slices.Equal(whole, bytewise) {
			t.Errorf("%q, byte by byte %q", whole, bytewise)
		}
		said := 0
		passed, err := io.ReadAll(newComments(strings.NewReader(string(b)), func(string) { said++ }))
		if err != nil || string(passed) != string(b) {
			t.Errorf("%q, %v is passed on", passed, err)
		}
		d := fastsse.NewDecoder(strings.NewReader(string(b)))
		for {
			if _, err := d.Next(); err != nil {
				break
			}
		}
		if said != d.Comments() {
			t.Errorf("%d comments, the Decoder has %d", said, d.Comments())
		}
	})
}
