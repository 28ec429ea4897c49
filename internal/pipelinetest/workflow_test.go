package pipelinetest

import (
	"io"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"sigs.k8s.io/yaml"
)

// workflow holds what the tests need of a GitHub workflow.
type workflow struct {
	Permissions map[string]string
	Env         map[string]string
	Jobs        map[string]*job
}

type job struct {
	If          string
	Needs       string
	Environment string
	Permissions map[string]string
	Concurrency struct {
		Group  string
		Cancel *bool `json:"cancel-in-progress"`
	}
	Env   map[string]string
	Steps []step
}

type step struct {
	ID, Name, If, Uses, Run string
	With                    map[string]any
	Env                     map[string]string
	Dir                     string `json:"working-directory"`
}

const workflowFile = "github-rotate.yml"

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(files + name)
	must(t, err)
	return string(text)
}

func readWorkflow(t *testing.T) *workflow {
	t.Helper()
	var w workflow
	must(t, yaml.Unmarshal([]byte(readFile(t, workflowFile)), &w))
	if len(w.Jobs) != 5 {
		t.Fatalf("the workflow has %d jobs, want 5", len(w.Jobs))
	}
	return &w
}

// lint lints a workflow, and its shell if shellcheck is installed.
func lint(t *testing.T, text string) (found []string) {
	t.Helper()
	shellcheck, _ := exec.LookPath("shellcheck") // empty: not installed, and the shell blocks run anyway
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{Shellcheck: shellcheck})
	must(t, err)
	errs, err := linter.Lint(workflowFile, []byte(text), nil)
	must(t, err)
	for _, one := range errs {
		found = append(found, one.Error())
	}
	return found
}

func TestWorkflowIsLinted(t *testing.T) {
	t.Parallel()
	text := readFile(t, workflowFile)
	if found := lint(t, text); len(found) > 0 {
		t.Errorf("actionlint found\n%s\nwant nothing", strings.Join(found, "\n"))
	}
	for name, change := range map[string][2]string{
		"an input there is not":    {"${{ inputs.reason }}", "${{ inputs.raeson }}"},
		"an output there is not":   {"steps.create.outputs", "steps.craete.outputs"},
		"a key there is not":       {"timeout-minutes", "timeout-minute"},
		"a permission there isn't": {"id-token: write # for", "id-token: full # for"},
	} {
		broken := strings.Replace(text, change[0], change[1], 1)
		if broken == text || len(lint(t, broken)) == 0 {
			t.Errorf("actionlint accepts %s, want an error", name)
		}
	}
}

var pinned = regexp.MustCompile(`^actions/(cache|checkout|download-artifact|setup-go|upload-artifact)@[0-9a-f]{40}$`)

// TestWorkflow_RestrictsJobs checks what the linter does not check.
func TestWorkflow_RestrictsJobs(t *testing.T) {
	t.Parallel()
	w := readWorkflow(t)
	if len(w.Permissions) != 0 {
		t.Error("the workflow has permissions, want none")
	}
	for name, j := range w.Jobs {
		want := map[string]string{"contents": "read", "id-token": "write"}
		if name == "program" { // it unpacks what other jobs have written
			delete(want, "id-token")
		}
		if !maps.Equal(j.Permissions, want) {
			t.Errorf("%s has the permissions %v, want %v", name, j.Permissions, want)
		}
		for _, s := range j.Steps {
			if strings.HasPrefix(s.Uses, "actions/cache@") && name != "program" {
				t.Errorf("%s restores a cache, want only program to: it has no token for Vault", name)
			}
			if strings.Contains(s.Run, "${{") {
				t.Errorf("%s, %s: the shell contains an expression, want variables", name, s.Name)
			}
			if s.Uses != "" && !pinned.MatchString(s.Uses) {
				t.Errorf("%s uses %s, want an action pinned by its commit", name, s.Uses)
			}
		}
	}
	for _, name := range []string{"rotate", "rollback"} {
		j := w.Jobs[name]
		c := j.Concurrency
		if c.Group != "provider-key-${{ inputs.provider }}" || c.Cancel == nil || *c.Cancel {
			t.Errorf("%s has the concurrency %+v, want one run at a time for a provider, and none cancelled", name, c)
		}
		if j.Environment != "production" || j.If != "github.event_name == 'workflow_dispatch' && inputs.action == '"+name+"'" {
			t.Errorf("%s runs if %q in %q, want a manual start with its action, in production", name, j.If, j.Environment)
		}
	}
}

// TestPins checks that the file uses one version of each action and names it in a comment.
func TestPins(t *testing.T) {
	t.Parallel()
	found := regexp.MustCompile(`uses: (\S+)(.*)`).FindAllStringSubmatch(readFile(t, workflowFile), -1)
	var versions []string
	for _, one := range found {
		if !regexp.MustCompile(`^ # v\d+\.\d+\.\d+$`).MatchString(one[2]) {
			t.Errorf("%s has the comment %q, want its version", one[1], one[2])
		}
		versions = append(versions, one[1])
	}
	slices.Sort(versions)
	if versions = slices.Compact(versions); len(versions) != 5 {
		t.Errorf("the workflow uses %v, want five actions, each in one version", versions)
	}
}
