package approle

import "time"

// secretID is a credential of a role.
type secretID struct {
	text     string
	accessor string
	numUses  int // that are left; 0 for any number
	ttl      time.Duration
	created  time.Time
	updated  time.Time
	metadata map[string]string
}

// expires is the zero time for a secret id that does not expire.
func (s *secretID) expires() time.Time {
	if s.ttl == 0 {
		return time.Time{}
	}
	return s.created.Add(s.ttl)
}

func (s *secretID) expired(now time.Time) bool { return s.ttl != 0 && now.After(s.expires()) }

func (s *secretID) data() map[string]any {
	return map[string]any{
		"cidr_list": []string{}, "creation_time": s.created, "expiration_time": s.expires(), "last_updated_time": s.updated,
		"metadata": s.metadata, "secret_id_accessor": s.accessor, "secret_id_num_uses": s.numUses,
		"secret_id_ttl": int(s.ttl.Seconds()), "token_bound_cidrs": []string{},
	}
}
