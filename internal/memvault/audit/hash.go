package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Hash returns what the device writes in place of a text: the same for the same text, and
// no way back.
func (d *Device) Hash(text string) string {
	if d.raw {
		return text
	}
	mac := hmac.New(sha256.New, d.salt)
	mac.Write([]byte(text))
	return "hmac-sha256:" + hex.EncodeToString(mac.Sum(nil))
}

// optional hashes a text that may be missing.
func (d *Device) optional(text string) string {
	if text == "" {
		return ""
	}
	return d.Hash(text)
}

// object hashes all texts of an object. The numbers of a request are texts to Vault, those
// of a response are not.
func (d *Device) object(data map[string]any) map[string]any {
	if data == nil {
		return nil
	}
	out := make(map[string]any, len(data))
	for name, value := range data {
		out[name] = d.value(value)
	}
	return out
}

func (d *Device) value(value any) any {
	switch v := value.(type) {
	case nil, bool, int, uint32, uint64, float64:
		return v
	case string:
		return d.Hash(v)
	case json.Number:
		return d.Hash(v.String())
	case map[string]any:
		return d.object(v)
	case []any:
		out := make([]any, len(v))
		for i, one := range v {
			out[i] = d.value(one)
		}
		return out
	default:
		return d.plain(value)
	}
}

// plain hashes a value of another type by way of its JSON.
func (d *Device) plain(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		return d.Hash("")
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		return d.Hash("")
	}
	return d.value(out)
}
