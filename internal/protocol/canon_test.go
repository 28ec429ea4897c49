package protocol_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"goblin/vaultkit/internal/protocol"
)

func TestCanonical(t *testing.T) {
	for name, tc := range map[string]struct {
		fields map[string]any
		want   string // empty: an error
		text   string // part of the error
	}{
		"empty":             {map[string]any{}, `{}`, ""},
		"sorted":            {map[string]any{"b": "2", "a": "1"}, `{"a":"1","b":"2"}`, ""},
		"types":             {map[string]any{"n": 1.5, "t": true, "z": nil}, `{"n":1.5,"t":true,"z":null}`, ""},
		"one point zero":    {map[string]any{"n": json.Number("1.0")}, `{"n":1}`, ""},
		"a tenth":           {map[string]any{"n": json.Number("0.1")}, `{"n":0.1}`, ""},
		"int":               {map[string]any{"n": 42}, `{"n":42}`, ""},
		"uint8":             {map[string]any{"n": uint8(7)}, `{"n":7}`, ""},
		"2^53":              {map[string]any{"n": int64(1) << 53}, `{"n":9007199254740992}`, ""},
		"html":              {map[string]any{"s": "<&>"}, `{"s":"\u003c\u0026\u003e"}`, ""},
		"nested":            {map[string]any{"o": map[string]any{"l": []any{"x", json.Number("2")}}}, `{"o":{"l":["x",2]}}`, ""},
		"2^53+1":            {map[string]any{"n": json.Number("9007199254740993")}, "", "loses digits"},
		"2^53+1 as int":     {map[string]any{"n": int64(1)<<53 + 1}, "", "loses digits"},
		"20 digits nested":  {map[string]any{"o": []any{json.Number("12345678901234567890")}}, "", "loses digits"},
		"too large":         {map[string]any{"n": json.Number("1e999")}, "", "does not fit"},
		"zero, whatever":    {map[string]any{"n": json.Number("-0e99999999999999999999")}, `{"n":-0}`, ""},
		"too small":         {map[string]any{"n": json.Number("1e-999999999")}, "", "does not fit"},
		"not a number":      {map[string]any{"n": math.NaN()}, "", "not finite"},
		"infinite":          {map[string]any{"n": math.Inf(1)}, "", "not finite"},
		"struct":            {map[string]any{"s": struct{}{}}, "", "not text"},
		"bad UTF-8":         {map[string]any{"s": "a\xffb"}, "", "UTF-8"},
		"bad UTF-8 name":    {map[string]any{"\xff": "b"}, "", "UTF-8"},
		"bad UTF-8 nested":  {map[string]any{"o": map[string]any{"\xff": 1}}, "", "UTF-8"},
		"too long":          {map[string]any{"s": strings.Repeat("x", protocol.MaxCanonical)}, "", "the limit is"},
		"long but accepted": {map[string]any{"s": strings.Repeat("x", protocol.MaxCanonical-8)}, `{"s":"` + strings.Repeat("x", protocol.MaxCanonical-8) + `"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := protocol.CanonicalToStore(tc.fields)
			if tc.want == "" {
				if err == nil || !strings.Contains(err.Error(), tc.text) {
					t.Fatalf("CanonicalToStore = %.80s, %v, want an error with %q", got, err, tc.text)
				}
				return
			}
			if err != nil || string(got) != tc.want {
				t.Fatalf("CanonicalToStore = %.80s, %v, want %.80s", got, err, tc.want)
			}
		})
	}
}

// TestCanonical_ErrorsNameTheFieldOnly: the value may be a key.
func TestCanonical_ErrorsNameTheFieldOnly(t *testing.T) {
	const marker = "marker-value-0001"
	for _, value := range []any{marker + "\xff", json.Number("9007199254740993"), []any{marker + "\xfe"}} {
		_, err := protocol.Canonical(map[string]any{"api_key": value})
		if err == nil || !strings.Contains(err.Error(), `"api_key"`) {
			t.Errorf("Canonical = %v, want an error that names the field", err)
		}
		if err != nil && (strings.Contains(err.Error(), marker) || strings.Contains(err.Error(), "9007199254740993")) {
			t.Errorf("Canonical = %v, want an error without the value", err)
		}
	}
}

// scalars draws the values that a field may have.
func scalars() *rapid.Generator[any] {
	return rapid.OneOf(
		rapid.Map(rapid.String(), func(s string) any { return s }),
		rapid.Map(rapid.Float64(), func(f float64) any { return f }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Map(rapid.IntRange(-1<<53, 1<<53), func(n int) any { return n }),
	)
}

func secrets() *rapid.Generator[map[string]any] {
	return rapid.MapOfN(rapid.String(), scalars(), 0, 6)
}

func TestCanonical_OfCanonicalIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkFixedPoint(t, secrets().Draw(t, "secret")) })
}

func TestMerge_KeepsOtherFields(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { checkMerge(t, secrets().Draw(t, "old"), secrets().Draw(t, "changes")) })
}

func TestChangedFields(t *testing.T) {
	old := map[string]any{"same": "1", "number": 1.0, "was": "a", "gone": true}
	next := map[string]any{"same": "1", "number": json.Number("1"), "was": "b", "new": nil}
	if got := protocol.ChangedFields(old, next); !slices.Equal(got, []string{"gone", "new", "was"}) {
		t.Errorf("ChangedFields = %q, want the fields that differ", got)
	}
	if got := protocol.ChangedFields(old, old); got == nil || len(got) != 0 {
		t.Errorf("ChangedFields of equal secrets = %#v, want an empty list", got)
	}
	if got := protocol.Merge(nil, map[string]any{"a": 1}); len(got) != 1 {
		t.Errorf("Merge(nil, changes) = %v, want the changes", got)
	}
}
