// Package metrics shows the figures of a hub (server.Stats) to Prometheus.
//
//	routes := router.New()
//	hub.Mount(routes, server.MountOptions{})
//	routes.GET("/metrics", metrics.Handler(hub))
//
// Or, with a registry of the application's:
//
//	registry.MustRegister(metrics.NewCollector(hub))
//
// It is a module of its own, so that programs without it need no client of Prometheus.
//
// # Metrics
//
//	fastsse_subscribers{way}                 gauge    open streams: parked, streamed
//	fastsse_subscribers_limit                gauge    Config.MaxSubscribers; +Inf: none
//	fastsse_streams_opened_total             counter  streams opened
//	fastsse_streams_streamed_total{reason}   counter  why streams could not be parked: tls, not_a_socket,
//	                                                  wrapped, follow, configured, platform, failed
//	fastsse_streams_refused_total{reason}    counter  told to come back later: full, per_ip, rate,
//	                                                  draining, closed, hook
//	fastsse_streams_ended_total{reason}      counter  streams ended: client, vanished, max_age, slow, timeout,
//	                                                  kicked, drain, closed, follower, error, refused
//	fastsse_streams_aborted_total            counter  streams that the hub cut inside an event
//	fastsse_events_published_total           counter  events published
//	fastsse_events_delivered_total           counter  events written, summed over subscribers
//	fastsse_events_replayed_total            counter  those of them from before their stream opened
//	fastsse_gap_events_total                 counter  gap events sent
//	fastsse_publish_errors_total{reason}     counter  nothing was published: invalid, unauthorized, hook, closed
//	fastsse_lagging_subscribers              gauge    subscribers that cannot be written to
//	fastsse_furthest_lag_events              gauge    how far the furthest of them is behind, in events of all topics
//	fastsse_topics                           gauge    topics that hold events or have subscribers
//	fastsse_history_bytes                    gauge    memory of all events and indexes
//	fastsse_history_limit_bytes              gauge    Config.MaxHistoryBytes
//	fastsse_closing_hooks                    gauge    calls of OnClose that have not returned
//	fastsse_lingering_connections            gauge    ended, and waiting for their clients to close
//	fastsse_backplane_connected              gauge    1 while the broker's stream is being read
//	fastsse_backplane_behind_entries         gauge    entries that the hub knows of and does not have
//	fastsse_backplane_reconnects_total       counter  reading began again
//	fastsse_backplane_read_backs_total       counter  streams that began with events from the broker
//	fastsse_backplane_losses_total           counter  all streams were told of a gap
//	fastsse_backplane_epochs_total           counter  the broker's stream was found to be another one
//	fastsse_state{state}                     gauge    1 for the hub's state: open, draining, closed
//
// What a figure means exactly, and how old it may be, is at the field of server.Stats.
// Every reason is there from the start, as a zero, except those of
// fastsse_streams_streamed_total, and the reason backplane of refusals and publish errors.
// The metrics of a backplane are there for a hub that has one (server.Config.Backplane).
// Counters begin at zero with each hub.
//
// No metric measures how long streams are open. In a histogram of request durations a
// stream that is open for an hour is an hour of latency: leave the paths of streams out of
// such histograms.
//
// # Alerts
//
// Clients lose events. Keep more of them (Config.Retention, MaxHistoryBytes):
//
//	sum(rate(fastsse_gap_events_total[5m])) > 0
//
// Clients are sent away, and not for a deployment:
//
//	sum by (reason) (rate(fastsse_streams_refused_total{reason!="draining"}[5m])) > 0
//
// Many subscribers cannot keep up: their networks are slow, or this machine's is full.
//
//	fastsse_lagging_subscribers / sum without (way) (fastsse_subscribers) > 0.05
//
// A subscriber is about to lose events. (A topic keeps 4,096 events by default. With many busy
// topics, of which a subscriber has few, this is too strict: the lag counts the events of all.)
//
//	fastsse_furthest_lag_events > 3000
package metrics
