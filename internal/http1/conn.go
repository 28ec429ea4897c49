// Package http1 makes HTTP/1 connections hand over only the responses to their own
// requests.
//
// Go's HTTP client prints bytes beyond a response to the standard logger ("Unsolicited
// response received on idle HTTP channel starting with …"). Such bytes can contain a key,
// for example the rest of a body whose Content-Length is too small. A connection of this
// package hands over one response for each request, and closes if more bytes arrive. A
// response whose end is not certain gets the header "Connection: close", so that its
// connection is never idle.
package http1

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"regexp"
	"sync"
)

// conn is a connection that hands over only responses to HTTP/1 requests. A SOCKS
// handshake before the first request and everything after a CONNECT pass unchanged.
type conn struct {
	net.Conn
	in *bufio.Reader

	mu        sync.Mutex
	method    string // of the request without a complete response; empty: none
	requested bool   // a request was sent before
	handshake bool   // a SOCKS handshake, before the first request
	raw       bool   // not HTTP, or no longer HTTP

	// Only the reader uses the fields below.
	ended    bool   // nothing more is handed over
	buffer   []byte // holds the next header
	pending  []byte // to hand over next; part of buffer
	bodyLeft int64  // bytes of the body or chunk to hand over after pending
	chunked  bool   // another chunk follows then
	lastPart bool   // the response ends after pending and bodyLeft
}

func newConn(inner net.Conn) *conn { return &conn{Conn: inner, in: bufio.NewReader(inner)} }

// tlsHandshakeByte is the first byte of a TLS handshake.
const tlsHandshakeByte = 0x16

// Write notes which request is sent. The HTTP client sends the next request only after the
// response to the last one. A body that is still being sent after the response does not
// count as a request.
func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	if !c.raw && c.method == "" {
		c.startRequest(p)
	}
	c.mu.Unlock()
	return c.Conn.Write(p)
}

func (c *conn) startRequest(p []byte) {
	if c.method = methodOf(p); c.method != "" {
		c.requested = true
	}
	first := len(p) > 0 && !c.requested
	c.handshake = first && p[0] < tlsHandshakeByte
	c.raw = c.method == http.MethodConnect || first && p[0] == tlsHandshakeByte
}

// methodOf returns the method of the request that begins with p, or "" if none does.
func methodOf(p []byte) string {
	line, _, found := bytes.Cut(p, []byte("\r\n"))
	method, _, _ := bytes.Cut(line, []byte(" "))
	if !found || !bytes.HasSuffix(line, []byte(" HTTP/1.1")) || bytes.ContainsFunc(method, notUpper) {
		return ""
	}
	return string(method)
}

func notUpper(r rune) bool { return r < 'A' || r > 'Z' }

// Read hands over the next bytes of the response. The last bytes come with io.EOF if more
// bytes have arrived, so that the HTTP client does not use the connection again.
func (c *conn) Read(p []byte) (n int, err error) {
	if len(c.pending) == 0 && c.bodyLeft == 0 {
		if err := c.nextPart(len(p)); err != nil {
			c.ended = true
			return 0, err
		}
	}
	switch {
	case len(c.pending) > 0:
		n = copy(p, c.pending)
		c.pending = c.pending[n:]
	case c.bodyLeft > 0:
		n, err = c.in.Read(p[:min(int64(len(p)), c.bodyLeft)])
		c.bodyLeft -= int64(n)
	default:
		return c.in.Read(p) // raw
	}
	if err == nil && c.lastPart && len(c.pending) == 0 && c.bodyLeft == 0 {
		err = c.finish()
	}
	return n, err
}

// finish ends a response.
func (c *conn) finish() error {
	c.lastPart = false
	if c.in.Buffered() > 0 {
		c.ended = true
		return io.EOF
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.method = ""
	return nil
}

// maxHandshakeRead is more than a SOCKS client reads at once, and less than the HTTP
// client does.
const maxHandshakeRead = 512

// nextPart finds out what to hand over next. room is the size of the reader's buffer.
func (c *conn) nextPart(room int) error {
	switch {
	case c.ended:
		return io.EOF
	case c.chunked:
		return c.nextChunk()
	}
	if _, err := c.in.Peek(1); err != nil {
		return err
	}
	c.mu.Lock()
	method, raw, greets := c.method, c.raw, c.handshake
	c.mu.Unlock()
	switch {
	case raw, greets && room <= maxHandshakeRead:
		return nil
	case method != "":
		return c.nextHeader(method)
	}
	return io.EOF // no request was sent
}

// nextHeader reads a header. It trusts the header's length only if HTTP implementations
// agree about it.
func (c *conn) nextHeader(method string) error {
	header := c.buffer[:0]
	for {
		line, err := c.in.ReadSlice('\n')
		header = append(header, line...)
		c.buffer = header
		whole := err == nil
		switch {
		case !whole && err != bufio.ErrBufferFull: //nolint:errorlint // bufio does not wrap it
			c.pending = header
			return nil // the next call returns the error
		case len(header) > maxHeader:
			return io.EOF
		case whole && len(bytes.TrimRight(line, "\r\n")) == 0:
			return c.setBody(method, header)
		}
	}
}

// maxHeader is more than the HTTP client accepts.
const maxHeader = 1 << 20

func (c *conn) setBody(method string, header []byte) error {
	body, ok := bodyOf(method, header)
	c.pending = header
	switch {
	case body == bodyInterim && ok:
		return nil
	case body == bodyInterim:
		return io.EOF
	case !ok:
		c.pending = withClose(header)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.raw = true
		return nil
	case body == bodyChunked:
		c.chunked = true
		return nil
	}
	c.bodyLeft, c.lastPart = body, true
	return nil
}

// withClose adds a line to the header that makes the HTTP client close the connection
// after the response.
func withClose(header []byte) []byte {
	status, fields, _ := bytes.Cut(header, []byte("\n"))
	return bytes.Join([][]byte{status, []byte("Connection: close\r"), fields}, []byte("\n"))
}

// chunkSize matches the first line of a chunk.
var chunkSize = regexp.MustCompile(`^([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n$`)

// nextChunk reads a chunk's size. Malformed chunks end the connection. So do trailers,
// because no request asks for them.
func (c *conn) nextChunk() error {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return noEOF(err)
	}
	size := chunkSize.FindSubmatch(line)
	if size == nil {
		return io.ErrUnexpectedEOF
	}
	c.buffer = append(c.buffer[:0], line...)
	c.pending = c.buffer
	if c.bodyLeft = parseNumber(size[1], 16); c.bodyLeft > 0 {
		c.bodyLeft += int64(len("\r\n"))
		return nil
	}
	end := make([]byte, len("\r\n"))
	if _, err := io.ReadFull(c.in, end); err != nil {
		return noEOF(err)
	}
	if string(end) != "\r\n" {
		return io.ErrUnexpectedEOF
	}
	c.pending = append(c.pending, end...)
	c.chunked, c.lastPart = false, true
	return nil
}

// noEOF replaces io.EOF, because an incomplete response must not look complete.
func noEOF(err error) error {
	if err == io.EOF { //nolint:errorlint // readers do not wrap it
		return io.ErrUnexpectedEOF
	}
	return err
}
