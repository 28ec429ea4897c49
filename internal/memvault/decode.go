package memvault

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/random"
)

// decodeRequest turns an HTTP request into a logical one, as Vault's HTTP layer does.
func (s *Server) decodeRequest(r *http.Request) (*logical.Request, error) {
	request := &logical.Request{
		ID:      random.UUID(),
		Path:    strings.TrimPrefix(r.URL.Path, "/v1/"),
		Headers: r.Header,
		Token:   tokenOf(r.Header),
	}
	request.Remote, _, _ = net.SplitHostPort(r.RemoteAddr)
	if err := s.decodeMethod(r, request); err != nil {
		return nil, err
	}
	return request, decodeHeaders(request)
}

// decodeMethod sets the operation and reads the parameters from where it has them.
func (s *Server) decodeMethod(r *http.Request, request *logical.Request) (err error) {
	query := r.URL.Query()
	switch r.Method {
	case http.MethodGet:
		err = decodeGet(query, request)
	case http.MethodPost, http.MethodPut:
		request.Operation = logical.Update
		request.Data, err = s.decodeBody(r)
	case http.MethodPatch:
		request.Operation = logical.Patch
		request.Data, err = s.decodePatch(r)
	case http.MethodDelete:
		request.Operation, request.Data = logical.Delete, queryData(query)
	case "LIST":
		request.Operation, request.Data = logical.List, queryData(query)
		request.Path = withSlash(request.Path)
	case http.MethodHead:
		request.Operation, request.Data = logical.Header, queryData(query)
	case http.MethodOptions:
		request.Operation = ""
	case "RECOVER":
		_, err = s.decodeBody(r)
	default:
		return &logical.Error{Status: http.StatusMethodNotAllowed}
	}
	if err != nil {
		return err
	}
	request.Snapshot = snapshotOf(r)
	if r.Method == "RECOVER" && request.Snapshot == "" {
		return logical.Refuse("missing required snapshot ID")
	}
	return nil
}

// snapshotOf returns the id of the snapshot that the request wants to read or to recover.
func snapshotOf(r *http.Request) string {
	query := r.URL.Query()
	switch r.Method {
	case http.MethodGet, "LIST":
		return query.Get("read_snapshot_id")
	case http.MethodPost, http.MethodPut, "RECOVER":
		return cmp.Or(r.Header.Get("X-Vault-Recover-Snapshot-Id"), query.Get("recover_snapshot_id"))
	default:
		return ""
	}
}

// decodeGet reads a GET, which may be a list or ask for help.
func decodeGet(query url.Values, request *logical.Request) error {
	request.Operation = logical.Read
	if query.Has("help") {
		return logical.Unsupported("the query parameter help")
	}
	if text := query.Get("list"); text != "" {
		list, err := strconv.ParseBool(text)
		if err != nil {
			return &logical.Error{Status: http.StatusBadRequest}
		}
		if list {
			query.Del("list")
			request.Operation, request.Path = logical.List, withSlash(request.Path)
		}
	}
	request.Data = queryData(query)
	return nil
}

func withSlash(path string) string { return strings.TrimSuffix(path, "/") + "/" }

// queryData returns a query's parameters: a string each, or a list of strings.
func queryData(query url.Values) map[string]any {
	data := make(map[string]any)
	for name, values := range query {
		if len(values) == 1 {
			data[name] = values[0]
		} else {
			data[name] = values
		}
	}
	return data
}

// decodeBody reads the body of a POST: JSON, or a form that does not look like JSON.
func (s *Server) decodeBody(r *http.Request) (map[string]any, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, logical.Refuse("error reading data")
	}
	if isForm(body, r.Header.Get("Content-Type")) {
		return decodeForm(string(body))
	}
	data, err := s.decodeObject(body)
	if err != nil {
		return nil, s.unreadable(logical.Refuse("error parsing JSON: failed to parse JSON input: %s", err), err)
	}
	return data, nil
}

// decodePatch reads the body of a PATCH, which must be a merge patch.
func (s *Server) decodePatch(r *http.Request) (map[string]any, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, logical.Refuse("%s", err)
	}
	const want = "application/merge-patch+json"
	if kind != want {
		text := fmt.Sprintf("PATCH requires Content-Type of %s, provided %s", want, kind)
		return nil, &logical.Error{Status: http.StatusUnsupportedMediaType, Text: text}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, logical.Refuse("error parsing JSON")
	}
	data, err := s.decodeObject(body)
	if err != nil {
		return nil, s.unreadable(logical.Refuse("error parsing JSON"), err)
	}
	return data, nil
}

// decodeObject decodes a JSON object and keeps its numbers' texts. An empty body is none. Only
// OpenBao looks at what comes after the object.
func (s *Server) decodeObject(body []byte) (data map[string]any, err error) {
	if s.OpenBao() {
		if err := checkTokens(body); err != nil {
			return nil, err
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&data); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return data, nil
}

func isForm(body []byte, contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return false
	}
	start := bytes.TrimLeft(body[:min(len(body), 512)], " \t\r\n")
	return len(start) > 0 && start[0] != '{' && start[0] != '['
}

func decodeForm(body string) (map[string]any, error) {
	values, err := url.ParseQuery(body)
	if err != nil {
		return nil, logical.Refuse("error parsing form data")
	}
	data := make(map[string]any)
	for name, all := range values {
		data[name] = strings.Join(all, ",")
	}
	return data, nil
}

// tokenOf returns the token of X-Vault-Token, or of a bearer Authorization.
func tokenOf(headers http.Header) string {
	if token := headers.Get("X-Vault-Token"); token != "" {
		return token
	}
	for _, value := range headers.Values("Authorization") {
		if token, found := strings.CutPrefix(value, "Bearer "); found {
			return strings.TrimSpace(token)
		}
	}
	return ""
}
