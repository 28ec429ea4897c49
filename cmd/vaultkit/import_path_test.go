package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/faultproxy"
	"goblin/vaultkit/internal/vaulttest"
)

func TestImport_FromAnotherPath(t *testing.T) {
	t.Parallel()
	root, key := vaulttest.Root(t), newKey()
	for _, version := range []string{"1", "2"} {
		mount := vaulttest.MountEngine(t, "kv", map[string]string{"version": version})
		write := func(path string, fields map[string]any) {
			t.Helper()
			if version == "2" {
				path, fields = strings.Replace(path, mount, mount+"/data", 1), map[string]any{"data": fields}
			}
			if _, err := root.Logical().WriteWithContext(t.Context(), path, fields); err != nil {
				t.Fatalf("WriteWithContext(%s) = %v, want no error", path, err)
			}
		}
		write(mount+"/old/openai-gpt4", map[string]any{"api_key": key, "tries": json.Number("3"), "on": true})
		write(mount+"/old/local_llama", map[string]any{"api_key": key})
		write(mount+"/old/deeper/x", map[string]any{"api_key": key})
		write(mount+"/app", map[string]any{"OPENAI_API_KEY": key, "DATABASE_URL": key})
		from := func(token, base, path string, args ...string) result {
			return vkAs(t, token, "", append([]string{"import", "--from-path", path, "--yes", "--base", base}, args...)...)
		}
		base, token := vaulttest.Name(t), vaulttest.Server().RootToken()
		want := map[string]map[string]string{"openai-gpt4": {"api_key": key, "tries": "3", "on": "true"}, "local_llama": {"api_key": key}}
		if version == "2" {
			write(mount+"/old/gone", map[string]any{"api_key": key})
			if err := root.KVv2(mount).Delete(t.Context(), "old/gone"); err != nil {
				t.Fatalf("Delete(old/gone) = %v, want no error", err)
			}
			from(token, base, mount+"/old", "--dry-run").errHas(t, "deleted: gone")
		}
		r := from(token, base, mount+"/old/")
		r.ok(t)
		r.errHas(t, "folders, which are not read: deeper/")
		hasSecrets(t, base, want)
		from(token, base, mount+"/app").shows(t, "openai\tcreated\t1\tapi_key")
		from(token, base, mount+"/none").exits(t, exitcode.Usage, "nothing to import")
		// A token that may only read and list there, besides creating.
		rights := fmt.Sprintf(`path "%s/*" { capabilities = ["read", "list"] }`, mount)
		narrow := vaulttest.Token(t, vaulttest.Policy(t, "../../", "provisioner")+"\n"+strings.ReplaceAll(vaulttest.Policy(t, "../../", "provisioner"), vaulttest.Base, base+"-2")+"\n"+rights)
		from(narrow, base+"-2", mount+"/old").ok(t)
		hasSecrets(t, base+"-2", want)
		blind := vaulttest.Token(t, vaulttest.Policy(t, "../../", "provisioner")+"\n"+strings.ReplaceAll(rights, `, "list"`, ""))
		from(blind, vaulttest.Base, mount+"/old", "--dry-run").exits(t, exitcode.Denied, `capability "list" is missing`)
		from(blind, vaulttest.Base, mount+"/app", "--dry-run").shows(t, "OPENAI_API_KEY\topenai\tapi_key\tcreate")
		from(role(t, "provisioner"), vaulttest.Base, mount+"/old").exits(t, exitcode.Denied, "the path to import from cannot be read")
	}
	for path, says := range map[string]string{
		"secret/" + vaulttest.Base + "/providers/":     "is where vaultkit keeps its providers",
		"secret/" + vaulttest.Base + "/backups/openai": "is where vaultkit keeps its backups",
		"secret/../sys": "is not like MOUNT/PATH", "sys/policy": "is not in a KV mount", "secret//x": "is not like MOUNT/PATH",
	} {
		vk(t, "", "import", "--from-path", path, "--yes").exits(t, exitcode.Usage, says)
	}
}

// Responses that no Vault sends do not lead to another path, and are not repeated.
func TestImport_TrustsNoResponseAboutAPath(t *testing.T) {
	t.Parallel()
	const mounts, list = "sys/internal/ui/mounts/secret/" + vaulttest.Base + "/old", "/metadata/" + vaulttest.Base + "/old"
	replace := func(old, other string) faultproxy.Action {
		return faultproxy.Rewrite(func(_ int, body []byte) []byte { return []byte(strings.ReplaceAll(string(body), old, other)) })
	}
	vaulttest.Put(t, "old/import-p", map[string]any{"api_key": newKey()})
	for name, tc := range map[string]struct {
		rule faultproxy.Rule
		code int
		says string
	}{
		"no mount":      {faultproxy.OnEvery("GET", mounts, faultproxy.Error(404, `{"errors": []}`, false)), exitcode.Usage, "is not in a KV mount"},
		"another mount": {faultproxy.OnEvery("GET", mounts, replace(`"secret/"`, `"sys/"`)), exitcode.Usage, "is not in a KV mount"},
		"a proxy":       {faultproxy.OnEvery("GET", mounts, faultproxy.Error(502, "SECRET\x1b[31m", false)), exitcode.Unavailable, "status 502"},
		"no JSON":       {faultproxy.OnEvery("GET", mounts, faultproxy.Error(200, "SECRET\x1b[31m", false)), exitcode.Unavailable, "cannot be read"},
		"a way out":     {faultproxy.OnEvery("", list, replace(`"import-p"`, `"..","../../../sys/health"`)), exitcode.Usage, "nothing to import"},
	} {
		through, flags := newProxy(t, tc.rule)
		r := vkBare(t.Context(), t, "", append(flags, "import", "--from-path", "secret/"+vaulttest.Base+"/old", "--dry-run")...)
		if r.exits(t, tc.code, tc.says); strings.Contains(r.err, "SECRET") {
			t.Errorf("vaultkit import --from-path, %s: stderr = %q, want nothing of the response", name, r.err)
		}
		for _, request := range through.Log() {
			if strings.Contains(request.Path, "health") || strings.HasSuffix(request.Path, "/data/"+vaulttest.Base) {
				t.Errorf("vaultkit import --from-path, %s: requests %s, want only what is below the path", name, request.Path)
			}
		}
	}
}
