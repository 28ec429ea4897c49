// Package keycheck chooses the API at which the key of a provider is tried.
package keycheck

import (
	"errors"
	"slices"
	"strings"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/verify"
)

// Help describes what New takes, for the help of a flag.
func Help() string {
	return strings.Join(verify.Names(), ", ") + ", or the base URL of a server with OpenAI's API"
}

// New returns the verifier for the value of a flag: the name of an API, or a base URL.
func New(flag, api string, opts ...verify.Option) (verify.Verifier, error) {
	verifier, err := verify.For(api, opts...)
	if why, ok := errors.AsType[*vaultkit.Error](err); ok {
		return nil, exitcode.UsageErrorf("--%s: %s", flag, why.Detail)
	}
	return verifier, err
}

// elsewhere are words in a provider's name which say that its keys belong to another server: one
// that resells or passes on an API, or a local one.
var elsewhere = []string{
	"aws", "azure", "bedrock", "compatible", "databricks", "gateway", "gcp", "helicone", "litellm", "llamacpp",
	"local", "mirror", "mock", "ollama", "proxy", "relay", "router", "self", "vertex", "vllm",
}

// Guess returns the name of the API for a provider: the first word of its name, as in
// openai-gpt4. It returns "" if there is none, or if another word of the name is also that of an
// API or of another place, as in openai-azure: a key must not be sent to the wrong company.
func Guess(provider string) string {
	words := strings.FieldsFunc(strings.ToLower(provider), func(r rune) bool { return r == '-' || r == '_' || r == '.' })
	if len(words) == 0 || !slices.Contains(verify.Names(), words[0]) {
		return ""
	}
	for _, word := range words[1:] {
		contained := func(other string) bool { return strings.Contains(word, other) } // as in azure2 and azureeast
		if slices.ContainsFunc(elsewhere, contained) || slices.ContainsFunc(verify.Names(), contained) {
			return ""
		}
	}
	return words[0]
}
