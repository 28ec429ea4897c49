package difftest_test

import (
	"strings"

	"pgregory.net/rapid"
)

// setting is a member of a metadata or config body, with good and bad texts.
type setting struct {
	name      string
	good, bad []string
}

var (
	maxVersions = setting{"max_versions", []string{`0`, `1`, `2`, `3`, `"2"`, `null`, `true`, `4294967296`},
		[]string{`"x"`, `1.5`, `{}`, `[]`}}
	casRequired = setting{"cas_required", []string{`true`, `false`, `"true"`, `1`, `null`, `""`, `"f"`}, []string{`"x"`, `2`, `{}`}}
	lifetime    = setting{
		"delete_version_after", []string{`"1h"`, `"2h"`, `7200`, `"1d"`, `"0s"`, `0`, `null`, `""`, `"90m"`},
		[]string{`"x"`, `1.5`, `true`, `{}`, `"1"x`, `"xd"`},
	}
	negative = []string{`"-1s"`, `-5`}
	custom   = setting{
		"custom_metadata",
		[]string{`{}`, `{"a":"1"}`, `{"b":"é","a":"2"}`, `{"a":"x","c":"y"}`, `null`, `[]`, `[{"a":"z"}]`},
		[]string{
			`{"a":""}`, `{"":"x"}`, `{"a":"\u0001"}`, `{"\u0001":"x"}`, `{"a":[]}`, `{"a":{}}`, `"x"`, `5`, `["x"]`, `{"a":"","b":"\n"}`,
			`{"a":"` + strings.Repeat("v", 513) + `"}`, `{"` + strings.Repeat("k", 129) + `":"v"}`,
		},
	}
	// Numbers and booleans are texts to a POST, and an internal error to a PATCH.
	customTyped = []string{`{"a":1}`, `{"a":true,"b":2}`, `{"a":1.50}`, `{"a":null}`, `{"a":null,"b":"x"}`}
)

// draw returns a member of a body. At most one member of a body is bad.
func (s setting) draw(t *rapid.T, bad bool) string {
	texts := s.good
	if bad {
		texts = s.bad
	}
	return `"` + s.name + `":` + pick(t, texts)
}

// settingsBody draws a body of some of the settings.
func settingsBody(t *rapid.T, all ...setting) string {
	var members []string
	wrong := -1
	if oneIn(t, 6) {
		wrong = below(t, len(all))
	}
	for i, one := range all {
		if i == wrong || oneIn(t, 2) {
			members = append(members, one.draw(t, i == wrong))
		}
	}
	if oneIn(t, 12) {
		members = append(members, `"extra":1`)
	}
	return "{" + strings.Join(members, ",") + "}"
}

func metadataBody(t *rapid.T) string {
	switch below(t, 12) {
	case 0:
		return `{"custom_metadata":` + pick(t, customTyped) + `}`
	case 1:
		return `{"delete_version_after":` + pick(t, negative) + `}`
	case 2:
		return `{"max_versions":-1}`
	}
	return settingsBody(t, maxVersions, casRequired, lifetime, custom)
}

func configBody(t *rapid.T) string {
	if oneIn(t, 8) {
		return `{"delete_version_after":` + pick(t, negative) + `}`
	}
	return settingsBody(t, maxVersions, casRequired, lifetime)
}
