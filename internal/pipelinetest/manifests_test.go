package pipelinetest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
)

// decode decodes a manifest to its type. An unknown field is an error.
func decode(text string) (runtime.Object, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{core.AddToScheme, apps.AddToScheme, batch.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	options := json.SerializerOptions{Yaml: true, Strict: true}
	object, _, err := json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, options).Decode([]byte(text), nil, nil)
	return object, err
}

// manifests returns the texts of all objects.
func manifests(t *testing.T) (texts []string) {
	t.Helper()
	names, err := filepath.Glob(files + "kubernetes/*.yaml")
	must(t, err)
	for _, name := range names {
		text, err := os.ReadFile(name)
		must(t, err)
		texts = append(texts, strings.Split(string(text), "\n---\n")...)
	}
	return texts
}

// cluster holds the objects of the manifests.
type cluster struct {
	accounts map[string]*core.ServiceAccount // by namespace/name
	configs  map[string]*core.ConfigMap
	spaces   map[string]*core.Namespace
	services []*apps.Deployment
	jobs     []*batch.CronJob
}

func readCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{accounts: map[string]*core.ServiceAccount{}, configs: map[string]*core.ConfigMap{}, spaces: map[string]*core.Namespace{}}
	for _, text := range manifests(t) {
		object, err := decode(text)
		if err != nil {
			t.Fatalf("decode = %v, want success:\n%s", err, text)
		}
		switch o := object.(type) {
		case *core.ServiceAccount:
			c.accounts[o.Namespace+"/"+o.Name] = o
		case *core.ConfigMap:
			c.configs[o.Namespace+"/"+o.Name] = o
		case *core.Namespace:
			c.spaces[o.Name] = o
		case *apps.Deployment:
			c.services = append(c.services, o)
		case *batch.CronJob:
			c.jobs = append(c.jobs, o)
		default:
			t.Errorf("the manifests contain a %T, want only the types above", object)
		}
	}
	if len(c.services) != 1 || len(c.jobs) != 1 {
		t.Fatalf("the manifests have %d deployments and %d cron jobs, want 1 and 1", len(c.services), len(c.jobs))
	}
	return c
}

// TestManifests_RefuseMisspelledKeys misspells each key of each manifest in turn. The decoder refuses all
// of them, so it knows all the correct ones.
func TestManifests_RefuseMisspelledKeys(t *testing.T) {
	t.Parallel()
	key := regexp.MustCompile(`[a-zA-Z]+:( |\n)`)
	free := regexp.MustCompile(`labels|matchLabels|annotations|data: |app: |cpu: |memory: |ca\.crt|kubernetes\.io`)
	tried := 0
	for _, text := range manifests(t) {
		for _, at := range key.FindAllStringIndex(text, -1) {
			line := text[strings.LastIndexByte(text[:at[0]], '\n')+1 : at[1]]
			if strings.Contains(line, "#") || free.MatchString(line) {
				continue
			}
			tried++
			if _, err := decode(text[:at[1]-2] + "Oops" + text[at[1]-2:]); err == nil {
				t.Errorf("decode of the misspelt %q = nil, want an error", line)
			}
		}
	}
	if tried < 150 {
		t.Errorf("%d keys were misspelt, want at least 150", tried)
	}
}

func TestManifests_RestrictPods(t *testing.T) {
	t.Parallel()
	c := readCluster(t)
	for name, account := range c.accounts {
		if account.AutomountServiceAccountToken == nil || *account.AutomountServiceAccountToken {
			t.Errorf("the account %s gives its pods tokens for the API server, want automountServiceAccountToken: false", name)
		}
	}
	service, job := c.services[0], c.jobs[0]
	c.checkPod(t, service.Namespace, service.Spec.Template.Spec)
	c.checkPod(t, job.Namespace, job.Spec.JobTemplate.Spec.Template.Spec)
	labels := service.Spec.Template.Labels
	for label, value := range service.Spec.Selector.MatchLabels {
		if labels[label] != value {
			t.Errorf("the service %s selects %s=%s, want the label of its own pods, %q", service.Name, label, value, labels[label])
		}
	}
	jobs := job.Spec.JobTemplate.Spec
	if job.Spec.ConcurrencyPolicy != batch.ForbidConcurrent || jobs.BackoffLimit == nil || *jobs.BackoffLimit != 0 ||
		jobs.Template.Spec.RestartPolicy != core.RestartPolicyNever {
		t.Error("the status job may run twice at the same time or again after exit code 3, want one run without a retry")
	}
}

// checkPod checks the settings of a pod.
func (c *cluster) checkPod(t *testing.T, namespace string, pod core.PodSpec) {
	t.Helper()
	if c.spaces[namespace] == nil || c.accounts[namespace+"/"+pod.ServiceAccountName] == nil {
		t.Errorf("the manifests have no account %s in %s, want it with its namespace", pod.ServiceAccountName, namespace)
	}
	who := pod.SecurityContext
	if who == nil || who.RunAsNonRoot == nil || !*who.RunAsNonRoot || who.SeccompProfile == nil {
		t.Errorf("%s may run as root, want runAsNonRoot and a seccomp profile", pod.ServiceAccountName)
	}
	if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
		t.Errorf("%s gets a token for the API server, want automountServiceAccountToken: false", pod.ServiceAccountName)
	}
	for _, one := range pod.Containers {
		may := one.SecurityContext
		if may == nil || may.ReadOnlyRootFilesystem == nil || !*may.ReadOnlyRootFilesystem ||
			may.AllowPrivilegeEscalation == nil || *may.AllowPrivilegeEscalation || fmt.Sprint(may.Capabilities) != "&Capabilities{Add:[],Drop:[ALL],}" {
			t.Errorf("%s has the rights %v, want a read-only file system and no capability", one.Name, may)
		}
		if one.Resources.Limits.Cpu().IsZero() || one.Resources.Limits.Memory().IsZero() {
			t.Errorf("%s has no resource limits, want limits of CPU and memory", one.Name)
		}
		for _, variable := range one.Env {
			if variable.ValueFrom != nil || strings.Contains(variable.Name, "TOKEN") || strings.Contains(variable.Name, "SECRET") {
				t.Errorf("%s gets the variable %s, want no secret in a variable", one.Name, variable.Name)
			}
		}
	}
}
