package acl

import (
	"errors"
	"fmt"
	"strings"
)

// blockKeys are the keys that Vault knows in a path block.
var blockKeys = []string{
	"comment", "policy", "capabilities", "allowed_parameters", "denied_parameters", "required_parameters",
	"min_wrapping_ttl", "max_wrapping_ttl", "mfa_methods", "control_group", "subscribe_event_types",
}

// block is what a path block says. The names without a tag stand in error texts.
type block struct {
	Policy         string
	Capabilities   []string
	MinWrappingTTL any              `hcl:"min_wrapping_ttl"`
	MaxWrappingTTL any              `hcl:"max_wrapping_ttl"`
	Allowed        map[string][]any `hcl:"allowed_parameters"`
	Denied         map[string][]any `hcl:"denied_parameters"`
	Required       []string         `hcl:"required_parameters"`
}

// shorthands are the capabilities that the old key `policy` stands for.
var shorthands = map[string][]string{
	"deny":  {"deny"},
	"read":  {"read", "list"},
	"write": {"create", "read", "update", "delete", "list"},
	"sudo":  {"create", "read", "update", "delete", "list", "sudo"},
}

// fill adds the block to the rule for its path. A denial ignores the rest of the block.
func (b block) fill(path string, r rule) (rule, error) {
	var err error
	if r.capabilities, err = b.granted(path); err != nil || r.capabilities == Deny {
		return r, err
	}
	r.parameters = parameters{lowerKeys(b.Allowed), lowerKeys(b.Denied), b.Required}
	if r.wrapping.min, err = duration(b.MinWrappingTTL); err != nil {
		return r, fmt.Errorf("error parsing min_wrapping_ttl: %w", err)
	}
	if r.wrapping.max, err = duration(b.MaxWrappingTTL); err != nil {
		return r, fmt.Errorf("error parsing max_wrapping_ttl: %w", err)
	}
	if r.wrapping.min != 0 && r.wrapping.max != 0 && r.wrapping.max < r.wrapping.min {
		return r, errors.New("max_wrapping_ttl cannot be less than min_wrapping_ttl")
	}
	return r, nil
}

// granted returns Deny alone if it is among the capabilities, whatever follows it.
func (b block) granted(path string) (granted Capability, err error) {
	names := b.Capabilities
	if b.Policy != "" {
		more, ok := shorthands[b.Policy]
		if !ok {
			return 0, fmt.Errorf("path %q: invalid policy %q", path, b.Policy)
		}
		if b.Policy == "deny" {
			names = nil
		}
		names = append(names, more...)
	}
	for _, name := range names {
		one, ok := capabilityNamed(name)
		switch {
		case unsupportedCapabilities[name]:
			return 0, unsupported(path, "the capability "+name)
		case !ok:
			return 0, fmt.Errorf("path %q: invalid capability %q", path, name)
		case one == Deny:
			return Deny, nil
		}
		granted |= one
	}
	return granted, nil
}

func lowerKeys(values map[string][]any) map[string][]any {
	if values == nil {
		return nil
	}
	lower := make(map[string][]any, len(values))
	for name, list := range values {
		lower[strings.ToLower(name)] = list
	}
	return lower
}
