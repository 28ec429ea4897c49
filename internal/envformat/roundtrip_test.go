package envformat_test

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"goblin/vaultkit/internal/envformat"
)

// totalFormats can write every value that an environment can hold.
var totalFormats = []string{"sh", "fish", "json"}

var formats = []string{"sh", "dotenv", "docker", "fish", "powershell", "github", "json"}

// accepted returns the variables with the values that a format accepts.
func accepted(t testing.TB, format string, values []string) (all []envformat.Variable, refused int) {
	t.Helper()
	for i, value := range values {
		v := envformat.Variable{Name: fmt.Sprintf("V%d", i), Value: value}
		if i%2 == 0 {
			v.Name += "_PATH" // fish reads such a name as a list
		}
		if _, err := envformat.Encode(format, []envformat.Variable{v}); err != nil {
			checkRefusal(t, format, v, err)
			refused++
			continue
		}
		all = append(all, v)
	}
	return all, refused
}

// checkRefusal checks that a refusal names the variable and does not contain its value.
func checkRefusal(t testing.TB, format string, v envformat.Variable, err error) {
	t.Helper()
	why, ok := errors.AsType[*envformat.Refusal](err)
	if !ok || !strings.Contains(why.Detail, v.Name) || why.Hint == "" {
		t.Errorf("Encode(%q) of %q = %v, want a refusal that names %s, with a hint", format, v.Value, err, v.Name)
	}
	if len(v.Value) > 8 && strings.Contains(err.Error(), v.Value) {
		t.Errorf("Encode(%q) = %v, want an error without the value", format, err)
	}
	if slices.Contains(totalFormats, format) && !strings.Contains(v.Value, "\x00") && utf8.ValidString(v.Value) {
		t.Errorf("Encode(%q) of %q = %v, want no refusal in this format", format, v.Value, err)
	}
}

// countMismatches returns how many variables were not read back exactly.
func countMismatches(t testing.TB, consumer string, want []envformat.Variable, got variables) (mismatches int) {
	t.Helper()
	for _, v := range want {
		if value, found := got[v.Name]; !found || value != v.Value {
			mismatches++
			if mismatches <= 5 {
				t.Errorf("%s reads %.200q, want %.200q", consumer, value, v.Value)
			}
		}
	}
	if len(got) > len(want) {
		t.Errorf("%s reads %d variables, want %d", consumer, len(got), len(want))
		mismatches++
	}
	return mismatches
}

// randomValues returns the number of random values.
func randomValues() int {
	if testing.Short() {
		return 100
	}
	return 2000
}

// TestRoundTrip checks that every reader of a format reads exactly what was written. Real
// programs run if they are installed; CI has all of them.
func TestRoundTrip(t *testing.T) {
	traps, chance := corpus(), random(randomValues(), 1)
	values := slices.Concat(traps, chance)
	consumed, mismatches := 0, 0
	for _, format := range formats {
		want, refused := accepted(t, format, values)
		for _, p := range parsers {
			if p.format == format {
				consumed += len(want)
				mismatches += readBack(t, p, want)
			}
		}
		content := fileContent(t, format, want)
		for _, p := range parsers {
			if p.format == format {
				got, err := p.read(content)
				if err != nil {
					t.Errorf("%s: reading a written file = %v, want success", p.name, err)
				}
				mismatches += countMismatches(t, p.name, want, got)
			}
		}
		names := []string{}
		for _, p := range realPrograms {
			if p.format != format {
				continue
			}
			t.Run(p.name, func(t *testing.T) {
				got := p.run(t, content)
				consumed += len(want)
				mismatches += countMismatches(t, p.name, want, got)
				names = append(names, p.name)
			})
		}
		fmt.Printf("%-10s %d values read back, %d refused; programs: %s\n", format, len(want), refused, strings.Join(names, ", "))
	}
	fmt.Printf("%d values x %d dialects, %d read back in all: %d mismatches\n", len(values), len(formats), consumed, mismatches)
}

// fileContent returns what a written file contains, with its mark.
func fileContent(t *testing.T, format string, all []envformat.Variable) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if format == "github" {
		put(t, path, "")
		t.Setenv("GITHUB_ENV", path)
	}
	if err := write(path, format, all); err != nil {
		t.Fatal(err)
	}
	return []byte(content(t, path))
}

// readBack writes each variable between two others, which must not change.
func readBack(t *testing.T, p parser, want []envformat.Variable) (mismatches int) {
	t.Helper()
	for _, v := range want {
		three := []envformat.Variable{{Name: "A", Value: "before"}, v, {Name: "Z", Value: "it's after"}}
		content, err := envformat.Encode(p.format, three)
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.read(content)
		if err != nil {
			t.Errorf("%s: reading %.200q = %v, want success", p.name, content, err)
		}
		mismatches += countMismatches(t, p.name, three, got)
	}
	return mismatches
}

// TestEncode_Refuses checks which values are refused, and that only few are.
func TestEncode_Refuses(t *testing.T) {
	for format, values := range map[string][]string{
		"docker":     {"a\nb", "a\r", `"a"`, `'a'`, `""`, repeatTo(65_536, "c")},
		"dotenv":     {"it's\nmine \"x\"", `it's #1 "x"`, `it's "x" $A`, "a\r\"", `$A\`, " it's \"x\"", "a'\n---\nb\"", "\"a\"\n---\nb"},
		"powershell": {"", repeatTo(32_767, "b"), repeatTo(100_000, "\U0001F511")},
		"github":     {"a\r", "a\nb\r"},
		"sh":         nil, "fish": nil, "json": nil,
	} {
		for _, value := range append([]string{"a\x00b", "\xff"}, values...) {
			v := envformat.Variable{Name: "NAME", Value: value}
			_, err := envformat.Encode(format, []envformat.Variable{v})
			if err == nil {
				t.Errorf("Encode(%q) of %.50q = nil, want an error", format, value)
				continue
			}
			checkRefusal(t, format, v, err)
		}
		_, refused := accepted(t, format, traps)
		if most := map[string]int{"docker": 40, "dotenv": 12, "powershell": 1, "github": 2}[format]; refused > most {
			t.Errorf("Encode(%q) refuses %d of %d values, want at most %d", format, refused, len(traps), most)
		}
	}
	for length, taken := range map[int]bool{65_536 - len("A=\n"): true, 65_537 - len("A=\n"): false} {
		if _, err := envformat.Encode("docker", []envformat.Variable{{Name: "A", Value: repeatTo(length, "c")}}); (err == nil) != taken {
			t.Errorf("Encode(%q) of %d bytes = %v, want nil: %t", "docker", length, err, taken)
		}
	}
	_, err := envformat.Encode("csh", nil)
	if why, ok := errors.AsType[*envformat.Refusal](err); !ok || !strings.Contains(why.Hint, "powershell") {
		t.Errorf("Encode(%q) = %v, want a refusal with the known formats", "csh", err)
	}
	for _, name := range []string{"GITHUB_API_KEY", "RUNNER_TOKEN"} {
		if _, err := envformat.Encode("github", []envformat.Variable{{Name: name, Value: "a"}}); err == nil {
			t.Errorf("Encode(%q) of the name %s = nil, want an error", "github", name)
		}
	}
	if _, err := envformat.Encode("sh", []envformat.Variable{{Name: "A"}, {Name: "A"}}); err == nil {
		t.Errorf("Encode(%q) of two variables of one name = nil, want an error", "sh")
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, value := range traps {
		f.Add(value, "after")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		for _, format := range formats {
			want, _ := accepted(t, format, []string{first, second})
			content, err := envformat.Encode(format, want)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range parsers {
				if p.format != format {
					continue
				}
				got, err := p.read(content)
				if err != nil {
					t.Errorf("%s: reading %q = %v, want success", p.name, content, err)
				}
				countMismatches(t, p.name, want, got)
			}
		}
	})
}

// FuzzMasks checks that the masks hide every line of a value, and that Masks returns only mask
// commands.
func FuzzMasks(f *testing.F) {
	for _, value := range traps {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if !utf8.ValidString(value) {
			return // such values are refused earlier
		}
		masks := map[string]bool{}
		for line := range strings.Lines(envformat.Masks([]envformat.Variable{{Name: "A", Value: value}})) {
			data, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "::add-mask::")
			if !ok || strings.TrimSpace(data) == "" {
				t.Fatalf("Masks: line %q, want ::add-mask:: and a value", line)
			}
			for _, escape := range []string{"%0D\r", "%0A\n", "%25%"} { // in the runner's order
				data = strings.ReplaceAll(data, escape[:3], escape[3:])
			}
			masks[data] = true
		}
		for line := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == '\n' || r == '\r' }) {
			for _, mask := range slices.SortedFunc(maps.Keys(masks), func(a, b string) int { return len(b) - len(a) }) {
				line = strings.ReplaceAll(line, mask, "")
			}
			if strings.TrimSpace(line) != "" {
				t.Errorf("Masks leave %q of a line of %q, want nothing", line, value)
			}
		}
	})
}
