//go:build unix

package main

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/spf13/cobra"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/command/importkeys"
	"goblin/vaultkit/cmd/vaultkit/internal/command/revokeold"
	"goblin/vaultkit/cmd/vaultkit/internal/command/rotate"
	"goblin/vaultkit/cmd/vaultkit/internal/command/setup"
	"goblin/vaultkit/cmd/vaultkit/internal/command/verify"
	"goblin/vaultkit/cmd/vaultkit/internal/command/version"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/doctor"
)

// call is a line of a script that runs the program.
type call struct {
	script string
	code   int
	words  []string
	keys   []string // of the jsonkeys lines that follow
}

// calls returns the calls in all scripts.
func calls(t *testing.T) []call {
	t.Helper()
	files, err := filepath.Glob(scriptDir + "/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("scripts in %s = %q, %v, want some", scriptDir, files, err)
	}
	var found []call
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("os.ReadFile() = %v, want no error", err)
		}
		found = append(found, callsOf(t, filepath.Base(file), string(txtar.Parse(text).Comment))...)
	}
	return found
}

func callsOf(t *testing.T, script, text string) (found []call) {
	t.Helper()
	for line := range strings.Lines(text) {
		words := strings.Fields(strings.ReplaceAll(line, "'", ""))
		code := exitcode.OK
		if len(words) > 2 && words[0] == "exits" {
			var err error
			if code, err = strconv.Atoi(words[1]); err != nil {
				t.Errorf("%s: %q has the exit code %q, want a number", script, line, words[1])
			}
			words = words[2:]
		}
		switch {
		case len(words) == 0:
		case words[0] == "vaultkit":
			found = append(found, call{script: script, code: code, words: words[1:]})
		case words[0] == "jsonkeys" && len(found) > 0:
			last := &found[len(found)-1]
			last.keys = append(last.keys, words[2:]...)
		case words[0] == "exec":
			t.Errorf("%s: got %q, want no exec: the output of what it runs is not checked for keys", script, line)
		}
	}
	return found
}

// flags returns the flags of a call.
func (c call) flags() (names []string) {
	for _, word := range c.words {
		if word == "--" {
			break
		}
		if strings.HasPrefix(word, "--") {
			name, _, _ := strings.Cut(word, "=")
			names = append(names, name)
		}
	}
	return names
}

// flagLine matches the description of a flag. It does not match -h, --help.
var flagLine = regexp.MustCompile(`(?m)^      (--[a-z-]+)`)

// The scripts show every command, flag, exit code and JSON key.
func TestScripts_ShowEveryCommandAndFlag(t *testing.T) {
	t.Parallel()
	root, shown, codes := newCLI(terminal.Streams{}).root(), map[string]bool{}, map[int]bool{}
	keys := map[string]map[string]bool{}
	for _, one := range calls(t) {
		cmd, _, err := root.Find(one.words)
		if err != nil && one.code != exitcode.Usage {
			continue // __complete
		}
		codes[one.code] = true
		_, name, _ := strings.Cut(cmd.CommandPath(), " ")
		shown[name] = true
		for _, flag := range one.flags() {
			shown[name+" "+flag], shown[flag] = true, true
		}
		if keys[name] == nil {
			keys[name] = map[string]bool{}
		}
		for _, key := range one.keys {
			keys[name][key] = true
		}
	}
	eachCommand(root, func(name string, cmd *cobra.Command) {
		if !shown[name] {
			t.Errorf("no script runs vaultkit %s, want one", name)
		}
		for _, match := range flagLine.FindAllStringSubmatch(cmd.LocalFlags().FlagUsages(), -1) {
			flag := match[1]
			if cmd == root && !shown[flag] || cmd != root && !shown[name+" "+flag] {
				t.Errorf("no script runs vaultkit %s %s, want one", name, flag)
			}
		}
	})
	for code := exitcode.OK; code <= exitcode.NoChange; code++ {
		if !codes[code] {
			t.Errorf("no script has exit code %d, want one", code)
		}
	}
	for commands, want := range jsonKeys() {
		got := map[string]bool{}
		for name := range strings.FieldsSeq(commands) {
			maps.Copy(got, keys[name])
			if !shown[name+" --json"] {
				t.Errorf("no script runs vaultkit %s --json, want one", name)
			}
		}
		if got := slices.Sorted(maps.Keys(got)); !slices.Equal(got, want) {
			t.Errorf("JSON keys of vaultkit %s in the scripts =\n%s, want\n%s", commands, got, want)
		}
	}
}

// jsonKeys returns the JSON keys that commands can print, at any depth. Several commands
// print parts of a record. list prints an array of names; demo, dev, completion and help
// print no JSON.
func jsonKeys() map[string][]string {
	keys := map[string][]string{
		"get":    {"api_key", "field", "fields", "organization", "provider", "value"}, // with the fields that --all prints
		"list":   nil,
		"policy": {"policy", "role"},
		"put":    {"provider", "version"},
	}
	for commands, value := range map[string]any{
		"rotate rollback abort history": struct {
			vaultkit.Rotation
			rotate.Result
		}{},
		"revoke-old": revokeold.Result{},
		"import":     importkeys.Summary{},
		"status":     vaultkit.ProviderStatus{},
		"backups":    render.Backup{},
		"recover":    vaultkit.Resolution{},
		"doctor":     doctor.Finding{},
		"version":    version.Build{},
		"setup":      setup.Result{},
		"verify":     verify.Result{},
	} {
		found := map[string]bool{}
		jsonKeysOf(reflect.TypeOf(value), found)
		if commands != "revoke-old" {
			delete(found, "not_read") // is not stored, so no other command can show it
		}
		keys[commands] = slices.Sorted(maps.Keys(found))
	}
	return keys
}

func jsonKeysOf(t reflect.Type, found map[string]bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return
	}
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		if name != "" {
			found[name] = true
		}
		if name != "" || field.Anonymous {
			jsonKeysOf(field.Type, found)
		}
	}
}
