package result

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// mergeRules say how figures become one where that is not as usual: whole numbers are added
// up, and of others the largest is taken.
var mergeRules = map[string]string{
	"machine": "first", "server": "first", "deploys": "first", "trend": "first", "storm.missed": "largest",
	"tool.descriptors": "largest", "tool.fd_limit": "largest", "tool.ports_used": "largest", "tool.ports": "largest", "opened_per_second": "sum",
	"tool.cpu_seconds": "sum", "delivered_per_second": "sum", "samples.tool_cpu": "sum", "steps.delivered_per_second": "sum",
	"samples.rss_bytes": "largest", "samples.descriptors": "largest", "samples.threads": "largest", "samples.goroutines": "largest",
}

// Merge makes one result of those that several processes have measured at the same time at
// one server, which only one of them need know. Counts are added up, histograms are merged
// without loss, and samples are put together second by second, with the worst of their
// percentiles, because they have no histograms. What the server used per
// stream and per delivery is shared out among the streams and deliveries of all. An error
// names what cannot be merged, such as a distribution that was saved without its histogram.
// The results are not changed.
func Merge(results ...*Result) (*Result, error) {
	var all *Result
	var own *Result // whose process has measured the server
	for i, r := range results {
		copied, err := r.clone()
		if err != nil {
			return nil, err
		}
		if own == nil && r.Server != nil {
			own = r
		}
		if all == nil {
			all = copied
			continue
		}
		if err := merge(reflect.ValueOf(all).Elem(), reflect.ValueOf(copied).Elem(), ""); err != nil {
			return nil, fmt.Errorf("merge result %d of %d: %w", i+1, len(results), err)
		}
	}
	if all == nil {
		return nil, errors.New("merge: there is no result")
	}
	if all.LatencyMS != nil && len(results) > 1 {
		h, err := all.LatencyMS.Histogram()
		if err != nil {
			return nil, fmt.Errorf("merge: %w", err)
		}
		all.Spectrum = SpectrumOf(h)
	}
	all.shareOut(own)
	return all, nil
}

// Add returns the sample with what another process has seen in the same second.
func (v Sample) Add(from Sample) Sample {
	_ = merge(reflect.ValueOf(&v).Elem(), reflect.ValueOf(from), "samples") // samples have no histograms
	return v
}

func (r *Result) clone() (*Result, error) {
	var text bytes.Buffer
	if err := r.Encode(&text); err != nil {
		return nil, err
	}
	return Decode(&text)
}

// shareOut divides what the server used among all streams and deliveries, in place of those
// of the process that has measured it.
func (r *Result) shareOut(own *Result) {
	if own == nil {
		return
	}
	streams, deliveries := float64(own.Opened)/float64(r.Opened), float64(own.Delivered)/float64(r.Delivered)
	for _, of := range []struct {
		value *float64
		share float64
	}{{r.Server.BytesPerStream, streams}, {r.Server.BytesPerStreamError, streams}, {r.Server.BytesPerStreamAll, streams}, {r.Server.CPUToOpenUS, streams}, {r.Server.CPUPerDeliveryUS, deliveries}} {
		if of.value != nil {
			*of.value *= of.share
		}
	}
}

// merge adds from to v. path is that of both, in the JSON.
func merge(v, from reflect.Value, path string) error {
	rule := mergeRules[path]
	switch {
	case rule == "first" && v.Kind() == reflect.Pointer && v.IsNil():
		v.Set(from)
	case rule == "first":
	case v.Type() == reflect.TypeFor[Percentiles]() && path != "samples.latency_ms":
		return mergePercentiles(v.Addr().Interface().(*Percentiles), from.Addr().Interface().(*Percentiles), path)
	case v.Type() == reflect.TypeFor[time.Time]():
		if other := from.Interface().(time.Time); other.Before(v.Interface().(time.Time)) {
			v.Set(from)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if err := merge(v.Field(i), from.Field(i), strings.TrimPrefix(path+"."+nameOf(v.Type().Field(i)), ".")); err != nil {
				return err
			}
		}
	case v.Kind() == reflect.Pointer && from.IsNil():
	case v.Kind() == reflect.Pointer && v.IsNil():
		v.Set(from)
	case v.Kind() == reflect.Pointer:
		sum := reflect.New(v.Type().Elem()) // others may have what v points to
		sum.Elem().Set(v.Elem())
		v.Set(sum)
		return merge(sum.Elem(), from.Elem(), path)
	case v.Kind() == reflect.Slice:
		return mergeLists(v, from, path)
	default:
		mergeValues(v, from, rule)
	}
	return nil
}

func mergeValues(v, from reflect.Value, rule string) {
	sum := rule == "sum" || !v.CanFloat() && rule != "largest"
	switch {
	case v.Kind() == reflect.Bool:
		v.SetBool(v.Bool() || from.Bool())
	case v.Kind() == reflect.String:
		v.SetString(cmp.Or(v.String(), from.String()))
	case v.CanFloat():
		v.SetFloat(mergeNumbers(v.Float(), from.Float(), sum))
	case v.CanInt():
		v.SetInt(mergeNumbers(v.Int(), from.Int(), sum))
	case v.CanUint():
		v.SetUint(mergeNumbers(v.Uint(), from.Uint(), sum))
	}
}

func mergeNumbers[N int64 | uint64 | float64](a, b N, sum bool) N {
	if sum {
		return a + b
	}
	return max(a, b)
}

func mergePercentiles(p, from *Percentiles, path string) error {
	if from.Count == 0 {
		return nil
	}
	h, err := from.Histogram()
	if err == nil && p.Count > 0 {
		var ours *hdrhistogram.Histogram
		if ours, err = p.Histogram(); err == nil {
			if dropped := h.Merge(ours); dropped > 0 {
				err = fmt.Errorf("%d values are out of range", dropped)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	*p = *Of(h)
	return nil
}

// mergeLists merges samples of the same second and phase, lanes of the same name, and
// sentences that are the same; of other lists the first is kept.
func mergeLists(v, from reflect.Value, path string) error {
	switch list := v.Addr().Interface().(type) {
	case *[]Sample:
		err := mergeElements(list, from.Interface().([]Sample), path, func(a, b Sample) bool { return a.Phase == b.Phase && math.Abs(a.At-b.At) < 0.5 })
		slices.SortStableFunc(*list, func(a, b Sample) int { return cmp.Compare(a.At, b.At) })
		return err
	case *[]Lane:
		return mergeElements(list, from.Interface().([]Lane), path, func(a, b Lane) bool { return a.Name == b.Name })
	case *[]Step: // a step has the same place in all
		for i := range min(len(*list), from.Len()) {
			if err := merge(v.Index(i), from.Index(i), path); err != nil {
				return err
			}
		}
	case *[]string:
		return mergeElements(list, from.Interface().([]string), path, func(a, b string) bool { return a == b })
	}
	return nil
}

// mergeElements merges each element of from into one that is the same, and takes only it, or
// appends it.
func mergeElements[T any](list *[]T, from []T, path string, same func(a, b T) bool) error {
	taken := make([]bool, len(*list))
	for i := range from {
		at := 0
		for at < len(taken) && (taken[at] || !same((*list)[at], from[i])) {
			at++
		}
		if at == len(taken) {
			*list = append(*list, from[i])
			continue
		}
		taken[at] = true
		if err := merge(reflect.ValueOf(&(*list)[at]).Elem(), reflect.ValueOf(&from[i]).Elem(), path); err != nil {
			return err
		}
	}
	return nil
}
