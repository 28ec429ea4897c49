package verify

import (
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

// endpoints are the free requests that the providers document.
var endpoints = map[string]Endpoint{
	// https://platform.openai.com/docs/api-reference/models/list
	// https://platform.openai.com/docs/guides/error-codes
	"openai": models("https://api.openai.com/v1/models"),
	// https://docs.anthropic.com/en/api/models-list
	// https://docs.anthropic.com/en/api/errors
	"anthropic": {
		URL:     "https://api.anthropic.com/v1/models",
		Header:  "x-api-key",
		Headers: map[string]string{"anthropic-version": "2023-06-01"},
	},
	// https://docs.mistral.ai/api
	// https://docs.mistral.ai/resources/error-glossary
	"mistral": models("https://api.mistral.ai/v1/models"),
	// https://console.groq.com/docs/api-reference
	// https://console.groq.com/docs/errors
	"groq": models("https://api.groq.com/openai/v1/models"),
	// https://docs.x.ai/developers/rest-api-reference/inference/models
	// https://docs.x.ai/developers/debugging
	"xai": xAI(),
	// https://docs.together.ai/reference/models
	"together": models("https://api.together.xyz/v1/models"),
	// https://docs.fireworks.ai/tools-sdks/openai-compatibility
	"fireworks": models("https://api.fireworks.ai/inference/v1/models"),
	// OpenRouter lists its models without a key.
	// https://openrouter.ai/docs/api/api-reference/api-keys/get-current-key
	"openrouter": {URL: "https://openrouter.ai/api/v1/key"},
}

// models returns the request for the list of models, which is part of OpenAI's API.
func models(target string) Endpoint {
	return Endpoint{URL: target, inconclusive: []string{
		// OpenAI answers 401, not 403, to a restricted key that may not list models ("Missing
		// scopes: api.model.read"), and to a key that works from other addresses only ("IP not
		// authorized").
		"missing scopes", "insufficient permissions", "ip_not_authorized", "ip not authorized",
	}}
}

// xAI answers 400 to an unknown key: "Incorrect API key provided".
func xAI() Endpoint {
	e := models("https://api.x.ai/v1/models")
	e.alsoRejected = map[int]string{http.StatusBadRequest: "incorrect api key"}
	return e
}

// Names returns the names that [For] knows, sorted.
func Names() []string { return slices.Sorted(maps.Keys(endpoints)) }

// For returns the verifier for a provider of [Names], such as "openai", or for the base URL of a
// server with OpenAI's API, as [Compatible] does.
//
// Errors: vaultkit.ErrInvalid if there is none; it does not quote the text.
func For(nameOrURL string, opts ...Option) (Verifier, error) {
	endpoint, ok := endpoints[nameOrURL]
	if !ok && !strings.Contains(nameOrURL, "://") {
		return nil, invalid("no verifier has this name: name one of %s, or the base URL of a server with OpenAI's API",
			strings.Join(Names(), ", "))
	}
	if !ok {
		var err error
		if endpoint, err = compatible(nameOrURL); err != nil {
			return nil, err
		}
	}
	return endpoint.Verifier(opts...), nil
}

// OpenAI tries a key of the OpenAI API: it lists the models. The outcome is [ErrUnknown] for a
// restricted key that may not list them (scope api.model.read).
// See https://platform.openai.com/docs/api-reference/models/list.
func OpenAI(opts ...Option) Verifier { return endpoints["openai"].Verifier(opts...) }

// Anthropic tries a key of the Anthropic API: it lists the models.
// See https://docs.anthropic.com/en/api/models-list.
func Anthropic(opts ...Option) Verifier { return endpoints["anthropic"].Verifier(opts...) }

// OpenRouter tries a key of the OpenRouter API: it asks for what is known about the key.
// See https://openrouter.ai/docs/api/api-reference/api-keys/get-current-key.
func OpenRouter(opts ...Option) Verifier { return endpoints["openrouter"].Verifier(opts...) }

// Compatible tries a key at a server with OpenAI's API, such as vLLM, LiteLLM or llama.cpp: it
// lists the models. The base URL is what clients of OpenAI call base_url, with or without the
// /v1 at its end: "https://llm.example.com/v1" or "http://localhost:8000". If the server does not
// check keys, as Ollama, the outcome is [ErrUnknown]. For a base URL of openrouter.ai, it is
// OpenRouter. If the base URL is wrong, the verifier returns vaultkit.ErrInvalid.
func Compatible(base string, opts ...Option) Verifier {
	endpoint, err := compatible(base)
	if err != nil {
		return refusing(err)
	}
	return endpoint.Verifier(opts...)
}

func compatible(base string) (Endpoint, error) {
	target, err := parseURL(base)
	switch {
	case err != nil:
		return Endpoint{}, err
	case target.RawQuery != "" || target.ForceQuery || strings.Contains(base, "#"):
		return Endpoint{}, invalid("the base URL must not contain ? or #")
	}
	for _, known := range endpoints { // Anthropic has another header, xAI another status
		if documented, err := url.Parse(known.URL); err == nil && strings.EqualFold(documented.Host, target.Host) {
			return known, nil
		}
	}
	if path.Base(target.Path) == "v1" {
		return models(target.JoinPath("models").String()), nil
	}
	return models(target.JoinPath("v1", "models").String()), nil
}
