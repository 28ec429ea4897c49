// Package plugincontainer stands in for plugins that run in containers, which would
// bring in Docker's client. The plugins of this server are compiled into it.
package plugincontainer

import (
	"os/exec"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin/runner"

	"goblin/stub"
)

// Config describes a container.
type Config struct {
	Image, Tag, SHA256, Runtime, CgroupParent string
	Env, Entrypoint, Args                     []string
	GroupAdd                                  int
	CapIPCLock, Rootless                      bool
	Labels                                    map[string]string
	NanoCpus, Memory                          int64
}

// NewContainerRunner refuses to run a container.
func (*Config) NewContainerRunner(hclog.Logger, *exec.Cmd, string) (runner.Runner, error) {
	return nil, stub.Called("plugins in containers")
}
