package metrics

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/fastsse/fastsse/server"
	"github.com/prometheus/client_golang/prometheus"
)

// distinct sets every figure to a number of its own, and returns which are which.
func distinct(s *server.Stats) map[float64]string {
	numbers := map[float64]string{}
	next := int64(1000)
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		next++
		name := v.Type().Field(i).Name
		switch field := v.Field(i); field.Kind() {
		case reflect.Int, reflect.Int64:
			field.SetInt(next)
		case reflect.Map:
			field.Set(reflect.ValueOf(map[string]int64{"why": next}))
		default:
			continue
		}
		numbers[float64(next)] = name
	}
	s.Backplane = new(server.BackplaneStats)
	v = reflect.ValueOf(s.Backplane).Elem()
	for i := range v.NumField() {
		if field := v.Field(i); field.Kind() == reflect.Int64 {
			next++
			field.SetInt(next)
			numbers[float64(next)] = "Backplane." + v.Type().Field(i).Name
		}
	}
	return numbers
}

// A figure that is added to Stats must not be forgotten here.
func TestEveryFigureIsAMetric(t *testing.T) {
	s := server.Stats{State: "draining"}
	left := distinct(&s)
	for _, m := range all() {
		m.read(&s, func(value float64, _ ...string) {
			if left[value] == "" && value > 1 {
				t.Errorf("%v is of no figure, or of one that is there twice: %v", value, m.desc)
			}
			delete(left, value)
		})
	}
	var names []string
	for _, name := range left {
		names = append(names, name)
	}
	slices.Sort(names)
	if want := []string{"Refused", "Subscribers"}; !slices.Equal(names, want) { // sums of others
		t.Errorf("figures that are no metrics: %q, want %q", names, want)
	}
}

func TestOneStateIsSet(t *testing.T) {
	for _, name := range []string{"open", "draining", "closed"} {
		states := state(&server.Stats{State: name})
		if len(states) != 3 || states[name] != 1 || states["open"]+states["draining"]+states["closed"] != 1 {
			t.Errorf("%s: %v", name, states)
		}
	}
}

func TestNoLimitIsInfinite(t *testing.T) {
	if limit(0) <= 1e300 || limit(5) != 5 {
		t.Errorf("%v, %v", limit(0), limit(5))
	}
}

// The documentation names all metrics, and no others.
func TestTheDocumentationNamesTheMetrics(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	documented := regexp.MustCompile(`fastsse_[a-z_]+`).FindAllString(string(text), -1)
	slices.Sort(documented)
	name := regexp.MustCompile(`fqName: "([^"]+)"`)
	var real []string
	for _, m := range all() {
		real = append(real, name.FindStringSubmatch(m.desc.String())[1])
	}
	slices.Sort(real)
	if documented = slices.Compact(documented); !slices.Equal(documented, real) {
		t.Errorf("documented: %q\nreal: %q", documented, real)
	}
}

// What only goes up is called _total, and nothing else is.
func TestCountersAreCalledTotal(t *testing.T) {
	total := regexp.MustCompile(`fqName: "[^"]+_total"`)
	for _, m := range all() {
		if counts := m.kind == prometheus.CounterValue; counts != total.MatchString(m.desc.String()) {
			t.Errorf("counter: %v, %v", counts, m.desc)
		}
	}
}
