package exchange_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"

	"goblin/vaultkit/internal/exchange"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server answers in place of a network.
type server func(r *http.Request) (*http.Response, error)

func (s server) RoundTrip(r *http.Request) (*http.Response, error) { return s(r) }

// says answers with a status and a body.
func says(status int, text string) server {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(text))}, nil
	}
}

const (
	token    = "hvs.fake-token-0123456789"
	secretID = "fake-secret-id+/=9f8e7d6c"
)

// login returns a request whose body, except the role, and token are secret.
func login(t *testing.T, to string) *http.Request {
	t.Helper()
	body, err := json.Marshal(map[string]any{"role": "goblin-assistant", "secret_id": secretID, "data": map[string]any{"pin": 4815162342, "short": "pass", "n": 1}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, to, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Vault-Token", token)
	return r
}

// refusal returns the texts that remain of an error response.
func refusal(t *testing.T, r *http.Request, from server) (texts []string, body string) {
	t.Helper()
	response, err := exchange.Echoes(from).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	var said struct{ Errors []string }
	_ = json.Unmarshal(text, &said)
	return said.Errors, string(text)
}

// TestEchoes_AreRemoved checks every form in which a proxy may repeat the request.
func TestEchoes_AreRemoved(t *testing.T) {
	whole, _ := io.ReadAll(login(t, "http://vault.test").Body)
	for name, text := range map[string]string{
		"the body":              string(whole),
		"the body, cut":         string(whole[:60]),
		"a value":               "you sent " + secretID,
		"part of a value":       "you sent " + secretID[3:12] + "…",
		"the token":             "bad token " + token,
		"upper case":            strings.ToUpper(secretID),
		"base64 of the body":    base64.StdEncoding.EncodeToString(whole),
		"base64url, shifted":    base64.URLEncoding.EncodeToString(append([]byte("x"), whole...)),
		"hex":                   hex.EncodeToString([]byte(secretID)),
		"a form":                url.Values{"secret_id": {secretID}}.Encode(),
		"percent-encoded":       "got " + url.QueryEscape(secretID),
		"HTML":                  html.EscapeString(`<p>"` + secretID + `"</p>`),
		"quoted twice":          `"{\"secret_id\":\"` + secretID + `\"}"`,
		"a number":              "pin 4815162342 is wrong",
		"a short value":         "the value pass is too short",
		"other JSON":            `invalid: {"x":"y"}`,
		"a name with its value": "secret_id = fa…",
		"a very long text":      strings.Repeat("long ", 1000),
		"beside Vault's own":    "invalid token: " + token,
	} {
		for status, body := range map[int]string{400: errorsOf(t, text), 500: errorsOf(t, "fine", text), 403: `{"ERRORS":` + list(t, text) + `,"data":1} trailing`, 502: "got " + text, 307: errorsOf(t, text)} {
			_, got := refusal(t, login(t, "http://vault.test"), says(status, body))
			for _, secret := range []string{secretID, secretID[3:12], token, "4815162342", "pass is", hex.EncodeToString([]byte(secretID))[:16], url.QueryEscape(secretID)[:12], strings.ToUpper(secretID)[:9]} {
				if strings.Contains(got, secret) {
					t.Errorf("%s, %d: text = %q, want it without %q", name, status, got, secret)
				}
			}
			if !strings.Contains(got, "left out") {
				t.Errorf("%s, %d: text = %q, want the note that a text was omitted", name, status, got)
			}
		}
	}
}

func errorsOf(t *testing.T, texts ...string) string {
	t.Helper()
	return `{"errors":` + list(t, texts...) + `}`
}

func list(t *testing.T, texts ...string) string {
	t.Helper()
	text, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEchoes_KeepVaultsTexts(t *testing.T) {
	for _, text := range []string{
		"permission denied", "1 error occurred:\n\t* permission denied\n\n", "invalid role or secret ID", `invalid role name "goblin-assistant"`,
		"2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n", `no handler for route "secret/data/p". route entry not found.`,
		"check-and-set parameter did not match the current version", "Vault is sealed", "local node not active but active cluster node not found",
		"refused JSON input due to high complexity: exceeded maximum number of strings",
	} {
		if got, _ := refusal(t, login(t, "http://vault.test"), says(400, errorsOf(t, text))); len(got) != 1 || got[0] != text {
			t.Errorf("removeEchoes(%q) = %q, want it unchanged", text, got)
		}
	}
	for text, want := range map[string]string{
		"permission denied; invalid token " + token:                                 "invalid token; permission denied; a text",
		"check-and-set parameter did not match the current version for " + secretID: "check-and-set parameter did not match the current version; a text",
	} {
		if got, _ := refusal(t, login(t, "http://vault.test"), says(400, errorsOf(t, text))); len(got) != 1 || !strings.HasPrefix(got[0], want) {
			t.Errorf("removeEchoes(%q) = %q, want %q…", text, got, want)
		}
	}
}

func TestEchoes_KeepOtherResponses(t *testing.T) {
	for status, text := range map[int]string{
		200: `{"data":{"api_key":"` + secretID + `"}}`,
		404: `{"request_id":"r","data":{"data":null,"metadata":{"version":3}},"warnings":null}`,
		503: "<html>down</html>",
		500: "",
	} {
		if _, got := refusal(t, login(t, "http://vault.test"), says(status, text)); got != text {
			t.Errorf("status %d: body = %q, want %q", status, got, text)
		}
	}
}

func TestEchoes_TruncatedResponseStaysTruncated(t *testing.T) {
	cut := errors.New("cut")
	response, err := exchange.Echoes(server(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 500, Header: http.Header{}, Request: r, Body: io.NopCloser(io.MultiReader(strings.NewReader(`{"errors":[`), iotest.ErrReader(cut)))}, nil
	})).RoundTrip(login(t, "http://vault.test"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); string(text) != `{"errors":[` || !errors.Is(err, cut) {
		t.Errorf("ReadAll = %q, %v, want the body's beginning and the error", text, err)
	}
}

func TestEchoes_OmitAllIfTheRequestCannotBeRead(t *testing.T) {
	r := login(t, "http://vault.test")
	r.GetBody = nil
	if got, _ := refusal(t, r, says(400, errorsOf(t, "anything"))); len(got) != 1 || !strings.Contains(got[0], "left out") {
		t.Errorf("text = %q, want nothing of the response", got)
	}
}
