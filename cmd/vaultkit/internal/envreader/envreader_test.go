package envreader_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/envreader"
	"goblin/vaultkit/envfile"
)

// decode reads a text that must have no error.
func decode(t *testing.T, format envreader.Format, text string) []envreader.Item {
	t.Helper()
	_, items, err := envreader.Decode(format, []byte(text))
	if err != nil {
		t.Fatalf("Decode(%s, %q) = %v, want no error", format, text, err)
	}
	return items
}

func TestDecode_ReadsWhatUsualReadersAgreeOn(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"A=b":                             "b",
		"A=b\r\n":                         "b",
		"\uFEFFA=b\n":                     "b",
		"export A=b":                      "b",
		"  export  A = b  ":               "b",
		"# c\n\n \t\n# d\nA=b # c":        "b",
		"A=b\t# c":                        "b",
		"A=":                              "",
		"A= # c":                          "",
		"A=#c":                            "",
		"A=''":                            "",
		"A='b' # c":                       "b",
		"A=' b#c $D ${E} `f` \\n '":       " b#c $D ${E} `f` \\n ",
		"A='b\r\nc'\r\n":                  "b\nc",
		`A="b\nc\r\t\"\\\$"`:              "b\nc\r\t\"\\$",
		"A=\"b\nc\"":                      "b\nc",
		`A="it's # no comment" # comment`: "it's # no comment",
		"A=it's":                          "it's",
		"A=b=c==":                         "b=c==",
		`A=\n`:                            `\n`,
	} {
		items := decode(t, envreader.Dotenv, text)
		if len(items) != 1 || items[0].Name != "A" || items[0].Value != want || items[0].Problem != "" {
			t.Errorf("Decode(dotenv, %q) = %d items, want A = %q", text, len(items), want)
		}
	}
}

// A value that readers read differently has a problem. The other variables of the file are read.
func TestDecode_MarksValuesThatReadersReadDifferently(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"A=$B": "$", "A=b${B}": "$", `A="$B"`: "$", `A="\\\\$B"`: "$", "A=b#c": "#",
		`A='b\\c'`: "two backslashes", `A="\x41"`: "backslash", "A=b\rc": "carriage return", "A='b\rc'": "carriage return", "A=\"b\rc\"": "carriage return",
	} {
		items := decode(t, envreader.Dotenv, text+"\nB=c\n")
		if len(items) != 2 || !strings.Contains(items[0].Problem, says) || items[1].Value != "c" || items[1].Line != 2 {
			t.Errorf("Decode(dotenv, %q) = %d items, want a problem that says %q, and then B in line 2", text, len(items), says)
		}
	}
}

func TestDecode_RefusesTheFile(t *testing.T) {
	t.Parallel()
	const key = "sk-fake-key"
	for _, tc := range []struct {
		format     envreader.Format
		text, says string
	}{
		{envreader.Dotenv, "A=b\n" + key, "line 2 is not NAME=value"},
		{envreader.Dotenv, "A=b\n\n" + key + "=c", "line 3 does not begin with the name"},
		{envreader.Dotenv, "=" + key, "line 1 does not begin with the name"},
		{envreader.Dotenv, "A='" + key + "\n\n", "line 1 begins a value in single quotes"},
		{envreader.Dotenv, "B=c\nA=\"" + key + "\n\n", "line 2 begins a value in double quotes"},
		{envreader.Dotenv, `A="` + key + `\`, "line 1 begins a value in double quotes"},
		{envreader.Dotenv, `A='` + key + `\'s'`, "line 1 has a backslash before a single quote"},
		{envreader.Dotenv, "A='a\nb' " + key, "line 2 has text after the closing quote"},
		{envreader.Dotenv, "A='a'#" + key, "line 1 has text after the closing quote"},
		{envreader.Dotenv, "A=`" + key + "`", "line 1 has a value in backticks"},
		{envreader.Dotenv, "A=" + key + "\nB=\nA=" + key, "sets the variable of line 1 again in line 3"},
		{envreader.Dotenv, "A=" + key + "\x00", "NUL"},
		{envreader.Dotenv, "A=" + key + "\xff", "not valid UTF-8"},
		{envreader.Docker, "A=b\n" + key, "line 2 is not NAME=value"},
		{envreader.Docker, "export A=" + key, "line 1 does not begin with the name"},
		{envreader.Docker, "A=" + key + "\nA=b", "line 1 again in line 2"},
		{envreader.Sh, "export A=" + key + ";", "line 1 is not as vaultkit env writes it"},
		{envreader.Sh, "export A='b'; " + key, "line 1 is not as vaultkit env writes it"},
		{envreader.Sh, "export A='" + key, "line 1 begins a value in single quotes"},
		{envreader.Sh, key, "line 1 is not NAME=value"},
		{envreader.Sh, "A='b';\nA='b';", "line 1 again in line 2"},
		{envreader.JSON, key, "not valid JSON"},
		{envreader.JSON, `["` + key + `"]`, "not a JSON object"},
		{envreader.JSON, `{"A": "` + key, "not"},
		{envreader.JSON, `{"A": ` + key, "not valid JSON, at byte"},
		{envreader.JSON, `{"A": "b"} ` + key, "after the JSON object"},
		{envreader.JSON, `{"A": "b"} {"B": "` + key + `"}`, "after the JSON object"},
		{envreader.JSON, `{"A": "` + key + `", "A": "b"}`, "A twice"},
		{envreader.JSON, `{"p": {"a": "` + key + `", "a": "b"}}`, "p/a twice"},
		{envreader.JSON, `{"": "` + key + `"}`, "without a name"},
		{envreader.JSON, `{"A": ` + strings.Repeat("[", 20_000), "not"},
		{"ini", "A=" + key, "unknown format"},
	} {
		_, items, err := envreader.Decode(tc.format, []byte(tc.text))
		if err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(fmt.Sprintf("%v %+v", err, items), key) {
			t.Errorf("Decode(%s, %.60q) = %d items, %v, want an error that says %q", tc.format, tc.text, len(items), err, tc.says)
		}
	}
}

func TestDecode_ReadsJSON(t *testing.T) {
	t.Parallel()
	const text = `{"A_B": "c\n", "__proto__": "d", "n": 12345678901234567890.10, "b": true, "null": null, "list": ["x"],
		"half": "\ud800", "whole": "\ufffd", "p": {"api_key": "e", "deep": {"x": "y"}, "n": 1e3}, "empty": {}}`
	want := "A_B=c\n| __proto__=d| n=12345678901234567890.10| b=true| null=!| list=!| half=!| whole=\uFFFD| p/api_key=e| p/deep=!| p/n=1e3"
	if got := joined(decode(t, envreader.Auto, text)); got != want {
		t.Errorf("Decode(auto, %s) = %q, want %q", text, got, want)
	}
	for text, want := range map[string]string{
		`{"provider": "p", "fields": {"a": "b"}}`: "p/a=b", // as vaultkit get --all --json prints it
		`{"provider": "p", "fields": "a"}`:        "provider=p| fields=a",
		`{"fields": {"a": "b"}}`:                  "fields/a=b",
		"\uFEFF \n {}":                            "",
	} {
		if got := joined(decode(t, envreader.Auto, text)); got != want {
			t.Errorf("Decode(auto, %s) = %q, want %q", text, got, want)
		}
	}
}

// joined returns the values of items, and ! for one with a problem.
func joined(items []envreader.Item) string {
	var all []string
	for _, item := range items {
		if item.Problem != "" {
			item.Value = "!"
		}
		all = append(all, item.ID()+"="+item.Value)
	}
	return strings.Join(all, "| ")
}

func TestDecode_FindsTheFormat(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]envreader.Format{
		"": envreader.Dotenv, "A=b": envreader.Dotenv, "export A='b'": envreader.Dotenv, "export A=b;": envreader.Dotenv,
		"# c\nexport A='b';\n": envreader.Sh, "A='b';": envreader.Dotenv, " {": envreader.JSON,
	} {
		if got, _, _ := envreader.Decode(envreader.Auto, []byte(text)); got != want {
			t.Errorf("Decode(auto, %q) found %s, want %s", text, got, want)
		}
	}
}

// No verb prints the value of an item, and a name that may be a part of a key is not printed either.
func TestItem_PrintsNoValue(t *testing.T) {
	t.Parallel()
	for name, label := range map[string]string{
		"OPENAI_API_KEY": "OPENAI_API_KEY", "my_key2": "my_key2", "__proto__": "__proto__", "A": "A",
		"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC": "line 7", "AKIAIOSFODNN7EXAMPLEAKIAIOSF": "line 7", "deadbeef0123456789": "line 7",
	} {
		item := envreader.Item{Name: name, Value: "sk-fake-value", Line: 7}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			if got := fmt.Sprintf(verb, item); got != label {
				t.Errorf("Sprintf(%s, item %s) = %q, want %q", verb, name, got, label)
			}
		}
	}
}

// In JSON and in Vault, a name has no line, and may be one of several capitals and small letters.
func TestItem_ShowsTheNamesOfEntries(t *testing.T) {
	t.Parallel()
	const hidden = "a name that is not shown, because it may be a key"
	for name, label := range map[string]string{
		"openaiApiKey": "openaiApiKey", "Kimi-K2/apiKey": "Kimi-K2/apiKey", "gpt4o": "gpt4o", "v1beta1": "v1beta1",
		"sk-Fa4ke8Qz2Xy7Lm": hidden, "8f14e45f-ceea-467f-a8d2": hidden, "a\x1b[31m": hidden, "a b": hidden, strings.Repeat("a", 21): hidden,
	} {
		if got := (envreader.Item{Name: name}).Label(); got != label {
			t.Errorf("Label(%q) = %q, want %q", name, got, label)
		}
	}
}

// A huge file is read in time that grows with its size, not with its square.
func TestDecode_ReadsManyLines(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	const count = 10_000
	for i := range count {
		fmt.Fprintf(&text, "V%d='%s\n'\n", i, strings.Repeat("x", 80))
	}
	items := decode(t, envreader.Auto, text.String())
	if len(items) != count || items[count-1].Line != 2*count-1 {
		t.Errorf("Decode(auto, %d variables) = %d items, the last in line %d, want %d and %d", count, len(items), items[len(items)-1].Line, count, 2*count-1)
	}
}

// readable are the formats of vaultkit env that Decode reads. GitHub's are those of a runner, and
// those of fish and PowerShell are programs.
var readable = map[envfile.Format]envreader.Format{
	envfile.Sh: envreader.Auto, envfile.Dotenv: envreader.Auto, envfile.JSON: envreader.Auto, envfile.Docker: envreader.Docker,
}

// FuzzDecode_ReadsWhatEnvWrites checks that each format gives back the values that it was written from.
func FuzzDecode_ReadsWhatEnvWrites(f *testing.F) {
	for _, value := range []string{
		"", " ", "sk-fake", " both ", "it's", `say "x"`, `it's "x"`, "a\nb", "a\r\nb", "\r", "a'\nB='c';\n", "a\";\n", `\`, `\\`, `a\'b`, `\n`,
		"$A", "${A}", "$$", "`a`", "#", "a #b", "a#b", "\t#", "';", "=", "\u2028", "\u00a0a", "\uFEFF", "-----BEGIN FAKE KEY-----\nMIIfake\n", "'''", `'\''`,
		"\uFFFD", `\ufffd`, "a\u0085", "export A='b';", "{", "}", "\x1f", "a\t", "\ttab",
	} {
		f.Add(value, "other")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		environ := []string{"FIRST_API_KEY=" + first, "SECOND_ORGANIZATION=" + second}
		for format, read := range readable {
			var text bytes.Buffer
			if envfile.Encode(&text, format, environ) != nil {
				continue // the format cannot hold one of the values
			}
			found, items, err := envreader.Decode(read, text.Bytes())
			if err != nil || len(items) != 2 || items[0].Value != first || items[1].Value != second || items[0].Problem+items[1].Problem != "" {
				t.Errorf("Decode(%s) of %q as %s = %q, %v, want the values %q and %q", read, text.String(), found, joined(items), err, first, second)
			}
		}
	})
}

// FuzzDecode checks that no text crashes the readers, and that no error repeats it.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{"A='", "A=\"\\", "export ", "{\"a\":", "A=b\n\\'", "export A='b'\\'';"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, format := range envreader.Formats() {
			_, items, err := envreader.Decode(envreader.Format(format), []byte("SECRETVALUE"+text))
			if err != nil && strings.Contains(err.Error(), "SECRETVALUE") || err != nil && items != nil {
				t.Errorf("Decode(%s, %q) = %d items, %v, want no items and no text of the file in an error", format, text, len(items), err)
			}
		}
	})
}
