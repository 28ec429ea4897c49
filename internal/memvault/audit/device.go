// Package audit writes the lines of Vault's file audit device: one for each request and
// one for each response, with hashes in place of every token and every value.
package audit

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"goblin/vaultkit/internal/memvault/logical"
)

// Device is an enabled audit device.
type Device struct {
	Description string
	Options     map[string]string

	salt []byte
	raw  bool // writes texts as they are
	out  io.WriteCloser
}

// New returns a device that writes to out and closes it in the end.
func New(out io.WriteCloser, description string, options map[string]string) *Device {
	salt := make([]byte, 32)
	_, _ = rand.Read(salt) // never fails
	return &Device{
		Description: description, Options: options, salt: salt, raw: options["log_raw"] == "true", out: out,
	}
}

// Close closes what the device writes to.
func (d *Device) Close() error { return d.out.Close() }

// Record is what a line tells.
type Record struct {
	Time      time.Time
	Request   *logical.Request
	Mount     Mount
	Namespace Namespace
	Headers   map[string]bool // the lower-case names of those to show, and whether as a hash
	Response  *logical.Response
	Err       error
	Answered  bool // the line is a response
}

// Namespace names the namespace of a request. OpenBao's and Vault's root one is the zero value.
type Namespace struct {
	ID   string `json:"id"`
	Path string `json:"path,omitempty"`
}

// Mount describes the engine that serves the request. The zero value is none.
type Mount struct {
	Path, Type, Class, Accessor, Version string
}

// Write writes the line of a record.
func (d *Device) Write(r Record) error {
	text, err := json.Marshal(d.line(r))
	if err != nil {
		return err
	}
	_, err = d.out.Write(append(text, '\n'))
	return err
}

// shown returns the headers to show.
func (d *Device) shown(all http.Header, names map[string]bool) map[string][]string {
	out := make(map[string][]string)
	for name, values := range all {
		hash, show := names[strings.ToLower(name)]
		if !show {
			continue
		}
		for _, value := range values {
			if hash {
				value = d.Hash(value)
			}
			out[strings.ToLower(name)] = append(out[strings.ToLower(name)], value)
		}
	}
	return out
}
