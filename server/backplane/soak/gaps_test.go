package soak_test

// countGaps counts the gaps, and those after which nothing was missing by why that is.
func (d *verdict) countGaps() {
	for _, e := range d.told {
		d.gaps[e.reason]++
		if len(d.missing(e.tells)) == 0 {
			d.vain[e.reason+", "+d.whyInVain(e)]++
		}
	}
}

// whyInVain says what the hub could not know. For "evicted, no reason is known" there is
// nothing: see docs/rough-edges.md about gaps that are told where nothing was lost.
func (d *verdict) whyInVain(e loss) string {
	entry := place{d.epoch, e.from}.entry()
	switch {
	case d.v.foreign != "":
		return "a made-up id"
	case e.reason == "epoch" || e.reason == "ahead":
		return "nothing in the new stream yet"
	case e.reason == "slow" || e.reason == "unknown":
		return "nothing of its topics"
	case d.dropped(d.epoch, entry+1, e.at):
		return "nothing of its topics in what was dropped"
	case d.dropped(d.epoch, entry, e.at):
		return "the edge of what is held"
	}
	return "no reason is known"
}
