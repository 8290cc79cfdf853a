package absent

import (
	"fmt"
	"strings"
	"testing"
)

// test takes the place of the test that asks.
type test struct {
	testing.TB
	verdict, says string
}

func (t *test) Helper() {}

func (t *test) Skipf(format string, args ...any) {
	t.verdict, t.says = "skipped", fmt.Sprintf(format, args...)
}

func (t *test) Fatalf(format string, args ...any) {
	t.verdict, t.says = "failed", fmt.Sprintf(format, args...)
}

func TestWhatIsMissingSkipsAndFailsWhereCIIsSet(t *testing.T) {
	for ci, want := range map[string]string{"": "skipped", "true": "failed", "1": "failed"} {
		t.Setenv("CI", ci)
		asked := test{TB: t}
		Skipf(&asked, "needs %s: apt-get install %[1]s", "chromium")
		if asked.verdict != want || !strings.Contains(asked.says, "needs chromium: apt-get install chromium") {
			t.Errorf("with CI=%q the test is %s and says %q; want it %s, with the message", ci, asked.verdict, asked.says, want)
		}
		if loud := strings.HasPrefix(asked.says, "SKIPPED: "); loud != (want == "skipped") {
			t.Errorf("with CI=%q it says %q; want SKIPPED before it if it is, and only then", ci, asked.says)
		}
	}
}
