# Varnish 7 in front of a fastsse server at 127.0.0.1:8080. Start it with
#
#	varnishd -F -a :8000 -f "$PWD/varnish.vcl"
#
# A stream takes two threads: with more than some 4,000 streams add
# -p thread_pool_max=20000, or as many as you need.

vcl 4.1;

import std;

backend default {
	.host = "127.0.0.1";
	.port = "8080";
	.connect_timeout = 5s;
	.first_byte_timeout = 60s;
	.between_bytes_timeout = 60s; # at least three heartbeats (15 s each)
}

sub vcl_recv {
	# Streams are not for the cache. Without pass Varnish also leaves out Cache-Control when
	# it asks the server, by which the server knows an EventSource. (With pipe the server
	# would know at once who has left, and not after some 40 s; but then a restart could not
	# be hidden.)
	if (req.http.Accept ~ "(?i)text/event-stream") {
		return (pass);
	}
}

# Never set beresp.do_gzip for a stream: it would be held back to its end.

# Varnish's own errors, while the server restarts. What the server answers itself, a 503
# too, is passed on. Every EventSource accepts text/event-stream and nothing else, and
# sends "Cache-Control: no-cache". It gives up for good after a 503, so it is told to come
# back in 1 to 5 s, at random. Clients that are made with fetch differ in one header or the
# other, and Go's in the name that they give themselves; they see the 503 and try again.
# (Datastar does so if told: @get('/events', {retry: 'error'}).)
sub vcl_backend_error {
	if (bereq.method == "GET" && bereq.http.Accept ~ "(?i)^text/event-stream$" &&
	    bereq.http.Cache-Control ~ "(?i)^no-cache$" && bereq.http.User-Agent !~ "^Go-http-client/") {
		set beresp.status = 200;
		set beresp.http.Content-Type = "text/event-stream";
		set beresp.http.Cache-Control = "no-store";
		unset beresp.http.Retry-After;
		synthetic({":
retry: "} + std.integer(real=std.random(1000, 5000)) + {"

"});
		return (deliver);
	}
}
