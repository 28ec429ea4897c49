package protocol_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"goblin/vaultkit/internal/protocol"
)

func FuzzCanonical(f *testing.F) {
	for _, text := range []string{`{}`, `{"api_key":"fake-old","n":1.50}`, `{"b":[1e2,null,true],"a":{"y":"<&>","x":-0}}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var kept map[string]any // as Vault stores it
		if json.Unmarshal(text, &kept) != nil || kept == nil {
			return
		}
		want, err := json.Marshal(kept)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := protocol.Canonical(kept); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("Canonical(stored value) = %s, %v, want %s", got, err, want)
		}
		for _, given := range [][]byte{text, reversed(t, text)} {
			fields := exact(t, given)
			got, err := protocol.Canonical(fields)
			switch refused := err != nil; {
			case refused != lossy(fields):
				t.Fatalf("Canonical(%s) = %v, want an error only for what Vault changes: it stores %s", given, err, want)
			case !refused && !bytes.Equal(got, want):
				t.Fatalf("Canonical(%s) = %s, want %s as Vault stores it", given, got, want)
			}
		}
		checkFixedPoint(t, kept)
	})
}

// exact decodes an object with json.Number, so that numbers keep their text.
func exact(t rapid.TB, text []byte) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var fields map[string]any
	if err := decoder.Decode(&fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

// lossy reports whether float64 prints the number as another one.
func lossy(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), lossy)
	case []any:
		return slices.ContainsFunc(v, lossy)
	case json.Number:
		kept, err := v.Float64()
		return err != nil || decimal(v.String()) != decimal(strconv.FormatFloat(kept, 'e', -1, 64))
	}
	return false
}

// decimal returns a JSON number as an integer without trailing zeros, and its exponent: 1.50 and
// 15e-1 are both 15e-1.
func decimal(text string) string {
	digits, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	power, _ := strconv.Atoi(exponent)
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(digits, "-"), ".")
	significant := strings.TrimRight(whole+fraction, "0")
	power += len(whole) - len(significant)
	significant = strings.TrimLeft(significant, "0")
	if significant == "" {
		return "0"
	}
	return fmt.Sprintf("%t %se%d", strings.HasPrefix(digits, "-"), significant, power)
}

// reversed returns the JSON of an object with its keys in reverse order.
func reversed(t rapid.TB, text []byte) []byte {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(fields))) {
		quoted, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, string(quoted)+":"+string(fields[name]))
	}
	return []byte("{" + strings.Join(parts, ",") + "}")
}

// checkFixedPoint checks that the server (which parses numbers into float64 and prints them) does not
// change canonical JSON.
func checkFixedPoint(t rapid.TB, fields map[string]any) {
	t.Helper()
	once, err := protocol.Canonical(fields)
	if err != nil {
		t.Fatal(err)
	}
	var stored map[string]any
	if err := json.Unmarshal(once, &stored); err != nil {
		t.Fatal(err)
	}
	if again, err := protocol.Canonical(stored); err != nil || !bytes.Equal(again, once) {
		t.Fatalf("Canonical(%[3]s) = %[1]s, %[2]v, want no change", again, err, once)
	}
}

func FuzzMerge(f *testing.F) {
	f.Add([]byte(`{"api_key":"fake-old","keep":1.5}`), []byte(`{"api_key":"fake-new","more":{"a":[1]}}`))
	f.Add([]byte(`{"n":100,"gone":null}`), []byte(`{"n":1e2}`))
	f.Fuzz(func(t *testing.T, stored, given []byte) {
		var old map[string]any
		if json.Unmarshal(stored, &old) != nil || !json.Valid(given) || given[0] != '{' {
			return
		}
		checkMerge(t, old, exact(t, given))
	})
}

// checkMerge checks that Merge applies every change, keeps every other field and does not modify its
// input, and that ChangedFields returns exactly the changes.
func checkMerge(t rapid.TB, old, changes map[string]any) {
	t.Helper()
	before, err := protocol.Canonical(old)
	if err != nil {
		t.Fatal(err)
	}
	merged := protocol.Merge(old, changes)
	if after, err := protocol.Canonical(old); err != nil || !bytes.Equal(after, before) {
		t.Fatalf("Merge changed its input from %s to %s, want no change", before, after)
	}
	for name, value := range merged {
		want, set := changes[name]
		if !set {
			want = old[name]
		}
		if !same(value, want) {
			t.Fatalf("Merge: field %q = %v, want %v", name, value, want)
		}
	}
	for name := range old {
		if _, kept := merged[name]; !kept {
			t.Fatalf("Merge: field %q is missing, want it kept", name)
		}
	}
	for name := range changes {
		if _, taken := merged[name]; !taken {
			t.Fatalf("Merge: the new field %q is missing, want it", name)
		}
	}
	for _, name := range protocol.ChangedFields(old, merged) {
		if _, set := changes[name]; !set {
			t.Fatalf("ChangedFields contains %q, want only changed fields", name)
		}
	}
	checkChangedFields(t, old, merged)
	checkChangedFields(t, old, changes)
}

// same reports whether Vault would store two values as the same JSON.
func same(a, b any) bool {
	one, err1 := json.Marshal(a)
	two, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(one, two)
}

func checkChangedFields(t rapid.TB, old, next map[string]any) {
	t.Helper()
	changed := protocol.ChangedFields(old, next)
	if !slices.IsSorted(changed) || changed == nil {
		t.Fatalf("ChangedFields = %#v, want a sorted list", changed)
	}
	one, err1 := protocol.Canonical(old)
	two, err2 := protocol.Canonical(next)
	if err1 == nil && err2 == nil && bytes.Equal(one, two) != (len(changed) == 0) {
		t.Fatalf("ChangedFields from %s to %s = %q, want a field exactly if they differ", one, two, changed)
	}
}
