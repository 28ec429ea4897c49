package pipelinetest

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestOwnWorkflow checks the workflow that runs this repository's own checks: it is valid,
// it may only read, its actions are pinned as in the workflow for users, and it runs .ci/run.
func TestOwnWorkflow(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(root + ".github/workflows/ci.yml")
	must(t, err)
	if found := lint(t, string(text)); len(found) > 0 {
		t.Errorf("actionlint of ci.yml found\n%s\nwant nothing", strings.Join(found, "\n"))
	}
	var w workflow
	must(t, yaml.Unmarshal(text, &w))
	if want := map[string]string{"contents": "read"}; !maps.Equal(w.Permissions, want) {
		t.Errorf("permissions = %v, want %v", w.Permissions, want)
	}
	var runs []string
	for name, j := range w.Jobs {
		if len(j.Permissions) > 0 {
			t.Errorf("job %s: permissions = %v, want the workflow's", name, j.Permissions)
		}
		for _, s := range j.Steps {
			if s.Run != "" {
				runs = append(runs, s.Run)
			}
		}
	}
	if want := []string{"bash .ci/run"}; !slices.Equal(runs, want) {
		t.Errorf("the steps run %q, want %q", runs, want)
	}
	users := usesLines(readFile(t, workflowFile))
	for _, line := range usesLines(string(text)) {
		if !slices.Contains(users, line) {
			t.Errorf("ci.yml has %q, want one of %q, the actions of %s", line, users, workflowFile)
		}
	}
}

// usesLines returns what a workflow's "uses:" lines name, with the version in the comment.
func usesLines(text string) []string {
	var found []string
	for line := range strings.Lines(text) {
		if _, action, ok := strings.Cut(line, "uses: "); ok {
			found = append(found, strings.TrimSpace(action))
		}
	}
	return found
}
