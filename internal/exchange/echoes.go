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

// Echoes removes texts that repeat the request from error responses. A proxy may answer
// with what it was sent, including the token or the secret. Known texts of Vault are kept,
// because their meaning matters.
func Echoes(next http.RoundTripper) http.RoundTripper { return echoes{next} }

type echoes struct{ next http.RoundTripper }

// RoundTrip sends the request on.
func (e echoes) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := e.next.RoundTrip(r)
	if err != nil || response.Body == nil || response.StatusCode < http.StatusMultipleChoices {
		return response, err
	}
	text, cut := io.ReadAll(response.Body)
	if cut == nil {
		text = removeEchoes(text, valuesOf(r))
		response.ContentLength = int64(len(text))
		response.Header.Del("Content-Length")
	}
	response.Body = refusal{io.MultiReader(bytes.NewReader(text), readResult{cut}), response.Body}
	return response, nil
}

// refusal is the body of an error response that was already read.
type refusal struct {
	io.Reader
	io.Closer
}

// readResult returns the error of reading the body, or io.EOF.
type readResult struct{ err error }

func (e readResult) Read([]byte) (int, error) {
	if e.err == nil {
		return 0, io.EOF
	}
	return 0, e.err
}

// omitted replaces a text that repeats the request.
const omitted = "a text that repeats the request, left out"

// removeEchoes returns the body of an error response without echoes. It parses the body as
// the official client does.
func removeEchoes(body []byte, sent *requestValues) []byte {
	var said api.ErrorResponse
	decoder := json.NewDecoder(bytes.NewReader(body))
	if err := decoder.Decode(&said); err != nil {
		if sent.repeatedIn(string(body)) {
			return []byte(vaulterr.KnownTexts(string(body), omitted))
		}
		return body
	}
	found := false
	for i, line := range said.Errors {
		if sent.repeatedIn(line) {
			said.Errors[i], found = vaulterr.KnownTexts(line, omitted), true
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

// valuesOf reads the request again and returns its values.
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
		return nil, errors.New("the request body cannot be read twice")
	}
	again, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	defer again.Close()
	return io.ReadAll(again)
}
