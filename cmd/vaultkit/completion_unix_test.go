//go:build unix

package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"goblin/vaultkit/cmd/vaultkit/internal/completion"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

// Completion does not read from a pipe: that would take its content, or wait for it.
func TestComplete_ReadsNoPipe(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	for _, variable := range []string{"VAULT_TOKEN", "VAULT_ROLE_ID", "VAULTKIT_AUTH"} {
		t.Setenv(variable, "")
	}
	provider, key := stored(t)
	address, pipe := []string{"--address", vaulttest.Server().Addr()}, filepath.Join(home, ".vault-token")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatalf("syscall.Mkfifo() = %v, want no error", err)
	}
	for name, flags := range map[string][]string{
		"token":          {"--token-file", pipe},
		"CA":             {"--token-file", file(t, vaulttest.Server().RootToken()), "--ca-cert", pipe},
		"JWT":            {"--kubernetes-role", "r", "--jwt-file", pipe},
		"~/.vault-token": nil,
	} {
		start := time.Now()
		if offered, _ := completed(t, slices.Concat(address, flags, []string{"get", ""})...); len(offered) > 0 {
			t.Errorf("completion of get with the %s in a pipe = %q, want nothing", name, offered)
		}
		if took := time.Since(start); took > completion.Timeout {
			t.Errorf("completion of get with the %s in a pipe took %s, want at most %s", name, took, completion.Timeout)
		}
	}
	go func() { _ = os.WriteFile(pipe, []byte(vaulttest.Server().RootToken()), 0o600) }()
	vkBare(t.Context(), t, "", append([]string{"get", provider, "--token-file", pipe}, address...)...).prints(t, key+"\n")
}

// Completion offers what it has read, even if the logout gets no response.
func TestComplete_DoesNotWaitForTheLogout(t *testing.T) {
	t.Parallel()
	provider, _ := stored(t)
	login := pod(t, "reader")
	for name, word := range map[string]string{"/revoke-self": provider, "/metadata/": ""} {
		flags := proxy(t, faultproxy.OnEvery("", name, faultproxy.Hang()))[:2] // the address
		start := time.Now()
		offered, _ := completed(t, slices.Concat(flags, login, []string{"get", provider[:len(provider)-1]})...)
		if slices.Contains(offered, provider) != (word != "") {
			t.Errorf("completion of get without a response to %s = %q, want %q", name, offered, word)
		}
		if took := time.Since(start); took > completion.Timeout+time.Second {
			t.Errorf("completion of get without a response to %s took %s, want at most %s", name, took, completion.Timeout+time.Second)
		}
	}
}

// pod sets up a Kubernetes login with one of the committed policies, and returns its flags.
func pod(t testing.TB, policy string) []string {
	t.Helper()
	cluster, root, mount := vaulttest.NewCluster(), vaulttest.Root(t), vaulttest.Name(t)
	t.Cleanup(cluster.Close)
	_, err1 := root.Logical().WriteWithContext(t.Context(), "sys/auth/"+mount, map[string]any{"type": "kubernetes"})
	_, err2 := root.Logical().WriteWithContext(t.Context(), "auth/"+mount+"/config", cluster.Config())
	_, err3 := root.Logical().WriteWithContext(t.Context(), "auth/"+mount+"/role/pod", cluster.Role(mount))
	err4 := root.Sys().PutPolicyWithContext(t.Context(), mount, vaulttest.Policy(t, "../../", policy))
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatalf("set-up of the Kubernetes login = %v, want no error", err)
	}
	return []string{"--kubernetes-role", "pod", "--kubernetes-mount", mount, "--jwt-file", file(t, cluster.JWT(mount, true))}
}
