package vaulterr

import "os"

// NoValue says what is wrong with an environment variable that has no value: "is not set" and "is
// empty" have different causes.
func NoValue(name string) string {
	if _, set := os.LookupEnv(name); set {
		return "is empty"
	}
	return "is not set"
}
