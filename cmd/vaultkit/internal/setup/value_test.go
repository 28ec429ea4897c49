package setup

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

// What Vault returns is compared by its meaning: Vault returns times in seconds, orders lists, and
// leaves out what is not set.
func TestSameValue(t *testing.T) {
	t.Parallel()
	list := func(texts ...any) []any { return texts }
	for name, tc := range map[string]struct {
		want, current any
		same          bool
	}{
		"a text":                    {"a", "a", true},
		"another text":              {"a", "b", false},
		"no text":                   {"", nil, true},
		"a text that is missing":    {"a", nil, false},
		"a number for a text":       {"", json.Number("0"), false},
		"a bool":                    {true, true, true},
		"another bool":              {true, false, false},
		"no bool":                   {false, nil, true},
		"a text for a bool":         {false, "false", false},
		"a time":                    {10 * time.Minute, json.Number("600"), true},
		"another time":              {10 * time.Minute, json.Number("601"), false},
		"no time":                   {time.Duration(0), nil, true},
		"a number":                  {7, json.Number("7"), true},
		"another number":            {7, json.Number("8"), false},
		"a number that is missing":  {7, nil, false},
		"a list in another order":   {[]string{"a", "b"}, list("b", "a"), true},
		"a longer list":             {[]string{"a"}, list("a", "b"), false},
		"a list of one":             {[]string{"a"}, "a", true},
		"a list with a number":      {[]string{"a"}, list(json.Number("1")), false},
		"no list":                   {[]string(nil), nil, true},
		"claims":                    {claims{"a": {"1"}, "b": {"2", "3"}}, map[string]any{"a": "1", "b": list("3", "2")}, true},
		"a claim of one":            {claims{"a": {"1"}}, map[string]any{"a": list("1")}, true},
		"another claim":             {claims{"a": {"1"}}, map[string]any{"b": "1"}, false},
		"a claim with more values":  {claims{"a": {"1"}}, map[string]any{"a": list("1", "2")}, false},
		"a claim more":              {claims{"a": {"1"}}, map[string]any{"a": "1", "b": "2"}, false},
		"a claim less":              {claims{"a": {"1"}, "b": {"2"}}, map[string]any{"a": "1"}, false},
		"no claims":                 {claims{"a": {"1"}}, nil, false},
		"a policy":                  {policyText{text: "a"}, "a", true},
		"another policy":            {policyText{text: "a"}, "b", false},
		"a policy that is not text": {policyText{text: ""}, nil, false},
	} {
		if got := sameValue(tc.want, tc.current); got != tc.same {
			t.Errorf("%s: sameValue(%v, %v) = %t, want %t", name, tc.want, tc.current, got, tc.same)
		}
	}
}

func TestShow(t *testing.T) {
	t.Parallel()
	for want, value := range map[string]any{
		"none": nil, "a": "a", "true": true, "7": 7, "10m": 10 * time.Minute, "24h": 24 * time.Hour, "1h30m": 90 * time.Minute, "0s": time.Duration(0),
		"1m30s": 90 * time.Second, "a, b": []any{"a", "b"}, "x=1|2, y=3": map[string]any{"y": "3", "x": []any{"1", "2"}},
		`{"x":{"y":true}}`: map[string]any{"x": map[string]any{"y": true}}, "[1]": []any{json.Number("1")},
	} {
		if got := show(value); got != want {
			t.Errorf("show(%v) = %q, want %q", value, got, want)
		}
	}
}

func TestTextDiff(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ old, wanted, diff string }{
		{"a b c", "a b c", ""},
		{"a b c", "a c", "- b"},
		{"a c", "a b c", "+ b"},
		{"a b c", "a x c", "- b,+ x"},
		{"x a b y", "a b z", "- x,- y,+ z"},
		{"a", "b", "- a,+ b"},
		{"a \x1b[31m", "a", `- \x1b[31m`},
	} {
		lines := func(text string) string { return strings.Join(strings.Fields(text), "\n") }
		want := strings.FieldsFunc(tc.diff, func(r rune) bool { return r == ',' })
		if got := textDiff(lines(tc.old), lines(tc.wanted)); !slices.Equal(got, want) {
			t.Errorf("textDiff(%q, %q) = %q, want %q", tc.old, tc.wanted, got, want)
		}
	}
}
