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

// newOfficial makes the official client of a configuration, and reads nothing from the
// environment. api.NewClient always reads all of it, opens the files that it names, and
// fails if a variable is broken, whatever configuration it is given. There is no other
// constructor, and no way around the environment: it belongs to the whole process.
//
// So the client starts as the zero value, and gets its configuration, an unexported
// field, by reflection. The rest is set by the client's own methods. That is right as long
// as there is nothing else to a client, for which knownFields stands. A client with other
// fields, of a newer version, is made by api.NewClient after all.
func newAPIClient(config *api.Config, headers http.Header) (*api.Client, error) {
	client, known := zeroClient(config)
	if !known {
		var err error
		if client, err = api.NewClient(config); err != nil {
			return nil, vaulterr.Invalid("this version of the official client reads the environment, and refuses its VAULT_ variables: unset those that are wrong")
		}
	}
	client.SetHeaders(headers)
	client.SetReadYourWrites(true)
	if err := client.SetAddress(config.Address); err != nil {
		return nil, vaulterr.Invalid("%s", badAddress)
	}
	return client, nil
}

// knownFields are all that there is to a client of v1.23.0.
var knownFields = strings.Fields(`modifyLock addr config token headers wrappingLookupFunc mfaCreds policyOverride
	requestCallbacks responseCallbacks replicationStateStore hcpCookie`)

// zeroClient is a client that has its configuration and nothing else.
func zeroClient(config *api.Config) (client *api.Client, known bool) {
	client = new(api.Client)
	value := reflect.ValueOf(client).Elem()
	var fields []string
	for i := range value.NumField() {
		fields = append(fields, value.Type().Field(i).Name)
	}
	field := value.FieldByName("config")
	if !slices.Equal(fields, knownFields) || field.Type() != reflect.TypeFor[*api.Config]() {
		return nil, false
	}
	// Reflection refuses to set an unexported field; a pointer to it does not know.
	reflect.NewAt(field.Type(), field.Addr().UnsafePointer()).Elem().Set(reflect.ValueOf(config))
	return client, true
}

// The pauses between retries that api.NewClient would set, for whoever has the client
// retry: vaultkit does not.
const (
	minRetryWait = time.Second
	maxRetryWait = 1500 * time.Millisecond
)
