package check

import "strings"

func judgeOrigin(s *session) Finding {
	if s.Origin == "" {
		return skip("needs -origin")
	}
	h := &s.origin.head
	allowed := h.all("Access-Control-Allow-Origin")
	credentials := strings.EqualFold(h.get("Access-Control-Allow-Credentials"), "true")
	remedy := "answer Access-Control-Allow-Origin: " + s.Origin
	switch {
	case h.status == 0:
		return skip("%s to a request with an Origin", s.origin.statusWord())
	case len(allowed) == 0:
		return fail(remedy, "no Access-Control-Allow-Origin: pages of %s cannot read the stream", s.Origin)
	case len(allowed) > 1 || strings.Contains(allowed[0], ","):
		return fail(remedy+", once", "several origins are allowed at once (%s): browsers refuse all", strings.Join(allowed, ", "))
	case allowed[0] == "*" && credentials:
		return fail(remedy+", not *", "allows * with credentials: browsers refuse that for requests with cookies")
	case allowed[0] == "*":
		return good("allows any origin, without cookies")
	case allowed[0] != s.Origin:
		return fail(remedy, "allows %s, not %s", quote(allowed[0]), s.Origin)
	case !h.has("Vary", "Origin") && !h.has("Vary", "*"):
		return warn("answer Vary: Origin, or a cache serves one origin's answer to another", "allows %s, without Vary: Origin", s.Origin)
	case credentials:
		return good("allows %s, with cookies", s.Origin)
	}
	return good("allows %s, without cookies", s.Origin)
}

// judgePreflight checks the answer to OPTIONS, which clients need if they use fetch
// with headers of their own. EventSource does not ask.
func judgePreflight(s *session) Finding {
	if s.Origin == "" {
		return skip("needs -origin")
	}
	a := s.preflight
	h := &a.head
	const remedy = "answer OPTIONS with 204, Access-Control-Allow-Origin, and Access-Control-Allow-Headers: Last-Event-ID; clients that use fetch ask for it, EventSource does not"
	allowed := h.get("Access-Control-Allow-Origin")
	wild := allowed == "*" && !strings.EqualFold(h.get("Access-Control-Allow-Credentials"), "true")
	switch {
	case h.status/100 != 2:
		return warn(remedy, "OPTIONS: %s", a.statusWord())
	case allowed != s.Origin && allowed != "*":
		return warn(remedy, "OPTIONS: %s, and %s is not allowed", h.statusText(), s.Origin)
	case !h.has("Access-Control-Allow-Headers", "Last-Event-ID") && !(wild && h.has("Access-Control-Allow-Headers", "*")):
		return warn(remedy, "OPTIONS: Last-Event-ID is not among the allowed headers (%s)", quote(h.get("Access-Control-Allow-Headers")))
	}
	return good("OPTIONS allows Last-Event-ID: %s", h.statusText())
}
