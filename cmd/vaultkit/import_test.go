package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/internal/vaulttest"
)

// importAt imports a text into the providers of a base path of its own, with --yes.
func importAt(t testing.TB, base, text string, args ...string) result {
	t.Helper()
	return vk(t, "", append([]string{"import", file(t, text), "--yes", "--base", base}, args...)...)
}

// secretsAt returns the fields of every provider below a base path.
func secretsAt(t testing.TB, base string) map[string]map[string]string {
	t.Helper()
	found := map[string]map[string]string{}
	for _, provider := range decode[[]string](t, vk(t, "", "list", "--base", base, "--json").ok(t), true) {
		found[provider] = decode[map[string]string](t, vk(t, "", "get", provider, "--all", "--base", base).ok(t), true)
	}
	return found
}

// hasSecrets fails the test unless the base path has exactly these secrets.
func hasSecrets(t testing.TB, base string, want map[string]map[string]string) {
	t.Helper()
	if got := secretsAt(t, base); !maps.EqualFunc(got, want, maps.Equal) {
		t.Errorf("secrets at %s = %v, want %v", base, got, want)
	}
}

// importSummary is what import --json prints.
type importSummary struct {
	DryRun    bool `json:"dry_run"`
	Providers []struct {
		Provider, Action, Outcome, Reason, ID string
		Version                               int
		ExitCode                              int `json:"exit_code"`
		Error                                 *string
		Fields                                []struct{ Field, From string }
	}
	NotImported []struct{ Name, Reason string } `json:"not_imported"`
}

// outcomes returns the action and the outcome of each provider.
func (s importSummary) outcomes() map[string]string {
	found := map[string]string{}
	for _, p := range s.Providers {
		found[p.Provider] = p.Action + ": " + p.Outcome
	}
	return found
}

// summaryOf decodes what a run printed and checks its exit code.
func summaryOf(t testing.TB, r result, code int) importSummary {
	t.Helper()
	r.exits(t, code)
	return decode[importSummary](t, r.out, true)
}

func TestImport_MapsTheNamesThatEnvWrites(t *testing.T) {
	t.Parallel()
	base, one, two := vaulttest.Name(t), newKey(), newKey()
	text := "OPENAI_API_KEY=" + one + "\nOPENAI_ORGANIZATION=org-1\nexport OPENAI_GPT4_API_KEY='" + two + "' # mine\nOPENAI_GPT4_TIER=gold\n" +
		"DATABASE_URL=postgres://u:" + newKey() + "$@h\nSECRET_KEY=" + newKey() + "\n_API_KEY=" + newKey() + "\nopenai_api_key=x\nXAI_API_KEY=\n"
	r := importAt(t, base, text)
	r.shows(t, "openai\tcreated\t1\tapi_key,organization", "openai-gpt4\tcreated\t1\tapi_key,tier")
	r.errHas(t, "not the name of a provider's field: DATABASE_URL, SECRET_KEY, _API_KEY, openai_api_key", "it is empty: XAI_API_KEY", "Remove what is in Vault now")
	want := map[string]map[string]string{
		"openai": {"api_key": one, "organization": "org-1"}, "openai-gpt4": {"api_key": two, "tier": "gold"},
	}
	hasSecrets(t, base, want)
	// A second run changes nothing.
	got := summaryOf(t, importAt(t, base, text, "--json"), exitcode.OK)
	if outcomes := got.outcomes(); outcomes["openai"] != "unchanged: unchanged" || outcomes["openai-gpt4"] != "unchanged: unchanged" {
		t.Errorf("vaultkit import, the second time: outcomes = %v, want unchanged", outcomes)
	}
	// Of a known provider, a file may have a part of the fields.
	importAt(t, base, "OPENAI_GPT4_TIER=gold\n").shows(t, "openai-gpt4\tunchanged")
	hasSecrets(t, base, want)
}

// What env writes, import reads, in every format that is not a program.
func TestImport_ReadsWhatEnvWrites(t *testing.T) {
	t.Parallel()
	base, base2 := vaulttest.Name(t), vaulttest.Name(t)
	importAt(t, base, `{"openai-gpt4": {"api_key": "`+newKey()+`", "organization": "it's #1", "url": "https://u:p@h/?a=b"}, "local_llama": {"api_key": "`+newKey()+` "}}`).ok(t)
	want := secretsAt(t, base)
	if len(want) != 2 {
		t.Fatalf("vaultkit import stored %d providers, want 2", len(want))
	}
	for i, format := range []string{"sh", "dotenv", "docker", "json"} {
		text := vk(t, "", "env", "--base", base, "--format", format).ok(t)
		to, args := fmt.Sprintf("%s-%d", base2, i), []string{}
		if format == "docker" {
			args = []string{"--format", "docker"}
		}
		importAt(t, to, text, args...).ok(t)
		// Only a provider in Vault says that its name is not local-llama.
		renamed := map[string]map[string]string{"openai-gpt4": want["openai-gpt4"], "local-llama": want["local_llama"]}
		hasSecrets(t, to, renamed)
		got := summaryOf(t, importAt(t, base, text, append(args, "--json")...), exitcode.OK)
		if outcomes := got.outcomes(); outcomes["local_llama"] != "unchanged: unchanged" || len(outcomes) != 2 {
			t.Errorf("vaultkit import of env --format %s, where it comes from: outcomes = %v, want two unchanged", format, outcomes)
		}
	}
	prefixed := vk(t, "", "env", "--base", base, "--prefix", "APP_").ok(t) + "OTHER_API_KEY='x';\n"
	r := importAt(t, base, prefixed, "--prefix", "APP_")
	r.shows(t, "local_llama\tunchanged", "openai-gpt4\tunchanged")
	r.errHas(t, "OTHER_API_KEY")
}

func TestImport_Conflicts(t *testing.T) {
	t.Parallel()
	for mode, tc := range map[string]struct {
		code     int
		outcomes map[string]string
		old      bool // the old values are in force
	}{
		"fail":   {exitcode.Conflict, map[string]string{"new": "create: not_written", "same": "unchanged: not_written", "other": "refuse: not_written", "less": "refuse: not_written"}, true},
		"skip":   {exitcode.OK, map[string]string{"new": "create: created", "same": "unchanged: unchanged", "other": "skip: skipped", "less": "skip: skipped"}, true},
		"rotate": {exitcode.OK, map[string]string{"new": "create: created", "same": "unchanged: unchanged", "other": "rotate: rotated", "less": "rotate: rotated"}, false},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			base, oldKey, key := vaulttest.Name(t), newKey(), newKey()
			importAt(t, base, `{"same": {"api_key": "`+key+`", "more": "kept"}, "other": {"api_key": "`+oldKey+`", "more": "kept"}, "less": {"api_key": "`+key+`"}}`).ok(t)
			before := secretsAt(t, base)
			text := "NEW_API_KEY=" + key + "\nSAME_API_KEY=" + key + "\nOTHER_API_KEY=" + key + "\nLESS_API_KEY=" + key + "\nLESS_ORG=o\n"
			got := summaryOf(t, importAt(t, base, text, "--json", "--dry-run", "--on-conflict", mode), tc.code)
			for provider, outcome := range tc.outcomes {
				action, _, _ := strings.Cut(outcome, ":")
				if is := got.outcomes()[provider]; is != action+": not_written" {
					t.Errorf("vaultkit import --dry-run --on-conflict %s: %s = %q, want %s: not_written", mode, provider, is, action)
				}
			}
			hasSecrets(t, base, before)
			people := importAt(t, base, text, "--dry-run", "--on-conflict", mode)
			people.exits(t, tc.code)
			people.errHas(t, "Dry run, nothing was written.")
			if mode == "fail" {
				people.errHas(t, "nothing was imported, because these providers have other values in Vault: other, less")
			}
			r := importAt(t, base, text, "--json", "--on-conflict", mode, "--actor", "me", "--reason", "moving")
			if got := summaryOf(t, r, tc.code).outcomes(); !maps.Equal(got, tc.outcomes) {
				t.Errorf("vaultkit import --on-conflict %s: outcomes = %v, want %v", mode, got, tc.outcomes)
			}
			after := map[string]map[string]string{"same": before["same"], "other": before["other"], "less": before["less"]}
			if mode != "fail" {
				after["new"] = map[string]string{"api_key": key}
			}
			if !tc.old {
				after["other"] = map[string]string{"api_key": key, "more": "kept"}
				after["less"] = map[string]string{"api_key": key, "org": "o"}
				records := decode[[]vaultkit.Record](t, vk(t, "", "history", "other", "--base", base, "--json").ok(t), true)
				if len(records) != 1 || records[0].Actor != "me" || records[0].Reason != "moving" || records[0].Backup == "" {
					t.Errorf("vaultkit history other = %+v, want one record by me, because of moving, with a backup", records)
				}
			}
			hasSecrets(t, base, after)
		})
	}
}

// A field that Vault lacks is a conflict of its own: --on-conflict rotate adds it and replaces nothing.
func TestImport_SaysWhichFieldsAreMissing(t *testing.T) {
	t.Parallel()
	base, key := vaulttest.Name(t), newKey()
	importAt(t, base, `{"p": {"api_key": "`+key+`"}}`).ok(t)
	for text, want := range map[string]string{
		`{"p": {"org": "o"}}`:                                "it lacks the field org; --on-conflict rotate adds it\n",
		`{"p": {"org": "o", "url": "u"}}`:                    "it lacks the fields org and url; --on-conflict rotate adds them\n",
		`{"p": {"api_key": "` + newKey() + `", "org": "o"}}`: "it has another api_key; it lacks the field org\n",
	} {
		r := importAt(t, base, text)
		r.exits(t, exitcode.Conflict)
		r.outHas(t, want)
	}
	rotating := importAt(t, base, `{"p": {"org": "o"}}`, "--on-conflict", "rotate", "--dry-run")
	rotating.outHas(t, "rotate\tit lacks the field org\n")
	importAt(t, base, `{"p": {"org": "o"}}`, "--on-conflict", "rotate").ok(t)
	hasSecrets(t, base, map[string]map[string]string{"p": {"api_key": key, "org": "o"}})
}

// What is not in Vault is named, without a value: what belongs to no provider, and what was skipped.
func TestImport_NamesWhatIsNotInVault(t *testing.T) {
	t.Parallel()
	base, url := vaulttest.Name(t), newKey()
	importAt(t, base, "OTHER_API_KEY="+newKey()).ok(t)
	r := importAt(t, base, "OPENAI_API_KEY="+newKey()+"\nOTHER_API_KEY="+newKey()+"\nDATABASE_URL="+url+"\n", "--on-conflict", "skip")
	r.ok(t)
	r.errHas(t, "Not in Vault: DATABASE_URL, OTHER_API_KEY.\n")
	if strings.Contains(r.err, url) {
		t.Error("vaultkit import prints a value, want only its name")
	}
}

func TestImport_RefusesDeletedProviders(t *testing.T) {
	t.Parallel()
	provider, key := stored(t)
	deleteCurrent(t, provider)
	text := `{"` + provider + `": {"api_key": "` + key + `"}}`
	for mode, code := range map[string]int{"fail": exitcode.NotFound, "rotate": exitcode.NotFound, "skip": exitcode.OK} {
		r := importAt(t, vaulttest.Base, text, "--on-conflict", mode)
		if r.exits(t, code); code != exitcode.OK {
			r.errHas(t, "nothing was imported, because the current version of these providers is deleted: "+provider, "put --replace-deleted")
			r.outHas(t, provider+"\tapi_key\trefuse")
		}
		vk(t, "", "get", provider).want(t, exitcode.NotFound, "deleted")
	}
}

// refused checks that an import writes nothing.
func refused(t *testing.T, code int, args []string, says ...string) {
	t.Helper()
	base := vaulttest.Name(t)
	r := vk(t, "", append([]string{"import", "--yes", "--base", base}, args...)...)
	r.want(t, code, says...)
	hasSecrets(t, base, map[string]map[string]string{})
}

func TestImport_RefusesBadInput(t *testing.T) {
	t.Parallel()
	key, dir := newKey(), t.TempDir()
	good := "GOOD_API_KEY=" + key + "\n"
	for name, tc := range map[string]struct {
		text string
		args []string
		says string
	}{
		"nothing":            {"# nothing\n", nil, "nothing to import"},
		"no provider":        {"DATABASE_URL=" + key, nil, "no variable is the name of a provider's field: DATABASE_URL"},
		"unmapped, fail":     {good + "DATABASE_URL=" + key, []string{"--unmapped", "fail"}, "belong to no provider: DATABASE_URL"},
		"two to one":         {good + "B_KEY=" + key, []string{"--map", "B_KEY=good/api_key"}, "GOOD_API_KEY and B_KEY are both good/api_key"},
		"an unused map":      {good, []string{"--map", key + "=p/f"}, "--map number 1 names a variable that is not there"},
		"a key in a map":     {good, []string{"--map", "GOOD_API_KEY=" + key}, "--map number 1 is not NAME=PROVIDER/FIELD"},
		"a map twice":        {good, []string{"--map", "A=p/f", "--map", "A="}, "--map number 2"},
		"a variable":         {good + "BAD_API_KEY=$KEY", nil, "BAD_API_KEY, line 2: the value contains a $"},
		"a variable, sh":     {good + `BAD_API_KEY="${KEY:-` + key + `}"`, nil, "line 2: the value contains a $"},
		"a control char":     {good + "BAD_API_KEY='" + key + "\nx'", nil, "BAD_API_KEY contains a control character"},
		"an invisible char":  {good + "BAD_API_KEY=" + key + "\u200b", nil, "BAD_API_KEY contains the invisible character U+200B"},
		"an empty one":       {good + "BAD_KEY=", []string{"--map", "BAD_KEY=bad/api_key"}, "BAD_KEY is empty"},
		"binary":             {good + "BAD_API_KEY=" + key + "\x00", nil, "NUL"},
		"not UTF-8":          {good + "BAD_API_KEY=" + key + "\xff", nil, "not valid UTF-8"},
		"no variable":        {good + key + "\n", nil, "line 2 is not NAME=value"},
		"an open quote":      {good + "BAD_API_KEY='" + key, nil, "line 2 begins a value in single quotes"},
		"twice":              {good + good, nil, "line 1 again in line 2"},
		"a list in JSON":     {`{"p": {"api_key": ["` + key + `"]}}`, nil, "p/api_key the value is null, a list or an object"},
		"JSON, cut":          {`{"P_API_KEY": "` + key, nil, "format json"},
		"a bad provider":     {`{"../sys": {"api_key": "` + key + `"}}`, nil, "provider name"},
		"__proto__":          {`{"__proto__": {"api_key": "` + key + `"}}`, nil, "provider name"},
		"a digit":            {"3COM_API_KEY=" + key, nil, "line 1 does not begin with the name of a variable"},
		"a digit in JSON":    {`{"3com": {"api_key": "` + key + `"}}`, nil, "3COM_API_KEY"},
		"a dangerous name":   {`{"ld": {"preload": "` + key + `"}}`, nil, "LD_PRELOAD"},
		"an unusable field":  {`{"p": {"a\nb": "` + key + `", "": "x"}}`, []string{"--allow-any-name"}, "a name that is not shown, because it may be a key cannot be a field"},
		"an empty field":     {`{"p": {"": "x"}}`, []string{"--allow-any-name"}, "cannot be a field"},
		"a huge file":        {strings.Repeat("#"+strings.Repeat("x", 1023)+"\n", 8<<10) + good, nil, "longer than"},
		"no such format":     {good, []string{"--format", "ini"}, "--format must be one of"},
		"a bad prefix":       {good, []string{"--prefix", "A B"}, "--prefix must be letters"},
		"no such mode":       {good, []string{"--on-conflict", "replace"}, "--on-conflict must be"},
		"no such mode, rest": {good, []string{"--unmapped", "ask"}, "--unmapped must be"},
		"two sources":        {good, []string{"--from-path", "secret/x"}, "give a FILE, - for standard input, or --from-path"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, exitcode.Usage, append([]string{file(t, tc.text)}, tc.args...), tc.says)
		})
	}
	refused(t, exitcode.Usage, []string{dir}, "the file cannot be read: is a directory")
	refused(t, exitcode.Usage, []string{filepath.Join(dir, key)}, "the file cannot be read: no such file")
	refused(t, exitcode.Usage, nil, "give a FILE")
}

func TestImport_ReadsThroughLinksAndManyLines(t *testing.T) {
	t.Parallel()
	base, key := vaulttest.Name(t), newKey()
	var text strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&text, "SETTING_%d=value\n", i)
	}
	text.WriteString("OPENAI_API_KEY=" + key + "\r\n")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(file(t, text.String()), link); err != nil {
		t.Skipf("os.Symlink() = %v", err)
	}
	r := vk(t, "", "import", link, "--yes", "--base", base)
	r.shows(t, "openai\tcreated")
	if r.errHas(t, "SETTING_0, SETTING_1", "and 9980 more"); len(r.err) > 2000 {
		t.Errorf("vaultkit import of 10,000 variables: stderr has %d bytes, want at most 2,000", len(r.err))
	}
	hasSecrets(t, base, map[string]map[string]string{"openai": {"api_key": key}})
}

func TestImport_MapsByHand(t *testing.T) {
	t.Parallel()
	base, key := vaulttest.Name(t), newKey()
	text := `{"HF_TOKEN": "` + key + `", "OPENAI_API_KEY": "` + key + `", "old": {"key": "` + key + `", "note": "x"}, "tries": {"api_key": 3}}`
	r := importAt(t, base, text, "--json", "--map", "HF_TOKEN=huggingface/api_key", "--map", "OPENAI_API_KEY=", "--map", "old/key=new/api_key", "--map", "old/note=")
	if got := summaryOf(t, r, exitcode.OK); len(got.NotImported) != 2 || got.NotImported[0].Reason != "--map leaves it out" {
		t.Errorf("vaultkit import --json: not_imported = %v, want two that --map leaves out", got.NotImported)
	}
	hasSecrets(t, base, map[string]map[string]string{"huggingface": {"api_key": key}, "new": {"api_key": key}, "tries": {"api_key": "3"}})
	pem := newKey() + "\nline\n"
	importAt(t, base, "PEM_API_KEY='"+pem+"'\n", "--allow-control").ok(t)
	importAt(t, base, `{"3com": {"api_key": "`+key+`"}}`, "--allow-any-name").ok(t)
	if got := secretsAt(t, base); got["pem"]["api_key"] != pem || got["3com"]["api_key"] != key {
		t.Errorf("secrets at %s = %q, want the PEM text and 3com", base, got)
	}
}

func TestImport_NeedsConfirmation(t *testing.T) {
	t.Parallel()
	base, text := vaulttest.Name(t), "OPENAI_API_KEY="+newKey()
	vk(t, "", "import", file(t, text), "--base", base).want(t, exitcode.Usage, "add --yes")
	vk(t, text, "import", "-", "--base", base).want(t, exitcode.Usage, "add --yes")
	vk(t, "", "import", "--from-path", "secret/nothing", "--base", base).want(t, exitcode.Usage, "add --yes")
	vk(t, "", "import", filepath.Join(t.TempDir(), "missing"), "--base", base).want(t, exitcode.Usage, "the file cannot be read: no such file")
	vk(t, text, "import", "-", "--base", base, "--dry-run").shows(t, "OPENAI_API_KEY\topenai\tapi_key\tcreate")
	hasSecrets(t, base, map[string]map[string]string{})
	vk(t, text, "import", "-", "--base", base, "--yes").shows(t, "openai\tcreated\t1")
}

// A provisioner cannot see what exists: it creates, and finds a conflict when it writes.
func TestImport_AsProvisioner(t *testing.T) {
	t.Parallel()
	taken, oldKey := stored(t)
	fresh, key := vaulttest.Name(t), newKey()
	text := file(t, `{"`+taken+`": {"api_key": "`+key+`"}, "`+fresh+`": {"api_key": "`+key+`"}}`)
	provisioner := role(t, "provisioner")
	vkAs(t, provisioner, "", "import", text, "--dry-run").shows(t, "cannot read it")
	r := vkAs(t, provisioner, "", "import", text, "--yes")
	r.exits(t, exitcode.Conflict, "1 of 2 providers failed: "+taken, "run the same import again")
	r.outHas(t, taken+"\tnot_written", fresh+"\tcreated\t1")
	holds(t, taken, oldKey)
	holds(t, fresh, key)
	// Nobody may do nothing, and a reader may not write.
	vkAs(t, role(t, "auditor"), "", "import", text, "--yes").exits(t, exitcode.Denied)
	vkAs(t, role(t, "reader"), "", "import", text, "--yes", "--on-conflict", "rotate").exits(t, exitcode.Denied, "permission denied", "update")
	holds(t, taken, oldKey)
}

func TestImport_JSONKeys(t *testing.T) {
	t.Parallel()
	out := importAt(t, vaulttest.Name(t), "OPENAI_API_KEY="+newKey()+"\nPORT=1\n", "--json").ok(t)
	got := decode[map[string]any](t, out, true)
	hasKeys(t, "vaultkit import --json", got, "dry_run not_imported providers")
	provider := got["providers"].([]any)[0].(map[string]any)
	hasKeys(t, "vaultkit import --json, providers", provider, "action error exit_code fields id outcome provider reason version")
	hasKeys(t, "vaultkit import --json, fields", provider["fields"].([]any)[0].(map[string]any), "field from")
	hasKeys(t, "vaultkit import --json, not_imported", got["not_imported"].([]any)[0].(map[string]any), "name reason")
	if got := slices.Sorted(maps.Keys(provider)); len(got) != 9 {
		t.Errorf("vaultkit import --json: keys of a provider = %v, want 9", got)
	}
}
