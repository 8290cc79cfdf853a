// Package proxies holds configurations of nginx, HAProxy, Caddy, Varnish and Apache in
// front of a server of event streams, and the tests of them. There is nothing to import.
package proxies
