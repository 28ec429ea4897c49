package http1

import (
	"bytes"
	"net/http"
	"strconv"
)

// What follows a header, where it is not so many bytes.
const (
	bodyChunked = -1
	bodyInterim = -2 // nothing: the header is interim, and another one follows
)

// bodyOf is what follows the header of an answer. It is not ok where that cannot be told
// for sure, or is the rest of the connection.
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

// statusOf is the status in the first line of an HTTP/1.1 answer; 0: it is no such line.
func statusOf(line []byte) int {
	rest, found := bytes.CutPrefix(line, []byte("HTTP/1.1 "))
	code, _, _ := bytes.Cut(rest, []byte(" "))
	if !found || len(code) != 3 || !isNumber(code) || bytes.ContainsAny(line, "\r\n") {
		return 0
	}
	return int(parseNumber(code, 10))
}

// framing are the values of Content-Length and Transfer-Encoding. It is not ok if a line
// is none of a header; one that continues another one is none.
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

// token reports the name of a field.
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

// number reports up to 15 digits.
func isNumber(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) > 0 && len(text) <= 15
}

// parse is the number that the digits are, which somebody has checked.
func parseNumber(text []byte, base int) int64 {
	n, _ := strconv.ParseInt(string(text), base, 64)
	return n
}
