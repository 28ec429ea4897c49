package envformat

import "encoding/json"

// jsonMark is how a JSON file of ours starts, in the place of a plain line "{". JSON has no comments, and a key more
// would be a variable more to whoever reads it: space is all there is to sign with.
const jsonMark = "{\t \t\n"

func jsonEntry(v Variable) (string, error) {
	value, err := json.Marshal(v.Value)
	return `  "` + v.Name + `": ` + string(value), err
}
