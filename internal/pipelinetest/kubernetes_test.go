package pipelinetest

import (
	"encoding/pem"
	"fmt"
	"maps"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
)

// mountFiles writes the files that the cluster would mount into a container. It returns their
// paths, by the paths in the container.
func (c *cluster) mountFiles(t *testing.T, w *world, s *sandbox, namespace string, pod core.PodSpec, ca []byte) map[string]string {
	t.Helper()
	found := map[string]string{}
	write := func(name string, content []byte) {
		for _, mount := range pod.Containers[0].VolumeMounts {
			if volume, file, _ := strings.Cut(name, "/"); mount.Name == volume && mount.ReadOnly {
				at := path.Join(mount.MountPath, file)
				found[at] = s.outside(filepath.Base(at))
				must(t, os.WriteFile(found[at], content, 0o600))
			}
		}
	}
	for _, volume := range pod.Volumes {
		switch {
		case volume.ConfigMap != nil:
			for key := range c.configs[namespace+"/"+volume.ConfigMap.Name].Data {
				write(volume.Name+"/"+key, ca)
			}
		case volume.Projected != nil:
			token := volume.Projected.Sources[0].ServiceAccountToken
			if token.Audience != "vault" || *token.ExpirationSeconds > 3600 {
				t.Errorf("the token is for %s and %d s, want vault and at most 3600 s", token.Audience, *token.ExpirationSeconds)
			}
			write(volume.Name+"/"+token.Path, []byte(w.cluster.JWTOf(namespace, pod.ServiceAccountName)))
		}
	}
	return found
}

// overTLS serves the world's Vault over TLS, as the manifests expect, and returns its address
// and CA.
func (w *world) overTLS(t *testing.T) (address string, ca []byte) {
	t.Helper()
	target, err := url.Parse(w.URL)
	must(t, err)
	server := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }})
	t.Cleanup(server.Close)
	return server.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

// pod returns a sandbox that acts as a pod's container, with its environment. The address, the
// CA and the token are the test's, each where the manifest has it.
func (c *cluster) pod(t *testing.T, w *world, namespace string, spec core.PodSpec) (*sandbox, map[string]string) {
	t.Helper()
	s := newSandbox(t)
	s.install(t, "vaultkit", vaultkit)
	address, ca := w.overTLS(t)
	found := c.mountFiles(t, w, s, namespace, spec, ca)
	env := map[string]string{"HOME": "/nonexistent"}
	for _, variable := range spec.Containers[0].Env {
		env[variable.Name] = variable.Value
		if file, is := found[variable.Value]; is {
			env[variable.Name] = file
			delete(found, variable.Value)
		}
	}
	if len(found) > 0 {
		t.Errorf("the files %v have no variable, want one for each", slices.Collect(maps.Keys(found)))
	}
	env["VAULT_ADDR"] = address
	return s, env
}

// command returns a container's command, or the same with other arguments, as a line of shell.
func command(words ...string) string { return "exec '" + strings.Join(words, "' '") + "'\n" }

func TestKubernetesStatus(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), readCluster(t)
	job := c.jobs[0]
	spec := job.Spec.JobTemplate.Spec.Template.Spec
	words := spec.Containers[0].Command
	if want := []string{"vaultkit", "status", "--max-age", "90d"}; !slices.Equal(words, want) {
		t.Fatalf("the job runs %q, want %q", words, want)
	}
	for age, want := range map[string]int{"90d": 0, "1ms": 3} {
		s, env := c.pod(t, w, job.Namespace, spec)
		status, printed := s.shell(t, s.workspace, command(append(slices.Clone(words[:3]), age)...), env)
		if status != want || !strings.Contains(printed, provider) {
			t.Errorf("with --max-age %s vaultkit status exits with %d, want %d and the provider printed:\n%s", age, status, want, printed)
		}
		w.assertNoSecret(t, "the job", printed)
	}
	s, env := c.pod(t, w, job.Namespace, spec)
	if status, printed := s.shell(t, s.workspace, command("vaultkit", "get", provider), env); status != 6 {
		t.Errorf("vaultkit get as monitor exits with %d, want 6:\n%s", status, printed)
	}
}

// TestKubernetesReader runs the CLI with the service's login, which can only read.
func TestKubernetesReader(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), readCluster(t)
	service := c.services[0]
	spec := service.Spec.Template.Spec
	for line, want := range map[string]int{"get": 0, "history": 6, "rotate --auto": 6} {
		s, env := c.pod(t, w, service.Namespace, spec)
		words := append([]string{"vaultkit"}, strings.Fields(line)...)
		status, printed := s.shell(t, s.workspace, command(append(words, provider)...), env)
		if status != want || line == "get" && printed != oldKey+"\n" {
			t.Errorf("vaultkit %s exits with %d, want %d:\n%s", line, status, want, printed)
		}
	}
	w.assertKey(t, oldKey)
}

// TestKubernetesRoles checks the tokens of the roles.
func TestKubernetesRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, role := range []string{"vaultkit-reader", "vaultkit-monitor"} {
		found, err := w.root.Logical().ReadWithContext(t.Context(), "auth/kubernetes/role/"+role)
		must(t, err)
		if got := found.Data; fmt.Sprint(got["token_policies"]) != "["+role+"]" || got["token_no_default_policy"] != true ||
			fmt.Sprint(got["token_ttl"]) != "600" || got["audience"] != "vault" {
			t.Errorf("%s is %v, want its policy alone for 600 s, for the audience vault", role, got)
		}
	}
}

// TestKubernetes_RefusesOtherAccounts lets accounts without a role log in.
func TestKubernetes_RefusesOtherAccounts(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), readCluster(t)
	service, job := c.services[0], c.jobs[0]
	for name, test := range map[string]struct {
		namespace string
		spec      core.PodSpec
		role      string
	}{
		"the job as a reader":      {job.Namespace, job.Spec.JobTemplate.Spec.Template.Spec, "vaultkit-reader"},
		"the service as a monitor": {service.Namespace, service.Spec.Template.Spec, "vaultkit-monitor"},
		"the service elsewhere":    {"elsewhere", service.Spec.Template.Spec, "vaultkit-reader"},
	} {
		t.Run(name, func(t *testing.T) {
			c.configs["elsewhere/vault-ca"] = c.configs["goblin/vault-ca"]
			s, env := c.pod(t, w, test.namespace, test.spec)
			env["VAULTKIT_KUBERNETES_ROLE"] = test.role
			if status, printed := s.shell(t, s.workspace, command("vaultkit", "list"), env); status != 6 {
				t.Errorf("vaultkit list exits with %d, want 6:\n%s", status, printed)
			}
		})
	}
}
