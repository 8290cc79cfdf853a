package clients

import (
	"errors"
	"fmt"
	"time"

	"github.com/fastsse/fastsse/server"
)

// patience is for a client that comes back: on a busy machine, and some wait for seconds.
const patience = 25 * time.Second

const (
	pace    = 2 * time.Millisecond
	refused = 1500 * time.Millisecond // how long the port is closed
	quiet   = 3 * time.Second         // after a 204: whoever asks again has done so by then
)

// each waits until ok for every client that has not failed yet. One for which that does not
// come true in time has failed.
func (f *feed) each(what string, limit time.Duration, ok func(*running) bool) {
	deadline := time.Now().Add(limit)
	for _, r := range f.clients {
		// What is asked of a page takes its time: not a thousand times per second.
		for r.failed == "" && !ok(r) {
			if time.Now().After(deadline) {
				r.failed = what
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// alive calls act for every client that has not failed.
func (f *feed) alive(act func(*running)) {
	for _, r := range f.clients {
		if r.failed == "" {
			act(r)
		}
	}
}

func (f *feed) open(r *running) bool { return f.hub.Subscribers(r.name) == 1 }

// run takes the clients through the script.
func (f *feed) run() {
	f.t.Helper()
	f.each("does not open a stream", 2*patience, f.open)
	f.thousand()
	f.comeLater()
	f.refuse()
	f.restart()
	f.stop()
	for _, r := range f.clients {
		r.conclude()
	}
}

// thousand publishes the first events. The tears reset connections meanwhile.
func (f *feed) thousand() {
	next := time.Now()
	for n := 1; n <= total; n++ {
		f.publish(n)
		if n == kickAt {
			f.each("is not back after a reset", patience, f.open)
			f.kick()
			next = time.Now()
		}
		next = next.Add(pace)
		time.Sleep(time.Until(next))
	}
	f.each(fmt.Sprintf("does not get event %d", total), patience, func(r *running) bool { return r.has(total) })
	f.alive(func(r *running) {
		if !r.tear.torn() {
			f.t.Errorf("%s: its connections were not cut everywhere", r.name)
		}
	})
}

func (f *feed) kick() {
	f.alive(func(r *running) { f.hub.KickTopic(r.name) })
}

// comeLater ends the streams, and tells the clients to come back later.
func (f *feed) comeLater() {
	f.alive(func(r *running) { r.next(errors.New("not now"), true) })
	f.kick()
	f.each("does not ask again after its stream has ended", patience, func(r *running) bool { return r.asked() > 0 })
	f.publish(afterHour)
	f.each("does not come back after \"later\"", patience, func(r *running) bool { return r.has(afterHour) })
	f.alive(func(r *running) { r.found.Later = "back" })
}

// refuse closes the port for a while.
func (f *feed) refuse() {
	f.alive(func(r *running) { r.tear.close() })
	f.publish(afterPort)
	time.Sleep(refused)
	f.alive(func(r *running) { r.tear.listen(f.t) })
	f.each("does not come back after refused connections", patience, func(r *running) bool { return r.has(afterPort) })
	f.alive(func(r *running) { r.found.Refused = "back" })
}

// restart puts another hub in the place of this one. Its ids are of another epoch.
func (f *feed) restart() {
	old := f.hub
	f.newHub()
	f.closeHub(old)
	f.each("does not come back after a restart", patience, f.open)
	f.publish(afterEra)
	f.each("does not get events after a restart", patience, func(r *running) bool { return r.has(afterEra) })
	f.alive(func(r *running) {
		r.found.Gap = "not told"
		if r.told() {
			r.found.Gap = "told"
		}
	})
}

// stop ends the streams, and answers with 204 from now on.
func (f *feed) stop() {
	f.alive(func(r *running) { r.next(server.ErrStop, false) })
	f.kick()
	f.each("does not ask again after its stream has ended", patience, func(r *running) bool { return r.asked() > 0 })
	time.Sleep(quiet)
	deadline := time.Now().Add(patience)
	f.alive(func(r *running) {
		for r.slow && r.asked() == 1 && time.Now().Before(deadline) {
			time.Sleep(5 * time.Millisecond)
		}
	})
	f.alive(func(r *running) {
		r.found.After204 = "stops"
		if r.asked() > 1 {
			r.found.After204 = "comes back"
		}
	})
}

// conclude sums up what was found of a client.
func (r *running) conclude() {
	a := r.ledger.judge(r.log())
	r.found.Events, r.found.Altered, r.found.Empty = r.ledger.events(a), a.alterations(), a.empties()
	if len(a.gaps) > 1 || len(a.gaps) == 1 && a.gaps[0] != afterPort {
		r.found.Gap = fmt.Sprintf("told after events %v", a.gaps)
	}
	if r.failed != "" {
		r.found.Failed = r.failed
	}
	r.found.detail = fmt.Sprintf("missing %v, twice %v, out of order %v, never sent %v, altered %v, %d requests after 204; it says %q",
		a.missing(), a.twice, a.unordered, a.unknown, a.altered, r.asked(), r.heard)
}
