package load

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDataOfFiles(t *testing.T) {
	file := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct{ topics, tokens, want string }{
		{"", "", "map[Stream:3]"},
		{"2", "", "map[Stream:3 Topic:1]"},
		{file("topics", "a\n\n b/c \n"), file("tokens", "x,y\nz"), "map[Stream:3 Token:z Topic:b/c]"},
		{"", file("users.csv", "user, key\nu1,\"k,1\"\nu2,k2\n"), "map[Stream:3 key:k2 user:u2]"},
	} {
		d, err := NewData(c.topics, c.tokens)
		if got := fmt.Sprint(map[string]any(d.of(3))); err != nil || got != c.want {
			t.Errorf("%s, %s: %s, %v; want %s", c.topics, c.tokens, got, err, c.want)
		}
	}
	for _, c := range [][3]string{
		{"-3", "", "-topics -3: give at least one"}, {"none", "", "read -topics"}, {file("empty", "\n"), "", "is empty"},
		{"", "none.csv", "read -tokens"}, {"", file("short.csv", "user\n"), "names of the columns"}, {"", file("odd.csv", "a,b\n1\n"), "wrong number of fields"},
	} {
		if _, err := NewData(c[0], c[1]); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%q: the error is %v, want %q", c[:2], err, c[2])
		}
	}
}
