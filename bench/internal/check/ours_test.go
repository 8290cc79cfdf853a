package check

import "testing"

// The project's promise: a hub with its defaults passes every check. What is
// skipped needs a longer time, TLS, or a second address.
func TestHubPasses(t *testing.T) {
	t.Parallel()
	url := serveHub(t, "https://page.example")
	r := look(t, Config{URL: url + "/events?topic=a", PublishURL: url + "/publish?topic=a", Origin: "https://page.example"})
	expectAll(t, r, map[string]Verdict{
		"life/heartbeat": Skipped, "protocol/http-2": Skipped,
		"endings/eventsource": Skipped, "endings/fetch": Skipped, "endings/htmx": Skipped,
		"between/headers": Skipped, "between/opening": Skipped, "between/delivery": Skipped, "between/gzip": Skipped, "between/lifetime": Skipped,
	})
	if err := r.Err(true); err != nil {
		t.Error(err)
	}
}

// Without a URL to publish to, and with a second URL to compare with.
func TestHubPassesWithoutPublishing(t *testing.T) {
	t.Parallel()
	url := serveHub(t)
	r := look(t, Config{URL: url + "/events?topic=a", Direct: url + "/events?topic=b"})
	if r.Counts[Fail]+r.Counts[Warn] > 0 {
		t.Errorf("%v", r.Counts)
	}
	expect(t, r, "resume/gap", OK, "event: gap")
	expect(t, r, "between/headers", OK, "the same")
	expect(t, r, "delivery/delivery", Skipped, "-publish-url")
}

// Events of others on the topic do no harm.
func TestOthersEventsAreIgnored(t *testing.T) {
	t.Parallel()
	url := serveHub(t)
	stop := make(chan struct{})
	done := make(chan struct{})
	go publishNoise(t, url+"/publish?topic=a", stop, done)
	r := look(t, Config{URL: url + "/events?topic=a", PublishURL: url + "/publish?topic=a"})
	close(stop)
	<-done
	if r.Counts[Fail]+r.Counts[Warn] > 0 {
		t.Errorf("%v", r.Counts)
	}
	expect(t, r, "resume/resume", OK, "4 events missed")
}
