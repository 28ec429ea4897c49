package memvault

import (
	"errors"
	"io"
	"os"
	"strings"

	"goblin/vaultkit/internal/memvault/audit"
	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
)

// auditEndpoints are the paths that manage audit devices.
func (s *Server) auditEndpoints() []endpoint.Endpoint {
	const headers = "config/auditing/request-headers"
	return []endpoint.Endpoint{
		{Pattern: "audit", Operations: operations{logical.Read: s.listDevices}},
		{
			Pattern: "audit/(?P<path>.+)",
			Fields: fields{
				"type": field.String, "description": field.String, "options": field.Pairs, "local": field.Unsupported,
			},
			Operations: operations{logical.Update: s.enableDevice, logical.Delete: s.disableDevice},
		},
		{Pattern: "audit-hash/(?P<path>.+)", Fields: fields{"input": field.String}, Operations: operations{logical.Update: s.auditHash}},
		{Pattern: headers, Operations: operations{logical.Read: s.listHeaders}},
		{Pattern: headers + "/(?P<header>.+)", Fields: fields{"hmac": field.Bool}, Operations: operations{
			logical.Read: s.readHeader, logical.Update: s.showHeader, logical.Delete: s.hideHeader,
		}},
	}
}

func (s *Server) listDevices(*logical.Request, endpoint.Params) (*logical.Response, error) {
	data := make(map[string]any)
	for path, device := range s.audit.devices {
		data[path] = map[string]any{
			"path": path, "type": "file", "description": device.Description, "options": device.Options, "local": false,
		}
	}
	return &logical.Response{Data: data}, nil
}

func (s *Server) enableDevice(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	path, kind, options := directory(p.Text("path")), p.Text("type"), p.Pairs("options")
	const invalid = "invalid configuration"
	if s.OpenBao() {
		return nil, logical.Refuse("cannot enable audit device via API; use declarative, config-based audit device management instead")
	}
	if s.audit.devices[path] != nil {
		return nil, logical.Refuse("path already in use: %s", invalid)
	}
	if kind != "file" {
		return nil, logical.Refuse("unknown backend type: %q: %s", kind, invalid)
	}
	for name := range options {
		if name != "file_path" && name != "log_raw" && name != "mode" {
			return nil, logical.Unsupported("the option " + name + " of sys/audit")
		}
	}
	out, err := openLog(options["file_path"])
	if err != nil {
		return nil, logical.Refuse("unable to create new audit backend: %s: %s", err, invalid)
	}
	s.audit.devices[path] = audit.New(out, p.Text("description"), options)
	return nil, nil
}

// openLog opens the file of a device.
func openLog(path string) (io.WriteCloser, error) {
	switch path {
	case "":
		return nil, errors.New(`"file_path" is required`)
	case "discard", "/dev/null":
		return uncloseable{io.Discard}, nil
	case "stdout":
		return uncloseable{os.Stdout}, nil
	default:
		return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // the caller is a test
	}
}

func (s *Server) disableDevice(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	path := directory(p.Text("path"))
	device := s.audit.devices[path]
	if device == nil {
		return nil, nil
	}
	delete(s.audit.devices, path)
	return nil, device.Close()
}

func (s *Server) auditHash(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	path := directory(p.Text("path"))
	device := s.audit.devices[path]
	if device == nil {
		return nil, logical.Refuse("unknown audit backend %q", path)
	}
	return &logical.Response{Data: map[string]any{"hash": device.Hash(p.Text("input"))}}, nil
}

func (s *Server) listHeaders(*logical.Request, endpoint.Params) (*logical.Response, error) {
	headers := make(map[string]any)
	for name, hash := range s.audit.headers {
		headers[name] = map[string]any{"hmac": hash}
	}
	return &logical.Response{Data: map[string]any{"headers": headers}}, nil
}

func (s *Server) readHeader(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	name := p.Text("header")
	hash, shown := s.audit.headers[strings.ToLower(name)]
	if !shown {
		return nil, logical.Refuse("Could not find header in config")
	}
	return &logical.Response{Data: map[string]any{name: map[string]any{"hmac": hash}}}, nil
}

func (s *Server) showHeader(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	s.audit.headers[strings.ToLower(p.Text("header"))] = p.Bool("hmac")
	return nil, nil
}

func (s *Server) hideHeader(_ *logical.Request, p endpoint.Params) (*logical.Response, error) {
	delete(s.audit.headers, strings.ToLower(p.Text("header")))
	return nil, nil
}
