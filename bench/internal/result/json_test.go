package result

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func encoded(t *testing.T, r *Result) string {
	t.Helper()
	var text bytes.Buffer
	if err := r.Encode(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestFileIsReadBackAsItWas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "result.json")
	for _, want := range []*Result{full(), fullest()} {
		if err := want.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		got, err := ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if want.Lanes == nil {
			want.Lanes = []Lane{} // no list is nil once read
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("read\n%+v\nwant\n%+v", got, want)
		}
	}
}

func TestListsAreNeverNull(t *testing.T) {
	text := encoded(t, &Result{Trend: &Trend{}})
	for _, want := range []string{`"suspect_of": []`, `"samples": []`, `"spectrum": []`, `"scenario": {}`, `"rising": []`, `"schema": "fastsse-bench/1"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(text, `"lanes"`) {
		t.Error("lanes are there, of none")
	}
}

func TestNotANumberIsNullWhereItMayBe(t *testing.T) {
	r := full()
	r.Server.CPUPerDeliveryUS = new(math.NaN())
	r.SpreadMS.Last.Mean = math.Inf(-1)
	text := encoded(t, r)
	for _, want := range []string{`"cpu_us_per_delivery": null`, `"spread_ms": null`, `"cpu_us_to_open": 24.1`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

func TestNotANumberIsAnErrorElsewhere(t *testing.T) {
	r := full()
	r.Samples[0].ToolCPU = math.Inf(1)
	var text bytes.Buffer
	err := r.Encode(&text)
	if !errors.Is(err, errNotFinite) || !strings.Contains(err.Error(), "samples: 0: tool_cpu: +Inf") {
		t.Error(err)
	}
	if text.Len() > 0 {
		t.Errorf("written all the same: %s", &text)
	}
}

func TestWriteFileKeepsTheOldOneWhenItCannotEncode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "result.json")
	if err := full().WriteFile(path); err != nil {
		t.Fatal(err)
	}
	bad := full()
	bad.Seconds = math.NaN()
	if bad.WriteFile(path) == nil {
		t.Fatal("written")
	}
	if _, err := ReadFile(path); err != nil {
		t.Error(err)
	}
}

func TestReadRefusesWhatIsNoResult(t *testing.T) {
	whole := encoded(t, full())
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "incomplete"},
		{"text", "p50 12 ms\n", "not a result"},
		{"cut off", whole[:len(whole)/2], "incomplete"},
		{"two of them", whole + whole, "not a result"},
		{"a list", "[]", "not a result"},
		{"no schema", `{"latency": 3}`, `and not fastsse-bench/1`},
		{"schema of another", `{"schema": "vegeta/1"}`, `its schema is "vegeta/1"`},
		{"schema is a number", `{"schema": 1}`, `its schema is`},
		{"version is no number", `{"schema": "fastsse-bench/x"}`, "its schema is"},
		{"version zero", `{"schema": "fastsse-bench/0"}`, "its schema is"},
		{"newer", `{"schema": "fastsse-bench/2", "asked": "many"}`, "use a newer one"},
		{"a field that does not fit", `{"schema": "fastsse-bench/1", "asked": "many"}`, "asked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.json")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := ReadFile(path)
			if err == nil {
				t.Fatalf("read as %+v", r)
			}
			if r != nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%v, want %q and the path", err, c.want)
			}
		})
	}
}

func TestReadSkipsNewFields(t *testing.T) {
	r, err := Decode(strings.NewReader(`{"schema": "fastsse-bench/1", "invented_later": {"a": 1}, "asked": 3}`))
	if err != nil || r.Asked != 3 || r.Samples == nil {
		t.Error(r, err)
	}
}

func TestReadOfNoFile(t *testing.T) {
	if _, err := ReadFile(filepath.Join(t.TempDir(), "none.json")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
