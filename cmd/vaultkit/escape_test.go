package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// evil controls a terminal, and a pipeline that reads its log.
const evil = "evil\n::error::x\x1b]0;title\a\u009b31m\u202e"

// Neither a field's name nor a server's text can control the terminal.
func TestOutput_EscapesControlCharacters(t *testing.T) {
	t.Parallel()
	provider := vaulttest.Name(t)
	vaulttest.Put(t, "providers/"+provider, map[string]any{evil: newKey()})
	refused := proxy(t, faultproxy.OnEvery("GET", "/data/",
		faultproxy.Error(400, `{"errors":["evil\n::error::x\u001b]0;title\u0007\u009b31m\u202e"]}`, false)))
	warned := proxy(t, faultproxy.OnEvery("PATCH", "",
		faultproxy.Error(400, `{"errors":["evil\n::error::x\u001b]0;title\u0007\u009b31m\u202e"]}`, false)))
	other, _ := stored(t)
	for name, r := range map[string]result{
		"get":       vk(t, "", "get", provider),
		"env":       vk(t, "", "env", provider),
		"rotate":    vk(t, newKey(), "rotate", provider, "--new-key-stdin", "--dry-run"),
		"an answer": vkBare(t.Context(), t, "", append(refused, "get", provider)...),
		"a warning": vkBare(t.Context(), t, newKey(), append(warned, "rotate", other, "--new-key-stdin", "--expires-in", "90d")...),
		"verbose":   vkBare(t.Context(), t, "", append(refused, "get", provider, "--verbose")...),
	} {
		if strings.ContainsAny(r.err+r.out, "\x1b\a\u009b\u202e") || strings.Contains(r.err+r.out, "\n::error::") {
			t.Errorf("vaultkit %s prints %q, want it escaped", r.call, r.err+r.out)
		}
		if name != "rotate" && !strings.Contains(strings.ToLower(r.err+r.out), "evil") {
			t.Errorf("vaultkit %s prints %q, want the text of the server or field in it", r.call, r.err+r.out)
		}
	}
}

// Errors of every type are escaped.
func TestReport_EscapesErrors(t *testing.T) {
	for name, err := range map[string]error{
		"plain":   errors.New(evil),
		"wrapped": fmt.Errorf("open %s: %w", evil, errors.New(evil)),
		"usage":   exitcode.UsageErrorf("%s", evil),
		"hinted":  exitcode.WithHint(errors.New(evil), "hint"),
	} {
		var out strings.Builder
		c := newCLI(terminal.Streams{Out: &out, Err: &out})
		c.report(c.root(), err)
		c.IO.Warn("%s", evil)
		text := out.String()
		if strings.ContainsAny(text, "\x1b\a\u009b\u202e") || strings.Contains(text, "\n::error::") || !strings.Contains(text, `evil\n`) {
			t.Errorf("report(%s error) prints %q, want it escaped", name, text)
		}
	}
}
