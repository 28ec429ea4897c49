// Package wrapping keeps wrapped responses of the in-process Vault and serves
// sys/wrapping/. A wrapping token lives in the token store and works once.
package wrapping

import (
	"sync"
	"time"

	"goblin/vaultkit/internal/memvault/clock"
	"goblin/vaultkit/internal/memvault/logical"
	"goblin/vaultkit/internal/memvault/policies"
	"goblin/vaultkit/internal/memvault/token"
)

// Store keeps wrapped responses by wrapping token. Its methods are safe for concurrent use.
type Store struct {
	*contents
	tokens *token.Store
}

// contents are those of all namespaces, because a wrapping token works in each.
type contents struct {
	clock *clock.Clock

	mutex   sync.Mutex
	wrapped map[string]content
}

// content is a wrapped response.
type content struct {
	status  int
	body    []byte
	ttl     time.Duration
	created time.Time
	path    string // of the request that was answered
}

// NewStore returns an empty store.
func NewStore(c *clock.Clock, tokens *token.Store) *Store {
	s := &Store{&contents{clock: c, wrapped: map[string]content{}}, tokens}
	tokens.OnRevoke(s.forget)
	return s
}

// Namespace returns the store of another namespace, which has the tokens.
func (s *Store) Namespace(tokens *token.Store) *Store { return &Store{s.contents, tokens} }

func (s *Store) forget(id string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	delete(s.wrapped, id)
}

func (s *Store) get(id string) (content, bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	c, ok := s.wrapped[id]
	return c, ok
}

// Wrap returns the response that stands for another one, which the wrapping token gives.
func (s *Store) Wrap(r *logical.Request, response *logical.Response) (*logical.Response, error) {
	c := content{status: response.Status, ttl: r.Wrap, path: r.Path}
	if rewrapped, ok := response.Data[rewrap].(content); ok {
		c = rewrapped
		if r.Wrap > 0 {
			c.ttl = min(c.ttl, r.Wrap)
		}
	} else {
		body, err := response.Encode(r.ID, false)
		if err != nil {
			return nil, err
		}
		c.body = body
	}
	c.created = s.clock.Now()
	id, accessor, err := s.tokens.CreateLimited(policies.Wrapping, r.Path, c.ttl)
	if err != nil {
		return nil, err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.wrapped[id] = c
	return &logical.Response{Warnings: response.Warnings, Wrap: &logical.Wrap{
		Token: id, Accessor: accessor, TTL: int(c.ttl.Seconds()), CreationTime: c.created, CreationPath: c.path,
		WrappedAccessor: wrappedAccessor(response),
	}}, nil
}

// wrappedAccessor is the accessor of a wrapped token or of a wrapped secret id.
func wrappedAccessor(response *logical.Response) string {
	if response.Auth != nil {
		return response.Auth.Accessor
	}
	accessor, _ := response.Data["secret_id_accessor"].(string)
	return accessor
}
