package verify

import (
	"net/http"
	"slices"
	"testing"

	"goblin/vaultkit"
)

// bearer is how a key is sent in the header Authorization.
const bearer = "Bearer "

// TestFor_AsksAsDocumented: each provider's request carries the key where the provider's
// documentation says, and tells a good key from a dead one by the documented answers.
func TestFor_AsksAsDocumented(t *testing.T) {
	dead := answer{401, `{"error": {"message": "Incorrect API key provided: KEY", "code": "invalid_api_key"}}`}
	list := `{"object": "list", "data": [{"id": "m"}]}`
	for name, want := range map[string]struct {
		host, path, header, prefix string
		good                       string
		dead                       answer
	}{
		"openai":    {"api.openai.com", "/v1/models", "Authorization", bearer, list, dead},
		"mistral":   {"api.mistral.ai", "/v1/models", "Authorization", bearer, list, dead},
		"groq":      {"api.groq.com", "/openai/v1/models", "Authorization", bearer, list, dead},
		"xai":       {"api.x.ai", "/v1/models", "Authorization", bearer, list, answer{400, `{"error": "Incorrect API key provided: KEY."}`}},
		"together":  {"api.together.xyz", "/v1/models", "Authorization", bearer, `[{"id": "m"}]`, dead},
		"fireworks": {"api.fireworks.ai", "/inference/v1/models", "Authorization", bearer, list, dead},
		"openrouter": {"openrouter.ai", "/api/v1/key", "Authorization", bearer, `{"data": {"label": "sk-or-v1-fak...key", "limit": null}}`,
			answer{401, `{"error": {"code": 401, "message": "User not found."}}`}},
		"anthropic": {"api.anthropic.com", "/v1/models", "X-Api-Key", "", `{"data": [], "has_more": false}`,
			answer{401, `{"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}`}},
	} {
		t.Run(name, func(t *testing.T) {
			api := newStandIn(t, want.header, func(key string) answer {
				switch key {
				case want.prefix + goodKey:
					return answer{200, want.good}
				case "":
					return answer{401, ""}
				}
				return want.dead
			})
			v, err := For(name, Wait(0), api.inPlaceOf())
			if err != nil {
				t.Fatalf("For(%s) = %v, want no error", name, err)
			}
			wantOutcome(t, name+" with the good key", try(t.Context(), v, goodKey), nil)
			wantOutcome(t, name+" with a dead key", try(t.Context(), v, deadKey), ErrRejected)
			for _, r := range api.requests {
				if r.Method != http.MethodGet || r.Host != want.host || r.URL.String() != want.path {
					t.Errorf("request = %s https://%s%s, want GET https://%s%s", r.Method, r.Host, r.URL, want.host, want.path)
				}
				if version := r.Header.Get("Anthropic-Version"); (version == "2023-06-01") != (name == "anthropic") {
					t.Errorf("request to %s has Anthropic-Version = %q", name, version)
				}
			}
			if n := len(api.asked(want.header)); n != 2 {
				t.Errorf("%d requests carried a key, want 2", n)
			}
		})
	}
	if got := Names(); len(got) != 8 || !slices.IsSorted(got) {
		t.Errorf("Names() = %v, want the eight above, sorted", got)
	}
}

// TestConstructors_AskTheirProvider: the functions for a provider ask the same as For.
func TestConstructors_AskTheirProvider(t *testing.T) {
	for host, construct := range map[string]func(...Option) Verifier{
		"api.openai.com": OpenAI, "api.anthropic.com": Anthropic, "openrouter.ai": OpenRouter,
	} {
		api := newStandIn(t, "X", func(string) answer { return answer{401, ""} })
		wantOutcome(t, host, try(t.Context(), construct(Wait(0), api.inPlaceOf()), deadKey), ErrRejected)
		if len(api.requests) != 1 || api.requests[0].Host != host {
			t.Errorf("requests = %v, want one to %s", api.requests, host)
		}
	}
}

// TestOpenAI_ARestrictedKeyIsUnknown: OpenAI answers 401 to some keys that work.
func TestOpenAI_ARestrictedKeyIsUnknown(t *testing.T) {
	for body, want := range map[string]error{
		`{"error": {"message": "You have insufficient permissions for this operation. Missing scopes: api.model.read.", "code": null}}`: ErrUnknown,
		`{"error": {"message": "...", "code": "ip_not_authorized"}}`:                                                                    ErrUnknown,
		`{"error": {"message": "Incorrect API key provided: KEY", "code": "invalid_api_key"}}`:                                          ErrRejected,
		"": ErrRejected,
	} {
		api := newStandIn(t, "Authorization", func(string) answer { return answer{401, body} })
		wantOutcome(t, "OpenAI, answered "+body, try(t.Context(), OpenAI(Wait(0), api.inPlaceOf()), deadKey), want)
	}
}

// TestXAI_AnotherBadRequestIsUnknown: 400 rejects a key only with xAI's text.
func TestXAI_AnotherBadRequestIsUnknown(t *testing.T) {
	api := newStandIn(t, "Authorization", func(string) answer { return answer{400, `{"error": "Bad request"}`} })
	v, err := For("xai", Wait(0), api.inPlaceOf())
	if err != nil {
		t.Fatalf("For(xai) = %v, want no error", err)
	}
	wantOutcome(t, "xai, answered 400", try(t.Context(), v, deadKey), ErrUnknown)
}

// TestCompatible_FindsTheListOfModels: a base URL may end in /v1 or in a slash.
func TestCompatible_FindsTheListOfModels(t *testing.T) {
	for path, want := range map[string]string{
		"": "/v1/models", "/": "/v1/models", "/v1": "/v1/models", "/v1/": "/v1/models", "/v1//": "/v1/models",
		"/llm": "/llm/v1/models", "/openai/v1": "/openai/v1/models", "/v1beta": "/v1beta/v1/models", "/a%20b": "/a%20b/v1/models",
	} {
		api := standInAnswering(t, answer{200, `{"data": []}`})
		wantOutcome(t, "Compatible("+path+")", try(t.Context(), Compatible(api.URL+path), goodKey), nil)
		if got := api.requests[0].URL.String(); got != want {
			t.Errorf("Compatible(%s) asks %s, want %s", path, got, want)
		}
	}
	// The base URL of a documented API is that API: OpenRouter's list of models needs no key, Anthropic
	// has a header of its own.
	for base, want := range map[string]struct{ path, header string }{
		"https://openrouter.ai/api/v1": {"/api/v1/key", "Authorization"}, "https://OpenRouter.ai/api/": {"/api/v1/key", "Authorization"},
		"https://api.anthropic.com": {"/v1/models", "x-api-key"}, "https://api.groq.com": {"/openai/v1/models", "Authorization"},
	} {
		api := newStandIn(t, want.header, func(string) answer { return answer{401, ""} })
		wantOutcome(t, "Compatible("+base+")", try(t.Context(), Compatible(base, Wait(0), api.inPlaceOf()), deadKey), ErrRejected)
		if got := api.requests[0]; got.URL.String() != want.path || got.Header.Get(want.header) == "" {
			t.Errorf("Compatible(%s) asks %s with the header %q, want %s with the key", base, got.URL, got.Header.Get(want.header), want.path)
		}
	}
}

// TestFor_RefusesWhatCanNeverWork: at once, and without the text, which may contain a password.
func TestFor_RefusesWhatCanNeverWork(t *testing.T) {
	for _, text := range []string{
		"", "canary", "canary.example.com/v1", "https://", "https:///v1", "https://:443/v1", "ftp://host/v1", "https://user:canary@host/v1",
		"https://host/v1?key=canary", "https://host/v1?", "https://host/v1#canary", "http://host/v1", "http://10.0.0.1/v1", "https://h\x1b[31m/",
		"http://localhost.example.com", "http://127.0.0.1.example.com", "http://localhost@canary.example.com/", "https://gött.example.com",
	} {
		v, err := For(text)
		wantOutcome(t, "For("+text+")", err, vaultkit.ErrInvalid)
		if v != nil {
			t.Errorf("For(%q) returns a verifier, want none", text)
		}
		wantOutcome(t, "Compatible("+text+")", try(t.Context(), Compatible(text, AllowUnknown(nil)), goodKey), vaultkit.ErrInvalid)
	}
	for _, text := range []string{"http://localhost:1", "http://LOCALHOST:1", "http://127.0.0.1:1", "http://127.9.9.9:1", "http://[::1]:1", "https://host"} {
		if _, err := For(text); err != nil {
			t.Errorf("For(%s) = %v, want no error", text, err)
		}
	}
}
