package report

import "github.com/fastsse/fastsse/bench/internal/result"

// laneRow is one publisher's events, in the order of the table's head.
type laneRow struct {
	Name  string
	Cells []cell
}

// laneRows are the publishers of results that had several.
func laneRows(runs []*run) []laneRow {
	var all []laneRow
	for _, r := range runs {
		for i := range r.result.Lanes {
			lane := rowOfLane(&r.result.Lanes[i])
			if len(runs) > 1 {
				lane.Name = r.Label + ": " + lane.Name
			}
			all = append(all, lane)
		}
	}
	return all
}

func rowOfLane(l *result.Lane) laneRow {
	last := hole
	if l.SpreadMS != nil {
		last = of(&l.SpreadMS.Last, p50)
	}
	row := laneRow{l.Name, []cell{
		{Value: count(float64(l.Streams))}, {Value: count(float64(l.Published))},
		{Value: count(float64(l.Delivered)) + " of " + count(float64(l.Expected))},
		fault(l.Lost), fault(l.Duplicated), fault(l.OutOfOrder),
		latency(of(&l.LatencyMS, p50)), latency(of(&l.LatencyMS, p99)), latency(of(&l.LatencyMS, highest)), latency(last),
	}}
	if row.Name == "" {
		row.Name = "main"
	}
	return row
}

// fault is a count of something that should not happen.
func fault(n uint64) cell {
	if n == 0 {
		return cell{Value: "0"}
	}
	return cell{Value: count(float64(n)), Tone: "wrong"}
}

// latency is milliseconds under a head that says so.
func latency(v float64) cell {
	if !known(v) {
		return cell{Value: "–"}
	}
	return cell{Value: number(v)}
}
