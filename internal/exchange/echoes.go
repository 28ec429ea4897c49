package exchange

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// Echoes takes out of refusals the texts that repeat the request: a hop may answer with
// what it was sent, the token or the secret. Of such a text those words of Vault are kept
// that carry a meaning.
func Echoes(next http.RoundTripper) http.RoundTripper { return echoes{next} }

type echoes struct{ next http.RoundTripper }

// RoundTrip sends the request on.
func (e echoes) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := e.next.RoundTrip(r)
	if err != nil || answer.Body == nil || answer.StatusCode < http.StatusMultipleChoices {
		return answer, err
	}
	text, cut := io.ReadAll(answer.Body)
	if cut == nil {
		text = removeEchoes(text, valuesOf(r))
		answer.ContentLength = int64(len(text))
		answer.Header.Del("Content-Length")
	}
	answer.Body = refusal{io.MultiReader(bytes.NewReader(text), readResult{cut}), answer.Body}
	return answer, nil
}

// refusal is a body that was read already.
type refusal struct {
	io.Reader
	io.Closer
}

// ending is how that ended.
type readResult struct{ err error }

func (e readResult) Read([]byte) (int, error) {
	if e.err == nil {
		return 0, io.EOF
	}
	return 0, e.err
}

const omitted = "a text that repeats the request, left out"

// withoutEchoes is the body of a refusal. It is read as the official client reads it.
func removeEchoes(body []byte, sent *requestValues) []byte {
	var said api.ErrorResponse
	decoder := json.NewDecoder(bytes.NewReader(body))
	if err := decoder.Decode(&said); err != nil {
		if sent.repeatedIn(string(body)) {
			return []byte(vaulterr.Known(string(body), omitted))
		}
		return body
	}
	found := false
	for i, line := range said.Errors {
		if sent.repeatedIn(line) {
			said.Errors[i], found = vaulterr.Known(line, omitted), true
		}
	}
	if !found {
		return body
	}
	clean, err := json.Marshal(map[string][]string{"errors": said.Errors})
	if err != nil {
		return nil
	}
	return clean
}

// sentBy reads the request once more.
func valuesOf(r *http.Request) *requestValues {
	sent := &requestValues{}
	for name, values := range r.Header {
		if !publicHeaders[name] {
			sent.values = append(sent.values, values...)
		}
	}
	if r.Body == nil || r.Body == http.NoBody {
		return sent
	}
	body, err := readBody(r)
	if err != nil {
		sent.unknown = true
		return sent
	}
	sent.addBody(body)
	return sent
}

func readBody(r *http.Request) ([]byte, error) {
	if r.GetBody == nil {
		return nil, errors.New("it cannot be read twice")
	}
	again, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	defer again.Close()
	return io.ReadAll(again)
}
