// Package site starts everything that a deployed server of event streams consists of, on
// this machine: a broker, instances of examples/cloud that share it as a backplane, and a
// proxy in front of them, with its configuration of examples/proxies. All are child processes
// on free ports of 127.0.0.1, which end with the site.
package site
