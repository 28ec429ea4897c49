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

	"goblin/vaultkit/internal/correlationid"
)

// requestValues holds the parts of a request that an error text must not repeat.
type requestValues struct {
	values     []string // header and body values
	fieldNames []string // names in the JSON body
	unknown    bool     // the body could not be read
}

// publicHeaders lists headers whose values are not secret.
var publicHeaders = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "Content-Type": true, "User-Agent": true, correlationid.Header: true,
	api.RequestHeaderName: true, api.NamespaceHeaderName: true, api.HeaderIndex: true, api.HeaderInconsistent: true, api.HeaderForward: true,
}

// publicFields lists top-level JSON fields that hold no secret. Vault's messages about
// them are useful, such as that a role does not exist.
var publicFields = map[string]bool{"role": true, "paths": true, "options": true, "custom_metadata": true}

// addBody adds the values in a body.
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
	// maxText is the length of the longest error text that is shown.
	maxText = 2000
	// minCommon is the number of bytes in a row that make a text repeat a value.
	minCommon = 8
	// minValue is the length of the shortest value to look for. Shorter ones occur in any text.
	minValue = 4
)

// jsonLike matches JSON, either plain or inside a string.
var jsonLike = regexp.MustCompile(`\{\s*\\*"|\\*"\s*:\s*(?:\\*"|[\[{0-9]|true|false|null)`)

// repeatedIn reports whether the text contains part of the request, plain or encoded, or
// looks as if it does.
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

// assigned reports whether the text contains something like "secret_id=…".
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

// decodedForms returns the text and its unescaped forms.
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

// normalize removes the differences between base64's alphabets and between upper and lower
// case.
func normalize(text string) string {
	return strings.ToLower(strings.NewReplacer("-", "+", "_", "/").Replace(text))
}

// substrings returns all substrings of minCommon bytes.
func substrings(text string) map[string]bool {
	parts := make(map[string]bool, len(text))
	for i := 0; i+minCommon <= len(text); i++ {
		parts[text[i:i+minCommon]] = true
	}
	return parts
}

// containsPart reports whether the text contains part of the value, or of its base64 or
// hex form.
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

// base64Forms returns how a value looks inside a longer base64 text, for each of the three
// possible alignments. The ends are left out, because they depend on the neighbouring
// bytes.
func base64Forms(value string) []string {
	var forms []string
	for skip := range 3 {
		whole := value[skip:]
		forms = append(forms, normalize(base64.RawStdEncoding.EncodeToString([]byte(whole[:len(whole)/3*3]))))
	}
	return forms
}
