package server

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// Platform is what a platform allows a stream and a server that is stopped, as settings
// that keep within it.
type Platform struct {
	Name string

	// MaxAge ends streams before the platform cuts them: for Config.MaxAge and
	// streamwriter.Options.MaxAge. Zero: the platform does not cut them.
	MaxAge time.Duration

	// Grace is how long a server may take to end: for RunOptions.Grace. It leaves some of
	// the time between the platform's SIGTERM and SIGKILL for the process to exit.
	Grace time.Duration

	// Heartbeat keeps proxies from taking a quiet stream for a dead one: for
	// Config.Heartbeat.
	Heartbeat time.Duration

	env []string // environment variables that the platform sets
}

const (
	platformHeartbeat = 15 * time.Second // the shortest limit on silence is 30 s
	unlimited         = 0
)

// platforms are the known ones. Where several have set their variables, the first counts.
// The limits are the platforms' defaults as they document them; docs/platforms has them
// with their sources.
var platforms = []Platform{
	{"lambda", 14 * time.Minute, 300 * time.Millisecond, platformHeartbeat, []string{"AWS_LAMBDA_HTTP_ENDPOINT", "AWS_LAMBDA_FUNCTION_NAME"}},
	{"azure-functions", 220 * time.Second, 8 * time.Second, platformHeartbeat, []string{"FUNCTIONS_WORKER_RUNTIME"}},
	{"azure-container-apps", 230 * time.Second, 25 * time.Second, platformHeartbeat, []string{"CONTAINER_APP_NAME"}},
	{"cloud-run", 285 * time.Second, 9 * time.Second, platformHeartbeat, []string{"K_SERVICE"}}, // Knative sets it, too
	{"knative", 285 * time.Second, 9 * time.Second, platformHeartbeat, nil},
	{"fly", unlimited, 4500 * time.Millisecond, platformHeartbeat, []string{"FLY_APP_NAME"}},
	{"railway", 14 * time.Minute, 8 * time.Second, platformHeartbeat, []string{"RAILWAY_ENVIRONMENT_NAME", "RAILWAY_ENVIRONMENT"}},
	{"render", unlimited, 25 * time.Second, platformHeartbeat, []string{"RENDER"}},
	{"heroku", unlimited, 25 * time.Second, platformHeartbeat, []string{"DYNO"}},
	{"koyeb", unlimited, 25 * time.Second, platformHeartbeat, []string{"KOYEB_APP_NAME"}},
	{"vercel", 285 * time.Second, 8 * time.Second, platformHeartbeat, []string{"VERCEL"}},
	{"app-runner", 110 * time.Second, 8 * time.Second, platformHeartbeat, nil},
	{"ecs", unlimited, 25 * time.Second, platformHeartbeat, []string{"ECS_CONTAINER_METADATA_URI_V4"}},
	{"kubernetes", unlimited, 25 * time.Second, platformHeartbeat, []string{"KUBERNETES_SERVICE_HOST"}},
	{"none", unlimited, 8 * time.Second, platformHeartbeat, nil}, // a machine of your own
}

// unknownPlatform keeps within the limits of every known platform but App Runner's and
// Azure's, and Fly's grace.
var unknownPlatform = Platform{"unknown", 4 * time.Minute, 4500 * time.Millisecond, platformHeartbeat, nil}

// PlatformNamed returns the platform of that name. For "" it is the one whose environment
// variables are set, or one called "unknown" with careful settings. The error lists the
// names.
func PlatformNamed(name string) (Platform, error) {
	if name == "" {
		return detectPlatform(), nil
	}
	var names []string
	for _, p := range append(platforms, unknownPlatform) {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Platform{}, fmt.Errorf("server: platform %q is not known; give one of %s, or none at all to go by the environment", name, strings.Join(names, ", "))
}

// detectPlatform returns the platform that the process runs on, by its environment.
func detectPlatform() Platform {
	for _, p := range platforms {
		for _, name := range p.env {
			if os.Getenv(name) != "" {
				return p
			}
		}
	}
	return unknownPlatform
}

// Config returns c with the platform's settings where c has zero.
func (p Platform) Config(c Config) Config {
	if c.MaxAge == 0 {
		c.MaxAge = p.MaxAge
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = p.Heartbeat
	}
	return c
}
