package pipelinetest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// githubRun is a job of the workflow, run as GitHub does.
type githubRun struct {
	*sandbox
	world  *world
	flow   *workflow
	job    *job
	inputs map[string]string
	claims map[string]any
	before map[string]func() // by the name of the step
	env    map[string]string // added to the workflow's
	others []string          // secrets of earlier jobs
	// artifacts are the files that the jobs of this run hand on. If there is a program, the job
	// that builds it does not run.
	artifacts map[string][]byte
	saves     map[string]string // the file to cache, by its key, if the job succeeds

	path    []string
	outputs map[string]string
	printed map[string]string // by the name of the step
	status  int               // of the first step that failed
}

// newRun returns a run of the job of this name on the main branch.
func newRun(t *testing.T, w *world, name string, inputs map[string]string) *githubRun {
	t.Helper()
	flow := readWorkflow(t)
	r := &githubRun{
		sandbox: newSandbox(t), world: w, flow: flow, job: flow.Jobs[name], inputs: inputs,
		claims: map[string]any{
			"repository": "goblin/assistant", "repository_id": "1001", "ref": "refs/heads/main", "event_name": "workflow_dispatch",
			"workflow_ref": workflowRef,
		},
		artifacts: map[string][]byte{}, saves: map[string]string{}, outputs: map[string]string{}, printed: map[string]string{},
	}
	if r.job.If == "github.event_name == 'schedule'" {
		r.claims["event_name"] = "schedule"
	}
	r.others = r.created()
	if r.job.Environment != "" {
		r.claims["environment"] = r.job.Environment
	}
	return r
}

// workflowRef names the workflow and its branch.
const workflowRef = "goblin/assistant/.github/workflows/github-rotate.yml@refs/heads/main"

const runURL = "https://github.example/goblin/assistant/actions/runs/4242"

// variables returns the variables that GitHub sets for each job.
func (r *githubRun) variables() map[string]string {
	return map[string]string{
		"GITHUB_ACTIONS": "true", "CI": "true", "RUNNER_TEMP": r.temp, "GITHUB_WORKSPACE": r.workspace,
		"GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "goblin/assistant", "GITHUB_RUN_ID": "4242", "GITHUB_WORKFLOW_REF": workflowRef,
		"GITHUB_ACTOR": "fake-author", "GITHUB_TRIGGERING_ACTOR": "fake-person",
		"GITHUB_ENV": r.outside("env"), "GITHUB_OUTPUT": r.outside("output"),
		"GITHUB_PATH": r.outside("path"), "GITHUB_STEP_SUMMARY": r.outside("summary"),
	}
}

// quickRun is newRun without the job that builds vaultkit.
func quickRun(t *testing.T, w *world, name string, inputs map[string]string) *githubRun {
	t.Helper()
	r := newRun(t, w, name, inputs)
	r.artifacts["vaultkit"] = program(t)
	return r
}

// execute runs the steps in order. After a failure it runs only those that always run. It
// checks that no output contains a secret.
func (r *githubRun) execute(t *testing.T) {
	t.Helper()
	if r.artifacts["vaultkit"] == nil && r.job.Needs != "" {
		r.runNeeded(t)
		if r.status != 0 {
			return
		}
	}
	env := r.variables()
	if r.job.Permissions["id-token"] == "write" {
		maps.Copy(env, r.world.github.Job(r.claims))
	}
	for _, more := range []map[string]string{r.flow.Env, r.job.Env} {
		for name, value := range more {
			env[name] = r.expand(t, value)
		}
	}
	maps.Copy(env, r.env)
	for _, s := range r.job.Steps {
		if r.status != 0 || !r.shouldRun(t, s.If) {
			continue
		}
		if hook := r.before[s.Name]; hook != nil {
			hook()
		}
		switch {
		case s.Uses != "":
			r.use(t, s)
		default:
			r.runStep(t, s, env)
		}
		if s.Name == "Install vaultkit" && r.status == 0 {
			r.note(t, filepath.Join(r.temp, "bin/vaultkit"))
		}
	}
	if r.status == 0 {
		for key, file := range r.saves {
			text, err := os.ReadFile(file)
			must(t, err)
			r.world.caches[key] = text
		}
	}
	r.check(t)
}

// runNeeded runs the job that this one needs, on its own machine.
func (r *githubRun) runNeeded(t *testing.T) {
	t.Helper()
	needed := newRun(t, r.world, r.job.Needs, nil)
	needed.env, needed.artifacts = r.env, r.artifacts
	needed.execute(t)
	r.status = needed.status
	for name, printed := range needed.printed {
		r.printed[r.job.Needs+": "+name] = printed
	}
}

// unset matches the only condition of a step: that another step has not set an output.
var unset = regexp.MustCompile(`^\$\{\{ ! (steps\.\w+\.outputs\.\w+) \}\}$`)

func (r *githubRun) shouldRun(t *testing.T, condition string) bool {
	t.Helper()
	if condition == "" {
		return true
	}
	match := unset.FindStringSubmatch(condition)
	if match == nil {
		t.Fatalf("the tests cannot evaluate if: %s, want a condition that they know", condition)
	}
	return r.outputs[match[1]] == ""
}

func (r *githubRun) runStep(t *testing.T, s step, env map[string]string) {
	t.Helper()
	for _, name := range []string{"GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH"} {
		must(t, os.WriteFile(env[name], nil, 0o600))
	}
	own := maps.Clone(env)
	for name, value := range s.Env {
		own[name] = r.expand(t, value)
	}
	own["PATH"] = strings.Join(append(r.path, r.sandbox.env["PATH"]), ":")
	status, printed := r.shell(t, filepath.Join(r.workspace, s.Dir), s.Run, own)
	r.printed[s.Name] = printed
	if r.status == 0 {
		r.status = status
	}
	for name, value := range assignments(t, env["GITHUB_ENV"]) {
		env[name] = value
		r.world.assertNoSecret(t, "a variable of the job", value)
	}
	for name, value := range assignments(t, env["GITHUB_OUTPUT"]) {
		r.outputs["steps."+s.ID+".outputs."+name] = value
	}
	added, err := os.ReadFile(env["GITHUB_PATH"])
	must(t, err)
	r.path = append(strings.Fields(string(added)), r.path...)
}

// assignments returns the lines of a file in which a step stores its results.
func assignments(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	found := map[string]string{}
	for rest := string(text); rest != ""; {
		line, after, _ := strings.Cut(rest, "\n")
		name, value, ok := strings.Cut(line, "=")
		if before, end, block := strings.Cut(line, "<<"); block {
			name = before
			value, after, ok = strings.Cut(after, "\n"+end+"\n")
		}
		if !ok {
			t.Fatalf("%s has a line that is not name=value, want only such lines", filepath.Base(file))
		}
		found[name], rest = value, after
	}
	return found
}

var expression = regexp.MustCompile(`\$\{\{ ([\w.]+) \}\}`)

// expand replaces the expressions that the workflow may use.
func (r *githubRun) expand(t *testing.T, text string) string {
	t.Helper()
	return expression.ReplaceAllStringFunc(text, func(one string) string {
		name := expression.FindStringSubmatch(one)[1]
		input, isInput := strings.CutPrefix(name, "inputs.")
		output, isOutput := r.outputs[name]
		switch {
		case isInput:
			return r.inputs[input]
		case isOutput:
			return output
		case name == "vars.VAULT_ADDR":
			return r.world.URL
		case name == "vars.VAULTKIT_SHA256":
			return checksum(t)
		case name == "vars.VAULTKIT_REPOSITORY", name == "vars.VAULTKIT_REF":
			return name
		}
		t.Fatalf("the tests cannot expand %s, want an expression that they know", one)
		return ""
	})
}

// use simulates the actions.
func (r *githubRun) use(t *testing.T, s step) {
	t.Helper()
	with := map[string]string{}
	for name, value := range s.With {
		with[name] = r.expand(t, fmt.Sprint(value))
	}
	path := filepath.Join(r.workspace, with["path"])
	switch action, _, _ := strings.Cut(s.Uses, "@"); action {
	case "actions/cache":
		if cached, found := r.world.caches[with["key"]]; found {
			must(t, os.WriteFile(path, cached, 0o755))
		} else {
			r.saves[with["key"]] = path
		}
	case "actions/upload-artifact":
		text, err := os.ReadFile(path)
		must(t, err)
		r.artifacts[with["name"]] = text
	case "actions/download-artifact": // which does not keep the mode
		must(t, os.MkdirAll(path, 0o700))
		must(t, os.WriteFile(filepath.Join(path, with["name"]), r.artifacts[with["name"]], 0o600))
	case "actions/setup-go": // Go is installed already
		if with["go-version"] != goVersion(t) {
			t.Errorf("the workflow builds with Go %s, want %s as docs/pipelines.md", with["go-version"], goVersion(t))
		}
	case "actions/checkout":
		if with["repository"] == "" {
			r.world.checkOut(t, r.sandbox)
			return
		}
		if with["repository"] != "vars.VAULTKIT_REPOSITORY" || with["ref"] != "vars.VAULTKIT_REF" {
			t.Errorf("the workflow checks out %s at %s, want the variables", with["repository"], with["ref"])
		}
		must(t, os.CopyFS(path, os.DirFS(sources(t))))
	default:
		t.Fatalf("the tests do not know %s, want an action that they know", s.Uses)
	}
}

// created returns the secrets that jobs have seen and GitHub does not know: identity tokens and new
// keys, which GitHub searches line by line. The tokens of Vault stay in the memory of vaultkit.
func (r *githubRun) created() []string {
	all := r.world.github.Signed()
	key := strings.ReplaceAll(r.outputs["steps.create.outputs.key"], "\r", "\n")
	for line := range strings.SplitSeq(key, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// unescape removes the escapes of a command's data, as the runner does.
var unescape = strings.NewReplacer("%0D", "\r", "%0A", "\n", "%25", "%")

// check fails if the output or a file of the job contains a secret, or if a secret in it has no
// mask.
func (r *githubRun) check(t *testing.T) {
	t.Helper()
	var masked []string
	for name, printed := range r.printed {
		for line := range strings.Lines(printed) {
			if secret, is := strings.CutPrefix(line, "::add-mask::"); is {
				masked = append(masked, unescape.Replace(strings.TrimSuffix(secret, "\n")))
				continue
			}
			r.world.assertNoSecret(t, "the step "+name, line)
		}
	}
	for _, secret := range r.created() {
		if !slices.Contains(masked, secret) && !slices.Contains(r.others, secret) {
			t.Error("a secret of the job has no mask, want one for each")
		}
	}
	summary, _ := os.ReadFile(r.outside("summary")) // a job may have no summary
	r.world.assertNoSecret(t, "the summary", string(summary))
	r.assertNoSecrets(t, r.world)
}
