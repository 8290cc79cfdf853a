package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server"
)

// noPlatform clears what tells a platform from the environment of this test.
func noPlatform(t *testing.T) {
	for _, name := range []string{
		"AWS_LAMBDA_HTTP_ENDPOINT", "AWS_LAMBDA_FUNCTION_NAME", "FUNCTIONS_WORKER_RUNTIME", "CONTAINER_APP_NAME", "K_SERVICE", "FLY_APP_NAME",
		"RAILWAY_ENVIRONMENT_NAME", "RAILWAY_ENVIRONMENT", "RENDER", "DYNO", "KOYEB_APP_NAME", "VERCEL", "ECS_CONTAINER_METADATA_URI_V4", "KUBERNETES_SERVICE_HOST",
	} {
		t.Setenv(name, "")
	}
}

func TestPlatformIsFoundByItsEnvironment(t *testing.T) {
	for env, want := range map[string]string{
		"FLY_APP_NAME": "fly", "K_SERVICE": "cloud-run", "AWS_LAMBDA_FUNCTION_NAME": "lambda", "ECS_CONTAINER_METADATA_URI_V4": "ecs",
		"KUBERNETES_SERVICE_HOST": "kubernetes", "": "unknown",
	} {
		t.Run(want, func(t *testing.T) {
			noPlatform(t)
			if env != "" {
				t.Setenv(env, "x")
			}
			p, err := server.PlatformNamed("")
			if err != nil || p.Name != want {
				t.Errorf("with %q set: %+v, %v; want %s", env, p, err, want)
			}
		})
	}
}

// What is not known gets settings that nearly every platform allows.
func TestUnknownPlatformIsCareful(t *testing.T) {
	p, err := server.PlatformNamed("unknown")
	if err != nil || p.MaxAge != 4*time.Minute || p.Heartbeat != 15*time.Second || p.Grace > 5*time.Second {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestPlatformFillsOnlyWhatIsNotSet(t *testing.T) {
	p, err := server.PlatformNamed("cloud-run")
	if err != nil {
		t.Fatal(err)
	}
	c := p.Config(server.Config{})
	if c.MaxAge != p.MaxAge || c.Heartbeat != p.Heartbeat || p.MaxAge == 0 {
		t.Errorf("of nothing: MaxAge %v, Heartbeat %v", c.MaxAge, c.Heartbeat)
	}
	c = p.Config(server.Config{MaxAge: -1, Heartbeat: time.Second})
	if c.MaxAge != -1 || c.Heartbeat != time.Second {
		t.Errorf("settings were replaced: MaxAge %v, Heartbeat %v", c.MaxAge, c.Heartbeat)
	}
	if _, err := server.New(c); err != nil {
		t.Error(err)
	}
}

func TestPlatformNamesAreListedInTheError(t *testing.T) {
	_, err := server.PlatformNamed("clout-run")
	if err == nil || !strings.Contains(err.Error(), `"clout-run"`) || !strings.Contains(err.Error(), "cloud-run") || !strings.Contains(err.Error(), "fly") {
		t.Errorf("%v", err)
	}
}
