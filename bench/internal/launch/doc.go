// Package launch builds servers from source and runs them as processes of their
// own, so that their use of the machine can be told apart from the load generator's.
//
// A server is one process: signals go to its pid, and its CPU and memory are
// measured, but not those of processes that it starts. No server outlives this
// program: when the context that it was started with ends it is asked to end, and on
// Linux the kernel kills it when this program is killed.
package launch
