// Package launch builds servers from source and runs them as processes of their
// own, so that what they use can be told apart from what the load generator uses.
//
// A server is one process: signals, CPU and memory are those of its pid, and not
// of what that starts in turn. None outlives this program: the context that a
// server was started with ends it in order, and on Linux the kernel kills it when
// this program is killed.
package launch
