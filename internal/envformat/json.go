package envformat

import "encoding/json"

// jsonMark replaces the first line "{" in a JSON file. JSON has no comments, and an extra key
// would be an extra variable, so the mark consists of white space.
const jsonMark = "{\t \t\n"

func jsonEntry(v Variable) (string, error) {
	value, err := json.Marshal(v.Value)
	return `  "` + v.Name + `": ` + string(value), err
}
