// Package launch runs servers as processes of their own, so that their use of the machine
// can be told apart from the load generator's.
//
// Signals go to the process that was started; what processes it has started in turn is
// killed when it has ended. No server outlives this program: when the context that it was
// started with ends it is asked to end, and on Linux the kernel kills it when this program
// is killed.
package launch
