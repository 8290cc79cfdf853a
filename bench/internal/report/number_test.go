package report

import (
	"encoding/json"
	"math"
	"testing"
)

func TestNumbersAreReadable(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{number(0), "0"}, {number(0.0123), "0.012"}, {number(0.9996), "1.00"}, {number(1.234), "1.23"}, {number(9.996), "10.0"},
		{number(12.34), "12.3"}, {number(99.96), "100"}, {number(1234567.8), "1,234,568"}, {number(-1234.5), "-1,234"}, {number(150), "150"},
		{count(999), "999"}, {count(1000), "1,000"}, {count(-123456), "-123,456"},
		{size(9999), "9,999 B"}, {size(10_240), "10 KiB"}, {size(31 << 20), "31 MiB"}, {size(3.5 * (1 << 30)), "3.50 GiB"},
		{share(0.5), "50 %"}, {change(0.021), "+2.10 %"}, {change(-0.01), "−1 %"}, {change(0), "0 %"},
		{rare(1e-9), "< 0.001 %"}, {rare(0.00061), "0.061 %"},
		{seconds(2.05), "2.05 s"}, {seconds(119), "119 s"}, {seconds(150.4), "2 min 30 s"}, {seconds(3600), "1 h 00 min"}, {seconds(-3), "-3 s"},
		{ratio(2, 2), "="}, {ratio(0, 0), "="}, {ratio(1, 0), ""}, {ratio(3, 2), "×1.50"}, {ratio(25, 2), "×12.5"}, {ratio(1000, 2), "×500"}, {ratio(1, 250), "×0.004"},
		{plural(1, "stream"), "1 stream"}, {plural(1200, "stream"), "1,200 streams"},
	} {
		if c.got != c.want {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
}

func TestColumnHasHoles(t *testing.T) {
	text, err := json.Marshal(column{1, math.NaN(), 2.5, math.Inf(1), 1.0 / 3, 1e12, -4, 1e-7})
	if want := "[1,null,2.5,null,0.333333,1000000000000,-4,1e-07]"; err != nil || string(text) != want {
		t.Errorf("the column is %s, %v, want %s", text, err, want)
	}
}
