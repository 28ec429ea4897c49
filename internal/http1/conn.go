// Package http1 keeps HTTP/1 connections to what was asked for. Go's HTTP client prints
// what a server sends beyond an answer to the standard logger, as "Unsolicited response
// received on idle HTTP channel starting with …". Such bytes can be a key: the rest of a
// body whose Content-Length is too small, for instance. A connection of this package hands
// over the bytes of one answer for each request, and ends when there are others. What it
// cannot tell the end of is marked "Connection: close", so that it is never idle.
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

// conn is a connection that hands over answers to HTTP/1 requests and nothing else.
// Handshakes before the first request (SOCKS) pass, and everything after a CONNECT.
type conn struct {
	net.Conn
	in *bufio.Reader

	mu        sync.Mutex
	method    string // of the request that is not answered yet; empty: none
	requested bool   // a request was sent
	handshake bool   // a handshake before the first request: SOCKS
	raw       bool   // not HTTP, or not HTTP any more

	// What follows is the reader's alone.
	ended    bool   // nothing is handed over any more
	buffer   []byte // for the next header
	pending  []byte // to hand over before anything else; part of the buffer
	bodyLeft int64  // bytes of the body, or of the chunk, to hand over then
	chunked  bool   // another chunk follows
	lastPart bool   // the answer ends with what is to be handed over
}

func newConn(inner net.Conn) *conn { return &conn{Conn: inner, in: bufio.NewReader(inner)} }

// startOfTLS is the first byte of a TLS handshake.
const tlsHandshakeByte = 0x16

// Write notes which request is sent. The HTTP client sends the next one only when it has
// the answer to the last one. A body that is sent in spite of an answer begins no request.
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

// methodOf is the method of the request that begins with p; empty: none does.
func methodOf(p []byte) string {
	line, _, found := bytes.Cut(p, []byte("\r\n"))
	method, _, _ := bytes.Cut(line, []byte(" "))
	if !found || !bytes.HasSuffix(line, []byte(" HTTP/1.1")) || bytes.ContainsFunc(method, notUpper) {
		return ""
	}
	return string(method)
}

func notUpper(r rune) bool { return r < 'A' || r > 'Z' }

// Read hands over the next bytes of the answer. The last ones come with io.EOF if more
// bytes have arrived: the HTTP client does not use the connection again then.
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

// finish ends an answer.
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

// longestGreeting is more than a SOCKS client reads at once, and less than the HTTP
// client does.
const maxHandshakeRead = 512

// next finds what is to be handed over next to a reader that has room for so many bytes.
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
	return io.EOF // nobody asked
}

// nextHeader reads a header. The end of the answer is known if the header has nothing
// that HTTP implementations disagree about.
func (c *conn) nextHeader(method string) error {
	header := c.buffer[:0]
	for {
		line, err := c.in.ReadSlice('\n')
		header = append(header, line...)
		c.buffer = header
		whole := err == nil
		switch {
		case !whole && err != bufio.ErrBufferFull: //nolint:errorlint // bufio returns it as it is
			c.pending = header
			return nil // the error is there again at the next call
		case len(header) > maxHeader:
			return io.EOF
		case whole && len(bytes.TrimRight(line, "\r\n")) == 0:
			return c.setBody(method, header)
		}
	}
}

// maxHeader is more than the HTTP client takes.
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

// withClose is the header with a line that has the HTTP client end the connection with
// the answer.
func withClose(header []byte) []byte {
	status, fields, _ := bytes.Cut(header, []byte("\n"))
	return bytes.Join([][]byte{status, []byte("Connection: close\r"), fields}, []byte("\n"))
}

// chunkSize is a chunk's first line.
var chunkSize = regexp.MustCompile(`^([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n$`)

// nextChunk reads a chunk's size. What is odd ends the connection, as trailers do: they
// are asked for by nobody.
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

// noEOF: an answer that is not over has no end.
func noEOF(err error) error {
	if err == io.EOF { //nolint:errorlint // readers return it as it is
		return io.ErrUnexpectedEOF
	}
	return err
}
