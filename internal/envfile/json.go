package envfile

import (
	"bytes"
	"encoding/json"
)

// jsonMark is how a JSON file of ours starts. JSON has no comments, and a key more
// would be a variable more to whoever reads it: space is all there is to sign with.
const jsonMark = "{\t \t\n"

func jsonEntry(v Variable) (string, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v.Value); err != nil {
		return "", err
	}
	return `  "` + v.Name + `": ` + string(bytes.TrimSpace(out.Bytes())), nil
}
