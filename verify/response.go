package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
)

// maxBody limits a response. OpenRouter's list of models, the longest known one, is below 1 MiB.
const maxBody = 8 << 20

// judge turns a response into an outcome.
func (a *attempts) judge(response *http.Response) outcome {
	status := response.StatusCode
	switch {
	case a.endpoint.rejects(status):
		return a.judgeRejection(response)
	case status >= 200 && status < 300:
		return a.judgeSuccess(response)
	case status >= 300 && status < 400:
		return a.unknown(fmt.Sprintf("HTTP %d, a redirect; it is not followed, because the key would go to another address", status))
	case status == http.StatusNotFound:
		return a.unknown("HTTP 404; check the URL")
	case status == http.StatusTooManyRequests || status >= 500:
		return a.temporary(fmt.Sprintf("HTTP %d", status))
	case a.endpoint.alsoRejected[status] != "":
		return a.judgeOtherRejection(response)
	}
	return a.unknown(fmt.Sprintf("HTTP %d", status))
}

// judgeRejection looks for the rejections of a key that works for other requests.
func (a *attempts) judgeRejection(response *http.Response) outcome {
	if len(a.endpoint.inconclusive) == 0 {
		return a.rejected(response.StatusCode)
	}
	body, failure := a.read(response)
	if failure != nil {
		return *failure // nobody knows what it would say
	}
	for _, text := range a.endpoint.inconclusive {
		if contains(body, text) {
			return a.unknown(fmt.Sprintf("HTTP %d, but the key may work: it lacks the right to this request, "+
				"or it works from other addresses only", response.StatusCode))
		}
	}
	return a.rejected(response.StatusCode)
}

// judgeOtherRejection looks for the text that makes another status a rejection.
func (a *attempts) judgeOtherRejection(response *http.Response) outcome {
	body, failure := a.read(response)
	switch {
	case failure != nil:
		return *failure
	case contains(body, a.endpoint.alsoRejected[response.StatusCode]):
		return a.rejected(response.StatusCode)
	}
	return a.unknown(fmt.Sprintf("HTTP %d", response.StatusCode))
}

func contains(body []byte, text string) bool {
	return bytes.Contains(bytes.ToLower(body), []byte(text))
}

// judgeSuccess checks that a success is the API's: a login page or a proxy's page has the same
// status.
func (a *attempts) judgeSuccess(response *http.Response) outcome {
	if a.endpoint.method() == http.MethodHead || response.StatusCode == http.StatusNoContent {
		return outcome{}
	}
	body, failure := a.read(response)
	switch {
	case failure != nil:
		return *failure
	case !isJSON(body):
		return a.unknown(fmt.Sprintf("HTTP %d, but the response is not JSON; check the URL", response.StatusCode))
	case isError(body):
		return a.unknown(fmt.Sprintf("HTTP %d, but the response is an error", response.StatusCode))
	}
	return outcome{}
}

// read returns the body of a response, or the outcome if it cannot be read.
func (a *attempts) read(response *http.Response) ([]byte, *outcome) {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	switch {
	case err != nil:
		failure := a.failed(err)
		return nil, &failure
	case len(body) > maxBody:
		failure := a.unknown(fmt.Sprintf("the response is longer than %d MiB", maxBody>>20))
		return nil, &failure
	}
	return body, nil
}

// isJSON reports whether text is a JSON object or array.
func isJSON(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return (bytes.HasPrefix(text, []byte("{")) || bytes.HasPrefix(text, []byte("["))) && json.Valid(text)
}

// isError reports whether text is an object with an error, as some gateways send with status 200.
func isError(text []byte) bool {
	var object struct {
		Error json.RawMessage `json:"error"`
	}
	return json.Unmarshal(text, &object) == nil && !slices.Contains([]string{"", "null", "false", `""`}, string(object.Error))
}
