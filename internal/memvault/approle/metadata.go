package approle

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// parseMetadata reads a JSON object, the same in base64, or "a=b,c=d".
func parseMetadata(text string) (map[string]string, error) {
	values := map[string]string{}
	if text = strings.TrimSpace(text); text == "" {
		return values, nil
	}
	if decoded, err := base64.StdEncoding.DecodeString(text); err == nil {
		text = string(decoded)
	}
	if json.Unmarshal([]byte(text), &values) != nil {
		for pair := range strings.SplitSeq(text, ",") {
			name, value, ok := strings.Cut(pair, "=")
			if name = strings.TrimSpace(name); !ok || name == "" {
				return nil, errors.New("failed to parse the input: invalid <key,value> format")
			}
			values[name] = strings.TrimSpace(value)
		}
	}
	for name, value := range values {
		if name != "" && value == "" {
			return nil, fmt.Errorf("invalid value for key %q", name)
		}
	}
	return values, nil
}
