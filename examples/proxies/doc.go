// Package proxies holds configurations of nginx, HAProxy, Caddy and Varnish in front of
// a server of event streams, and the tests of them. There is nothing to import.
package proxies
