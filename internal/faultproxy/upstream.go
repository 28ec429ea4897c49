package faultproxy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
)

// upstream is the real server.
type upstream struct {
	base      *url.URL
	transport *http.Transport
}

func newUpstream(target string) (*upstream, error) {
	base, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("faultproxy: target: %w", err)
	}
	if base.Scheme != "http" || base.Host == "" || base.Path != "" && base.Path != "/" {
		return nil, fmt.Errorf("faultproxy: target %q is not http://host:port", base.Redacted())
	}
	return &upstream{base: base, transport: &http.Transport{
		Proxy:               nil, // ignore the environment
		DisableCompression:  true,
		MaxIdleConnsPerHost: 64,
	}}, nil
}

// send forwards one request and reads the whole response. It uses the transport and not a
// client, because a redirect is a response like any other.
func (u *upstream) send(ctx context.Context, r *http.Request, body []byte) (*answer, error) {
	to := *u.base
	to.Path, to.RawPath, to.RawQuery = r.URL.Path, r.URL.RawPath, r.URL.RawQuery
	out, err := http.NewRequestWithContext(ctx, r.Method, to.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	*out.URL = to // String and Parse may have changed the path
	out.Header = endToEnd(r.Header)
	out.Header.Del(TagHeader)
	if !hasHeader(out.Header, "User-Agent") {
		out.Header.Set("User-Agent", "") // no header, instead of net/http's default
	}
	resp, err := u.transport.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	whole, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	return &answer{status: resp.StatusCode, header: endToEnd(resp.Header), body: whole}, nil
}

// endToEnd copies a header without the fields that concern only one connection.
func endToEnd(h http.Header) http.Header {
	h = h.Clone()
	for _, name := range []string{
		"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
		"Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	} {
		h.Del(name)
	}
	return h
}

// answer is a response in memory.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// writeTo sends the header, with the Content-Length of the whole body, and the given part
// of the body.
func (a *answer) writeTo(w http.ResponseWriter, part []byte) {
	h := w.Header()
	maps.Copy(h, a.header)
	if len(a.body) > 0 {
		h.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	if !hasHeader(h, "Content-Type") {
		h["Content-Type"] = nil // no header, instead of net/http's guess
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(part) // fails if the client has left
}

func hasHeader(h http.Header, name string) bool {
	_, ok := h[name]
	return ok
}
