package apiclient

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// newAPIClient makes the official client from a configuration and reads nothing from the
// environment. api.NewClient always reads all of its variables, opens the files that they
// name, and fails if one is invalid, with any configuration. There is no other
// constructor, and a library must not change the environment, because it belongs to the
// whole process.
//
// So the client starts as the zero value. Reflection sets its configuration, an unexported
// field; the client's own methods set the rest. This is correct as long as a client has no
// other fields, which knownFields checks. A newer client with other fields is made by
// api.NewClient.
func newAPIClient(config *api.Config, headers http.Header) (*api.Client, error) {
	client, known := zeroClient(config)
	if !known {
		var err error
		if client, err = api.NewClient(config); err != nil {
			return nil, vaulterr.Invalid("this version of the official client reads the VAULT_ variables, and one of them is invalid: fix or unset it")
		}
	}
	client.SetHeaders(headers)
	client.SetReadYourWrites(true)
	if err := client.SetAddress(config.Address); err != nil {
		return nil, vaulterr.Invalid("%s", badAddress)
	}
	return client, nil
}

// knownFields lists all fields of a client of v1.23.0.
var knownFields = strings.Fields(`modifyLock addr config token headers wrappingLookupFunc mfaCreds policyOverride
	requestCallbacks responseCallbacks replicationStateStore hcpCookie`)

// zeroClient returns a client with nothing but its configuration. known is false if the
// client has other fields.
func zeroClient(config *api.Config) (client *api.Client, known bool) {
	client = new(api.Client)
	var fields []string
	for field := range reflect.TypeFor[api.Client]().Fields() {
		fields = append(fields, field.Name)
	}
	if !slices.Equal(fields, knownFields) || !setConfig(client, config) {
		return nil, false
	}
	return client, true
}

// setConfig replaces the client's configuration. It returns false if this version of the official
// client has no such field.
func setConfig(client *api.Client, config *api.Config) bool {
	field := reflect.ValueOf(client).Elem().FieldByName("config")
	if !field.IsValid() || field.Type() != reflect.TypeFor[*api.Config]() {
		return false
	}
	// Reflection cannot set an unexported field, except through a pointer to it.
	reflect.NewAt(field.Type(), field.Addr().UnsafePointer()).Elem().Set(reflect.ValueOf(config))
	return true
}

// The pauses between retries that api.NewClient would set. vaultkit does not retry through
// the client, but its users may.
const (
	minRetryWait = time.Second
	maxRetryWait = 1500 * time.Millisecond
)
