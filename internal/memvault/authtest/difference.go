package authtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"
)

// Names gives the same name to what differs between two servers: tokens, accessors, ids.
type Names struct{ byValue map[string]string }

// Add names a value of each server. Empty values have no name.
func (n *Names) Add(name string, values ...string) {
	if n.byValue == nil {
		n.byValue = map[string]string{}
	}
	for _, value := range values {
		if value != "" {
			n.byValue[value] = "<" + name + ">"
		}
	}
}

// Difference returns the first difference between what we answered and what the real
// server answered, or "". It ignores ids and times, and one second of a TTL.
func (n *Names) Difference(ours, theirs Answer) string {
	if ours.Status != theirs.Status {
		return fmt.Sprintf("%v, want %v", ours, theirs)
	}
	if text := n.compare("", ours.Body, theirs.Body); text != "" {
		return fmt.Sprintf("%s\n%v, want\n%v", text, ours, theirs)
	}
	return ""
}

// anyTime are the keys whose value is only checked to be there.
var anyTime = []string{
	"request_id", "creation_time", "issue_time", "expire_time", "expiration_time", "last_renewal", "last_renewal_time",
	"last_updated_time", "created_time", "deletion_time", "updated_time",
}

// almost are the keys whose numbers may differ by one.
var almost = []string{"ttl", "lease_duration", "creation_ttl", "secret_id_ttl"}

func (n *Names) compare(key string, ours, theirs any) string {
	if key == "warnings" {
		ours, theirs = n.lasting(ours), n.lasting(theirs)
	}
	switch {
	case (ours == nil) != (theirs == nil) || reflect.TypeOf(ours) != reflect.TypeOf(theirs):
		return fmt.Sprintf("%s = %v, want %v", key, ours, theirs)
	case slices.Contains(anyTime, key):
		if ours == "" != (theirs == "") {
			return fmt.Sprintf("%s = %q, want %q", key, ours, theirs)
		}
		return ""
	}
	switch want := theirs.(type) {
	case map[string]any:
		return n.compareObjects(ours.(map[string]any), want)
	case []any:
		return n.compareLists(key, ours.([]any), want)
	case json.Number:
		return compareNumbers(key, ours.(json.Number), want)
	case string:
		if got := n.name(ours.(string)); got != n.name(want) {
			return fmt.Sprintf("%s = %q, want %q", key, got, n.name(want))
		}
	default:
		if ours != theirs {
			return fmt.Sprintf("%s = %v, want %v", key, ours, theirs)
		}
	}
	return ""
}

func (n *Names) compareObjects(ours, theirs map[string]any) string {
	ours, theirs = n.renameKeys(ours), n.renameKeys(theirs)
	if got, want := slices.Sorted(maps.Keys(ours)), slices.Sorted(maps.Keys(theirs)); !slices.Equal(got, want) {
		return fmt.Sprintf("the keys are %q, want %q", got, want)
	}
	for _, key := range slices.Sorted(maps.Keys(theirs)) {
		if text := n.compare(key, ours[key], theirs[key]); text != "" {
			return text
		}
	}
	return ""
}

func (n *Names) renameKeys(object map[string]any) map[string]any {
	renamed := make(map[string]any, len(object))
	for key, value := range object {
		renamed[n.name(key)] = value
	}
	return renamed
}

// unordered are the lists whose order depends on random ids.
func unordered(key string) bool { return key == "keys" }

func (n *Names) compareLists(key string, ours, theirs []any) string {
	if len(ours) != len(theirs) {
		return fmt.Sprintf("%s has %d elements, want %d", key, len(ours), len(theirs))
	}
	if unordered(key) {
		ours, theirs = n.sorted(ours), n.sorted(theirs)
	}
	for i := range theirs {
		if text := n.compare(key, ours[i], theirs[i]); text != "" {
			return text
		}
	}
	return ""
}

func (n *Names) sorted(list []any) []any {
	sorted := slices.Clone(list)
	for i, one := range sorted {
		if text, ok := one.(string); ok {
			sorted[i] = n.name(text)
		}
	}
	sort.Slice(sorted, func(i, j int) bool { return fmt.Sprint(sorted[i]) < fmt.Sprint(sorted[j]) })
	return sorted
}

func compareNumbers(key string, ours, theirs json.Number) string {
	got, err1 := ours.Float64()
	want, err2 := theirs.Float64()
	tolerance := 0.0
	if slices.Contains(almost, key) {
		tolerance = 1
	}
	if err1 != nil || err2 != nil || got < want-tolerance || got > want+tolerance {
		return fmt.Sprintf("%s = %s, want %s", key, ours, theirs)
	}
	return ""
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// name replaces what is known to differ in a text.
func (n *Names) name(text string) string {
	if name, ok := n.byValue[text]; ok {
		return name
	}
	if len(text) > 20 && strings.ContainsAny(text, " .\n") {
		for value, name := range n.byValue {
			if len(value) < 16 {
				continue // may be a part of any word
			}
			text = strings.ReplaceAll(text, value, name)
		}
	}
	text = mountAccessor.ReplaceAllString(text, "${1}_<accessor>")
	return uuid.ReplaceAllString(capped.ReplaceAllStringFunc(text, toMinutes), "<uuid>")
}

var mountAccessor = regexp.MustCompile(`^([a-z_]+)_[0-9a-f]{8}$`)

// lasting returns the warnings without those that a second more or less makes: a TTL that
// is hardly longer than what is left of the maximum.
func (n *Names) lasting(warnings any) any {
	list, _ := warnings.([]any)
	kept := slices.DeleteFunc(slices.Clone(list), func(one any) bool {
		text, _ := one.(string)
		durations := capped.FindAllString(text, 2)
		return len(durations) == 2 && toMinutes(durations[0]) == toMinutes(durations[1])
	})
	if len(kept) == 0 {
		return nil
	}
	return kept
}

// capped are the durations in the warnings about a TTL. They depend on the second.
var capped = regexp.MustCompile(`"[0-9]+[0-9hms]*[hms]"`)

func toMinutes(quoted string) string {
	d, err := time.ParseDuration(strings.Trim(quoted, `"`))
	if err != nil {
		return quoted
	}
	return d.Round(time.Minute).String()
}
