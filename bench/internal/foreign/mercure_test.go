package foreign

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/bench/internal/check"
	"github.com/fastsse/fastsse/internal/absent"
)

// mercure builds Mercure with the versions of bench/rivals, which takes minutes unless it
// was built before, and returns its program, which stays in Go's cache.
func mercure(t *testing.T) (program string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "tool", "-n", "mercure")
	cmd.Dir, cmd.Env = "../../rivals/mercure", append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		absent.Skipf(t, "needs Mercure: GOWORK=off go tool mercure version in bench/rivals/mercure builds it (%v, %v)", err, ctx.Err())
	}
	return strings.TrimSpace(string(out))
}

// token is a JSON Web Token, signed with key.
func token(key, claims string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func TestMercure(t *testing.T) {
	t.Parallel()
	program, conf, err := mercure(t), "testdata/Caddyfile", error(nil)
	if conf, err = filepath.Abs(conf); err != nil {
		t.Fatal(err)
	}
	const hub = "http://127.0.0.1:{{.Port}}/.well-known/mercure"
	flags := []string{
		hub + "?topic=a", "-H", "Authorization: Bearer " + token("the-key-of-the-subscribers-alone!", `{"mercure":{"subscribe":["*"]}}`),
		"-publish-url", hub, "-publish-header", "Authorization: Bearer " + token("the-key-of-the-publishers-alone-!!", `{"mercure":{"publish":["*"]}}`),
		"-publish-header", "Content-Type: application/x-www-form-urlencoded", "-publish-body", "topic=a&private=on&data={{.Message}}",
	}
	// The events are kept by port, so that each server has its own.
	all(t, onDisk, findings{
		"answer/cache-control": check.Warn,
		"stream/retry":         check.Warn,
		"resume/gap":           check.Fail,
	}, flags, "env", "KEPT="+filepath.Join(t.TempDir(), "{{.Port}}.db"), program, "run", "--adapter", "caddyfile", "--config", conf)
}
