package difftest_test

import (
	"bytes"
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

// normaliser replaces what may differ between the two servers. A time becomes a token by
// the order in which the sequence shows it, so that the same time must be the same again.
type normaliser struct {
	times map[string]string
}

func newNormaliser() *normaliser { return &normaliser{times: make(map[string]string)} }

// clear returns an answer that can be compared: decoded JSON, or the text.
func (n *normaliser) clear(a answer) any {
	decoder := json.NewDecoder(bytes.NewReader(a.body))
	decoder.UseNumber() // a number's text counts
	var body any
	if err := decoder.Decode(&body); err != nil {
		return string(a.body)
	}
	return n.value("", body, a.at)
}

// serversOwn are the members that name the server, or tell its time or its build.
var serversOwn = map[string]bool{"cluster_id": true, "cluster_name": true, "server_time_utc": true, "build_date": true}

func (n *normaliser) value(name string, value any, now time.Time) any {
	if serversOwn[name] {
		return "the server's own"
	}
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			out[key] = n.value(key, v[key], now)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, one := range v {
			out[i] = n.value(name, one, now)
		}
		return out
	case string:
		return n.text(name, v, now)
	default:
		return value
	}
}

var (
	stamp = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$`)
	uuid  = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

func (n *normaliser) text(name, text string, now time.Time) string {
	switch {
	case name == "request_id" && uuid.MatchString(text), name == "uuid" && uuid.MatchString(text):
		return "an id"
	case name == "accessor":
		return text[:strings.LastIndex(text, "_")+1] + "…"
	case name == "errors":
		return sortedList(text)
	case stamp.MatchString(text):
		return n.time(text, now)
	default:
		return text
	}
}

// time returns the token of a time. One far ahead also says how far.
func (n *normaliser) time(text string, now time.Time) string {
	if token, known := n.times[text]; known {
		return token
	}
	token := fmt.Sprintf("time %d", len(n.times)+1)
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil && at.Sub(now) > 30*time.Second {
		token += fmt.Sprintf(", %v ahead", at.Sub(now).Round(time.Minute))
	}
	n.times[text] = token
	return token
}

// sortedList sorts the points of a list of errors, which Vault gives in the random order
// of a Go map.
func sortedList(text string) string {
	lines := strings.Split(text, "\n\t* ")
	if len(lines) < 3 {
		return text
	}
	last := len(lines) - 1
	lines[last] = strings.TrimSuffix(lines[last], "\n\n")
	sort.Strings(lines[1:])
	return strings.Join(lines, "\n\t* ")
}

// comparison holds what a sequence needs: how each server's answers are normalised.
type comparison struct{ vault, mem *normaliser }

func newComparison() comparison { return comparison{newNormaliser(), newNormaliser()} }

// difference describes how two answers to a step differ, or returns "".
func (c comparison) difference(s step, vault, mem answer) string {
	want, got := c.vault.clear(vault), c.mem.clear(mem)
	if vault.status == mem.status && vault.headers == mem.headers && reflect.DeepEqual(want, got) {
		return ""
	}
	return fmt.Sprintf("%v\n Vault:    %d %s %s\n memvault: %d %s %s",
		s, vault.status, vault.headers, asText(want), mem.status, mem.headers, asText(got))
}

func asText(body any) string {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Sprint(body)
	}
	return shortenedTo(string(text), 1500)
}

func shortenedTo(text string, n int) string {
	if len(text) > n {
		return text[:n] + "…"
	}
	return text
}
