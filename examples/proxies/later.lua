-- What Apache answers an EventSource in the server's place: 200, a time from 1 to 5 s to come
-- back after, at random, and the end of the stream. apache.conf says when.
function handle(r)
	math.randomseed(r:clock())
	r.status = 200
	r.content_type = "text/event-stream"
	r.headers_out["Cache-Control"] = "no-store"
	r:puts(":\nretry: " .. math.random(1000, 5000) .. "\n\n")
	return apache2.OK
end
