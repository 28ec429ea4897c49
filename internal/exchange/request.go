package exchange

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"strings"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/requestid"
)

// request is what a text must not repeat of a request.
type requestValues struct {
	values     []string // in it
	fieldNames []string // of its JSON
	unknown    bool     // what was in its body
}

// harmless are headers whose values are no secret.
var publicHeaders = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "Content-Type": true, "User-Agent": true, requestid.Header: true,
	api.RequestHeaderName: true, api.NamespaceHeaderName: true, api.HeaderIndex: true, api.HeaderInconsistent: true, api.HeaderForward: true,
}

// open are the fields of a request's JSON, at its top, that hold no secret. What Vault says
// of them is worth reading: that there is no such role, for instance.
var publicFields = map[string]bool{"role": true, "paths": true, "options": true, "custom_metadata": true}

// add adds what is in a body.
func (s *requestValues) addBody(body []byte) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var content any
	if decoder.Decode(&content) != nil {
		s.values = append(s.values, string(body))
		return
	}
	if fields, ok := content.(map[string]any); ok {
		for name, value := range fields {
			if !publicFields[name] {
				s.fieldNames = append(s.fieldNames, name)
				s.walk(value)
			}
		}
		return
	}
	s.walk(content)
}

func (s *requestValues) walk(value any) {
	switch value := value.(type) {
	case string:
		s.values = append(s.values, value)
	case json.Number:
		if len(value) >= minCommon {
			s.values = append(s.values, value.String())
		}
	case []any:
		for _, one := range value {
			s.walk(one)
		}
	case map[string]any:
		for name, one := range value {
			s.fieldNames = append(s.fieldNames, name)
			s.walk(one)
		}
	}
}

const (
	// longest is the longest text of a refusal that is shown.
	maxText = 2000
	// length is how many bytes in a row a text may not have in common with a value.
	minCommon = 8
	// shortest is the length of values that are looked for at all: fewer bytes are in any text.
	minValue = 4
)

// jsonLike is how JSON looks, itself or inside a string.
var jsonLike = regexp.MustCompile(`\{\s*\\*"|\\*"\s*:\s*(?:\\*"|[\[{0-9]|true|false|null)`)

// isIn reports a text that holds part of the request, as it is or encoded, or looks as if.
func (s *requestValues) repeatedIn(text string) bool {
	if s.unknown || len(text) > maxText || jsonLike.MatchString(text) {
		return true
	}
	for _, name := range s.fieldNames {
		if assigned(text, name) {
			return true
		}
	}
	for _, form := range decodedForms(text) {
		parts := substrings(form)
		for _, value := range s.values {
			if containsPart(form, parts, value) {
				return true
			}
		}
	}
	return false
}

// assigned reports a text such as "secret_id=…".
func assigned(text, name string) bool {
	for {
		_, rest, found := strings.Cut(text, name)
		if !found || name == "" {
			return false
		}
		rest = strings.TrimLeft(rest, `"'\ `)
		if strings.HasPrefix(rest, "=") {
			return true
		}
		text = rest
	}
}

// formsOf are a text and what it says if it is escaped.
func decodedForms(text string) []string {
	forms := []string{text, strings.ReplaceAll(text, `\`, ""), html.UnescapeString(text)}
	if plain, err := url.QueryUnescape(text); err == nil {
		forms = append(forms, plain)
	}
	for i, form := range forms {
		forms[i] = normalize(form)
	}
	return forms
}

// normal leaves out the differences between base64's alphabets, and between upper and
// lower case.
func normalize(text string) string {
	return strings.ToLower(strings.NewReplacer("-", "+", "_", "/").Replace(text))
}

// partsOf are all parts of the length.
func substrings(text string) map[string]bool {
	parts := make(map[string]bool, len(text))
	for i := 0; i+minCommon <= len(text); i++ {
		parts[text[i:i+minCommon]] = true
	}
	return parts
}

// repeats reports a text with part of the value in it, or of its base64 or hex form.
func containsPart(text string, parts map[string]bool, value string) bool {
	value = strings.TrimSpace(value)
	plain := normalize(value)
	switch {
	case len(value) < minValue:
		return false
	case len(value) < minCommon:
		return strings.Contains(text, plain)
	}
	for _, form := range append(base64Forms(value), plain, hex.EncodeToString([]byte(value))) {
		for i := 0; i+minCommon <= len(form); i++ {
			if parts[form[i:i+minCommon]] {
				return true
			}
		}
	}
	return false
}

// base64Forms are how a value looks inside something longer, which may begin with any of
// three bytes of a group. The ends of a group depend on what is beside it.
func base64Forms(value string) []string {
	var forms []string
	for skip := range 3 {
		whole := value[skip:]
		forms = append(forms, normalize(base64.RawStdEncoding.EncodeToString([]byte(whole[:len(whole)/3*3]))))
	}
	return forms
}
