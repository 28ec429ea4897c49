package pipelinetest

import (
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
	quick  bool              // vaultkit is built already: do not build it
	others []string          // secrets of earlier jobs

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
			"workflow_ref": "goblin/assistant/.github/workflows/github-rotate.yml@refs/heads/main",
		},
		outputs: map[string]string{}, printed: map[string]string{},
	}
	r.others = r.created()
	if r.job.Environment != "" {
		r.claims["environment"] = r.job.Environment
	}
	return r
}

const runURL = "https://github.example/goblin/assistant/actions/runs/4242"

// variables returns the variables that GitHub sets for each job.
func (r *githubRun) variables() map[string]string {
	return map[string]string{
		"GITHUB_ACTIONS": "true", "CI": "true", "RUNNER_TEMP": r.temp, "GITHUB_WORKSPACE": r.workspace,
		"GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "goblin/assistant", "GITHUB_RUN_ID": "4242",
		"GITHUB_ACTOR": "fake-author", "GITHUB_TRIGGERING_ACTOR": "fake-person",
		"GITHUB_ENV": r.outside("env"), "GITHUB_OUTPUT": r.outside("output"),
		"GITHUB_PATH": r.outside("path"), "GITHUB_STEP_SUMMARY": r.outside("summary"),
	}
}

// quickRun is newRun without the steps that build vaultkit.
func quickRun(t *testing.T, w *world, name string, inputs map[string]string) *githubRun {
	t.Helper()
	r := newRun(t, w, name, inputs)
	r.quick = true
	r.install(t, "vaultkit", vaultkit)
	return r
}

// execute runs the steps in order. After a failure it runs only those that always run. It
// checks that no output contains a secret.
func (r *githubRun) execute(t *testing.T) {
	t.Helper()
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
		if r.status != 0 && s.If != "always()" {
			continue
		}
		if hook := r.before[s.Name]; hook != nil {
			hook()
		}
		switch {
		case s.Uses != "":
			r.use(t, s)
		case r.quick && s.Name == "Install vaultkit":
		default:
			r.runStep(t, s, env)
		}
	}
	r.check(t)
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
		}
		t.Fatalf("the tests cannot expand %s, want an expression that they know", one)
		return ""
	})
}

// use simulates the two actions.
func (r *githubRun) use(t *testing.T, s step) {
	t.Helper()
	switch path, _ := s.With["path"].(string); {
	case r.quick && s.With["path"] != nil, r.quick && strings.HasPrefix(s.Uses, "actions/setup-go@"):
	case strings.HasPrefix(s.Uses, "actions/setup-go@"): // Go is installed already
		if _, err := os.Stat(filepath.Join(r.workspace, s.With["go-version-file"].(string))); err != nil {
			t.Error(err)
		}
	case path == "":
		r.scripts(t)
	default:
		must(t, os.CopyFS(filepath.Join(r.workspace, path), os.DirFS(sources(t))))
	}
}

// created returns the secrets that jobs have created, which GitHub does not know. It searches
// them line by line.
func (r *githubRun) created() []string {
	all := append(r.world.tokens(), r.world.github.Signed()...)
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
