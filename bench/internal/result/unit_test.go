package result

import "testing"

func TestNumbersAreWrittenShort(t *testing.T) {
	for _, c := range []struct {
		unit  Unit
		value float64
		want  string
	}{
		{Millis, 0, "0 ms"}, {Millis, 0.0612, "0.061 ms"}, {Millis, 9.996, "10.0 ms"}, {Millis, 99.96, "100 ms"},
		{Millis, -3.14159, "-3.14 ms"}, {Seconds, 12_345.6, "12,346 s"}, {Count, 999, "999"}, {Count, 1e6, "1,000,000"},
		{Count, -1234, "-1,234"}, {Share, 0.1234, "12.3%"}, {Share, 0.41, "41%"}, {Bytes, 970, "970 B"}, {Bytes, 65_535, "65,535 B"},
		{Bytes, 65_536, "64.0 KiB"}, {Bytes, 1 << 20, "1.00 MiB"}, {Bytes, -5 << 30, "-5.00 GiB"}, {Micros, 5.314, "5.31 µs"},
	} {
		if got := c.unit.Short(c.value); got != c.want {
			t.Errorf("%v: %s, want %s", c.value, got, c.want)
		}
	}
}

func TestNumbersOfAGridAreNarrow(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 999_999: "999,999", 1e6: "1.00 M", 1.5e8: "150 M", 1e9: "1.00 G", 2e13: "20.0 T"} {
		if got := narrow(n); got != want {
			t.Errorf("%v: %s, want %s", n, got, want)
		}
	}
	for ms, want := range map[float64]string{0.061: "0.061", 99_999: "99,999", 100_000: "100 s", 3_600_000: "3,600 s"} {
		if got := percentileRow("", &Percentiles{P50: ms, Count: 1})[1]; got != want {
			t.Errorf("%v: %s, want %s", ms, got, want)
		}
	}
}
