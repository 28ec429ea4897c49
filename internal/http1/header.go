package http1

import (
	"bytes"
	"net/http"
	"strconv"
)

// What follows a header, if it is not a number of bytes.
const (
	bodyChunked = -1
	bodyInterim = -2 // nothing: the response is interim, and another one follows
)

// bodyOf returns what follows a response's header. ok is false if that is not certain, or
// is the rest of the connection.
func bodyOf(method string, header []byte) (body int64, ok bool) {
	status, fields, found := bytes.Cut(header, []byte("\r\n"))
	code := statusOf(status)
	if !found || code == 0 {
		return 0, false
	}
	lengths, encodings, ok := framingHeaders(fields)
	switch {
	case code == http.StatusSwitchingProtocols:
		return 0, false
	case code < http.StatusOK:
		return bodyInterim, ok
	case !ok:
		return 0, false
	case method == http.MethodHead, code == http.StatusNoContent, code == http.StatusNotModified:
		return 0, len(lengths) <= 1 && len(encodings) == 0
	case len(lengths) == 0 && len(encodings) == 1 && bytes.EqualFold(encodings[0], []byte("chunked")):
		return bodyChunked, true
	case len(lengths) == 1 && len(encodings) == 0 && isNumber(lengths[0]):
		return parseNumber(lengths[0], 10), true
	}
	return 0, false
}

// statusOf returns the status in the first line of an HTTP/1.1 response, or 0 if the line
// is not one.
func statusOf(line []byte) int {
	rest, found := bytes.CutPrefix(line, []byte("HTTP/1.1 "))
	code, _, _ := bytes.Cut(rest, []byte(" "))
	if !found || len(code) != 3 || !isNumber(code) || bytes.ContainsAny(line, "\r\n") {
		return 0
	}
	return int(parseNumber(code, 10))
}

// framingHeaders returns the values of Content-Length and Transfer-Encoding. ok is false
// if a line is not a valid header line; folded lines are not valid.
func framingHeaders(fields []byte) (lengths, encodings [][]byte, ok bool) {
	for {
		line, rest, found := bytes.Cut(fields, []byte("\r\n"))
		name, value, colon := bytes.Cut(line, []byte(":"))
		switch {
		case found && len(line) == 0:
			return lengths, encodings, len(rest) == 0
		case !found, !colon, !isToken(name), bytes.ContainsAny(line, "\r\n"):
			return nil, nil, false
		case bytes.EqualFold(name, []byte("Content-Length")):
			lengths = append(lengths, bytes.Trim(value, " \t"))
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			encodings = append(encodings, bytes.Trim(value, " \t"))
		}
		fields = rest
	}
}

// isToken reports whether name is a valid header name.
func isToken(name []byte) bool {
	for _, c := range name {
		switch {
		case '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', bytes.IndexByte([]byte("!#$%&'*+.^_`|~-"), c) >= 0:
		default:
			return false
		}
	}
	return len(name) > 0
}

// isNumber reports whether text is 1 to 15 digits.
func isNumber(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) > 0 && len(text) <= 15
}

// parseNumber returns the number. The caller has checked the digits.
func parseNumber(text []byte, base int) int64 {
	n, _ := strconv.ParseInt(string(text), base, 64)
	return n
}
