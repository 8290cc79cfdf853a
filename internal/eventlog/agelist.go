package eventlog

// ageList holds the topics with the same window whose logs hold events, in the order
// of their last publish.
type ageList struct {
	window         Window // static
	newest, oldest *Topic // guarded by History.mu
}

// markRecent moves t to the newest end.
func (a *ageList) markRecent(t *Topic) {
	if a.newest == t {
		return
	}
	a.remove(t)
	l := t.log.Load()
	l.older = a.newest
	if a.newest != nil {
		a.newest.log.Load().newer = t
	} else {
		a.oldest = t
	}
	a.newest = t
	l.listed = true
}

// remove takes t out, if it is in the list.
func (a *ageList) remove(t *Topic) {
	l := t.log.Load()
	if !l.listed {
		return
	}
	if l.newer != nil {
		l.newer.log.Load().older = l.older
	} else {
		a.newest = l.older
	}
	if l.older != nil {
		l.older.log.Load().newer = l.newer
	} else {
		a.oldest = l.newer
	}
	l.newer, l.older, l.listed = nil, nil, false
}
