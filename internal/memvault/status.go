package memvault

import (
	"encoding/json"
	"net/http"
	"strconv"

	"goblin/vaultkit/internal/memvault/logical"
)

// health serves sys/health, which load balancers ask. The query can choose the statuses.
func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		writeError(w, &logical.Error{Status: http.StatusMethodNotAllowed})
		return
	}
	sealed := s.isSealed()
	status, code := http.StatusOK, "activecode"
	if sealed {
		status, code = http.StatusServiceUnavailable, "sealedcode"
	}
	if text := r.URL.Query().Get(code); text != "" {
		own, err := strconv.Atoi(text)
		if err != nil || own < 100 || own > 999 { // Vault closes the connection after a status that HTTP does not have
			writeError(w, &logical.Error{Status: http.StatusBadRequest})
			return
		}
		status = own
	}
	writeJSON(w, status, s.healthBody(sealed))
}

func (s *Server) healthBody(sealed bool) map[string]any {
	body := map[string]any{
		"initialized": true, "sealed": sealed, "standby": sealed, "performance_standby": false,
		"replication_performance_mode": "disabled", "replication_dr_mode": "disabled",
		"server_time_utc": s.clock.Now().Unix(), "version": s.Version(), "enterprise": false,
		"echo_duration_ms": 0, "clock_skew_ms": 0, "replication_primary_canary_age_ms": 0,
	}
	if s.OpenBao() {
		for _, name := range []string{
			"performance_standby", "enterprise", "echo_duration_ms", "clock_skew_ms", "replication_primary_canary_age_ms",
		} {
			delete(body, name)
		}
	}
	if sealed {
		body["replication_performance_mode"], body["replication_dr_mode"] = "unknown", "unknown"
		return body
	}
	body["cluster_name"], body["cluster_id"] = s.about.clusterName, s.about.clusterID
	return body
}

func (s *Server) sealStatus(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		writeError(w, &logical.Error{Status: http.StatusMethodNotAllowed})
		return
	}
	writeJSON(w, http.StatusOK, s.sealStatusBody())
}

func (s *Server) sealStatusBody() map[string]any {
	sealed := s.isSealed()
	body := map[string]any{
		"type": "shamir", "initialized": true, "sealed": sealed, "t": 1, "n": 1, "progress": 0, "nonce": "",
		"version": s.Version(), "build_date": "1970-01-01T00:00:00Z", "migration": false, "recovery_seal": false,
		"storage_type": "inmem",
	}
	if s.OpenBao() {
		delete(body, "build_date")
		body["commit_date"] = ""
	}
	if !sealed {
		body["cluster_name"], body["cluster_id"] = s.about.clusterName, s.about.clusterID
	}
	return body
}

func (s *Server) isSealed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sealed
}

func (s *Server) leader(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		writeError(w, &logical.Error{Status: http.StatusMethodNotAllowed})
		return
	}
	if s.OpenBao() {
		writeJSON(w, http.StatusOK, map[string]any{"ha_enabled": false})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"ha_enabled": false, "is_self": false, "active_time": "0001-01-01T00:00:00Z", "leader_address": "",
		"leader_cluster_address": "", "performance_standby": false, "performance_standby_last_remote_wal": 0,
	})
}

func (s *Server) initStatus(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		writeJSON(w, http.StatusOK, map[string]any{"initialized": true})
	case http.MethodPut, http.MethodPost:
		writeError(w, logical.Refuse("Vault is already initialized"))
	default:
		writeError(w, &logical.Error{Status: http.StatusMethodNotAllowed})
	}
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		writeError(w, logical.Internal(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // the client may have gone away
}
