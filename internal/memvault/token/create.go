package token

import (
	"slices"
	"strings"
	"time"

	"goblin/vaultkit/internal/memvault/acl"
	"goblin/vaultkit/internal/memvault/endpoint"
	"goblin/vaultkit/internal/memvault/field"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/policies"
)

// creation is one request for a new token.
type creation struct {
	store  *Store
	params endpoint.Params
	parent *Entry
	sudo   bool // the parent has sudo on the path
	orphan bool // asked for by the path
	entry  Entry
	warn   []string
}

func (s *Store) create(r *logical.Request, p endpoint.Params) (*logical.Response, error) {
	return s.createAt(r, p, false)
}

func (s *Store) createOrphan(r *logical.Request, p endpoint.Params) (*logical.Response, error) {
	return s.createAt(r, p, true)
}

func (s *Store) createAt(r *logical.Request, p endpoint.Params, orphan bool) (*logical.Response, error) {
	c := creation{store: s, params: p, parent: s.Lookup(r.Token), orphan: orphan}
	if err := c.checkParent(); err != nil {
		return nil, err
	}
	path := r.Mount + r.Path
	allowed, prefix := s.Rights(c.parent)
	c.sudo = allowed.Allow(acl.Request{Operation: acl.ReadOperation, Path: prefix + path}).Sudo
	c.entry = Entry{Parent: c.parent.ID, Path: path, EntityID: c.parent.EntityID, Meta: p.Pairs("meta")}
	for _, step := range []func() error{c.setKind, c.setName, c.setPolicies, c.setParent, c.setLifetime} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	if err := s.add(&c.entry); err != nil {
		return nil, logical.Refuse("%s", err)
	}
	return c.response(), nil
}

func (c *creation) checkParent() error {
	switch {
	case c.parent == nil:
		return logical.Refuse("parent token lookup failed: no parent found")
	case c.parent.Batch:
		return logical.Refuse("batch tokens cannot create more tokens")
	case c.parent.NumUses > 0:
		return logical.Refuse("restricted use token cannot generate child tokens")
	}
	return nil
}

// setKind also sets what depends on the type.
func (c *creation) setKind() error {
	p := c.params
	switch p.Text("type") {
	case "", "service":
	case "batch":
		if err := c.checkBatch(); err != nil {
			return err
		}
		c.entry.Batch = true
	default:
		return logical.Refuse("invalid 'token_type' value")
	}
	c.entry.NumUses = p.Int("num_uses")
	if c.entry.NumUses < 0 {
		return logical.Refuse("number of uses cannot be negative")
	}
	if p.Text("entity_alias") != "" {
		return logical.Refuse("'entity_alias' is only allowed in combination with token role")
	}
	c.entry.Renewable = !c.entry.Batch && (!p.Has("renewable") || p.Bool("renewable"))
	return nil
}

// checkBatch looks at the first of these parameters that is there, as Vault does.
func (c *creation) checkBatch() error {
	var reason string
	switch limit, period := c.params.Text("explicit_max_ttl"), c.params.Text("period"); {
	case limit != "":
		reason = "explicit_max_ttl"
	case c.params.Int("num_uses") != 0:
		return logical.Refuse("batch tokens cannot have %q set", "num_uses")
	case period != "":
		reason = "period"
	default:
		return nil
	}
	value, err := field.ParseDuration(c.params.Text(reason))
	if err != nil {
		return logical.Refuse("%q value could not be parsed", reason)
	}
	if value != 0 {
		return logical.Refuse("batch tokens cannot have %q set", reason)
	}
	return nil
}

func (c *creation) setName() error {
	c.entry.DisplayName = displayName(c.params.Text("display_name"))
	if c.entry.ID = c.params.Text("id"); c.entry.ID != "" && !c.sudo {
		return logical.Refuse("root or sudo privileges required to specify token id")
	}
	return nil
}

// setPolicies gives the token the asked policies, or its parent's.
func (c *creation) setPolicies() error {
	asked := c.params.Strings("policies")
	noDefault := c.params.Bool("no_default_policy") && c.store.quirk != DefaultAlways
	addDefault := false
	switch {
	case len(asked) == 0 && c.parent.home != c.store:
		addDefault = !noDefault
	case len(asked) == 0:
		asked = c.parent.Policies
	case c.sudo:
		addDefault = !noDefault
	default:
		for _, one := range policies.Clean(asked, false) {
			if !slices.Contains(c.parent.Policies, one) && c.store.quirk != MorePolicies {
				return logical.Refuse("child policies must be subset of parent")
			}
		}
		addDefault = !noDefault && slices.Contains(c.parent.Policies, policies.Default)
	}
	c.entry.Policies = policies.Clean(asked, addDefault)
	if noDefault {
		c.entry.Policies = slices.DeleteFunc(c.entry.Policies, func(one string) bool { return one == policies.Default })
	}
	return c.checkPolicies()
}

func (c *creation) checkPolicies() error {
	for _, one := range c.entry.Policies {
		if policies.Unassignable(one) {
			return logical.Refuse("cannot assign policy %q", one)
		}
	}
	switch {
	case !c.entry.Root():
		return nil
	case c.parent.home != c.store:
		return logical.Refuse("root tokens may not be created from a parent namespace")
	case !c.parent.Root() && c.store.quirk != SudoMakesRoot:
		return logical.Refuse("root tokens may not be created without parent token being root")
	case c.entry.Batch:
		return logical.Refuse("batch tokens cannot be root tokens")
	}
	return nil
}

func (c *creation) setParent() error {
	if c.params.Bool("no_parent") {
		if !c.sudo {
			return logical.Refuse("root or sudo privileges required to create orphan token")
		}
		c.orphan = true
	}
	if c.orphan {
		c.entry.Parent, c.entry.EntityID = "", ""
	}
	return nil
}

func (c *creation) setLifetime() error {
	e, life := &c.entry, &c.entry.Lifetime
	for _, one := range []struct {
		name string
		to   *time.Duration
	}{{"explicit_max_ttl", &life.ExplicitMax}, {"period", &life.Period}, {"ttl", &life.TTL}} {
		if err := c.parseDuration(one.name, one.to); err != nil {
			return err
		}
	}
	if c.params.Text("ttl") == "" {
		if err := c.parseDuration("lease", &life.TTL); err != nil {
			return err
		}
	}
	if life.Period > 0 || life.TTL > 0 || !e.Root() {
		now := c.store.clock.Now()
		ttl, warnings, err := life.grant(0, now, now)
		if err != nil {
			return logical.Internal(err)
		}
		e.TTL, c.warn = ttl, append(c.warn, warnings...)
	}
	if e.TTL == 0 {
		e.TTL = life.ExplicitMax
	}
	life.TTL = e.TTL // what a renewal without an increment asks for
	return c.checkEndless()
}

func (c *creation) parseDuration(name string, to *time.Duration) error {
	d, err := field.ParseDuration(c.params.Text(name))
	switch {
	case err != nil:
		return logical.Refuse("%s", err)
	case d < 0:
		return logical.Refuse("%s must be positive", name)
	case name == "period" && d > 0 && !c.sudo:
		return logical.Refuse("root or sudo privileges required to create periodic token")
	}
	*to = d
	return nil
}

// checkEndless is about tokens without an expiry.
func (c *creation) checkEndless() error {
	e := &c.entry
	if e.TTL == 0 {
		if c.parent.TTL != 0 {
			return logical.Refuse("expiring root tokens cannot create non-expiring root tokens")
		}
		e.Renewable = false
	}
	return c.checkID()
}

func (c *creation) checkID() error {
	id := c.entry.ID
	switch {
	case id == "" || c.entry.Batch:
	case strings.HasPrefix(id, "hvs."):
		return logical.Refuse("custom token ID cannot have the 'hvs.' prefix")
	case strings.HasPrefix(id, "s."):
		return logical.Refuse("custom token ID cannot have the 's.' prefix")
	case strings.Contains(id, "."):
		return logical.Refuse("custom token ID cannot have a '.' in the value")
	}
	if id != "" {
		c.warn = append(c.warn, customID)
	}
	if c.entry.Batch {
		c.entry.ID = ""
	}
	return nil
}

const customID = "Supplying a custom ID for the token uses the weaker SHA1 hashing instead of the more secure SHA2-256 HMAC " +
	"for token obfuscation. SHA1 hashed tokens on the wire leads to less secure lookups."

func (c *creation) response() *logical.Response {
	for _, name := range c.entry.Policies {
		if c.store.policies.Get(name) == nil {
			c.warn = append(c.warn, `Policy "`+name+`" does not exist`)
		}
	}
	return &logical.Response{Auth: c.entry.auth(), Warnings: c.warn}
}

// auth returns the part of the response that describes a new or a renewed token.
func (e *Entry) auth() *logical.Auth {
	return &logical.Auth{
		ClientToken: e.ID, Accessor: e.Accessor, Policies: e.Policies, TokenPolicies: e.Policies, Metadata: e.Meta,
		LeaseDuration: int(e.TTL.Seconds()), Renewable: e.Renewable, EntityID: e.EntityID, TokenType: e.kind(),
		Orphan: e.orphan, NumUses: e.uses,
	}
}
