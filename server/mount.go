package server

import "github.com/fasthttp/router"

// MountOptions are the settings of a hub's routes.
type MountOptions struct {
	// SubscribePath is where streams are opened. Empty means "/events".
	SubscribePath string
	// PublishPath is where events are published. Empty means "/publish".
	PublishPath string

	Subscribe SubscribeOptions
	Publish   PublishOptions
}

// Mount adds routes to r for SubscribeHandler at SubscribePath and PublishHandler at
// PublishPath, for all methods. It panics if the options are not valid (see
// CORS and GapEvent), or if r has such a route already.
func (h *Hub) Mount(r *router.Router, o MountOptions) {
	subscribe, publish := o.SubscribePath, o.PublishPath
	if subscribe == "" {
		subscribe = "/events"
	}
	if publish == "" {
		publish = "/publish"
	}
	r.ANY(subscribe, h.SubscribeHandler(o.Subscribe))
	r.ANY(publish, h.PublishHandler(o.Publish))
}

// Mount is [Hub.Mount].
func Mount(r *router.Router, h *Hub, o MountOptions) { h.Mount(r, o) }
