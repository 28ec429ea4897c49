package setup

import (
	"context"
	"errors"
	"net/http"

	"github.com/hashicorp/vault/api"
)

// auditHeader returns the header that Vault's audit log has to show: a request that Vault refuses
// has no id but this.
func auditHeader() *object {
	const name = "X-Correlation-Id"
	o := &object{
		kind: "audit header", name: name, path: "sys/config/auditing/request-headers/" + name, sudo: true,
		fields:  []field{{name: "hmac", value: false}},
		command: "vault write sys/config/auditing/request-headers/" + name + " hmac=false",
	}
	o.read = func(ctx context.Context, server *server) (map[string]any, error) {
		found, err := o.readPath(ctx, server)
		if response, ok := errors.AsType[*api.ResponseError](err); ok && response.StatusCode == http.StatusBadRequest {
			return nil, nil // Vault's response for a header that it does not show
		}
		return found, err
	}
	o.inspect = func(current map[string]any) (string, error) {
		if asMap(current[name])["hmac"] == true || current["hmac"] == true {
			return "the audit log shows it as a hash; sys/audit-hash returns the hash of an id", nil
		}
		return "", nil
	}
	return o
}
