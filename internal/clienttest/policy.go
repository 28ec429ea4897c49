package clienttest

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"goblin/vaultkit/policy"
)

var (
	policyBlock    = regexp.MustCompile(`(?ms)^path "([^"]+)" \{(.*?)\}\n`)
	capabilityList = regexp.MustCompile(`capabilities\s*=\s*\[([^\]]*)\]`)
)

// Right is one capability on one path of a policy.
type Right struct{ Path, Capability string }

// Policy returns policy.ForRole and fails the test on an error.
func Policy(t *testing.T, role policy.Role, opts ...policy.Option) string {
	t.Helper()
	text, err := policy.ForRole(role, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// RightsOf returns the policy's rights below the mount. A path that is denied gives none.
func RightsOf(policy string) []Right {
	var rights []Right
	for _, b := range policyBlock.FindAllStringSubmatch(policy, -1) {
		for capability := range strings.SplitSeq(capabilityList.FindStringSubmatch(b[2])[1], ",") {
			if strings.HasPrefix(b[1], "secret/") && capability != `"deny"` {
				rights = append(rights, Right{b[1], strings.Trim(capability, ` "`)})
			}
		}
	}
	return rights
}

// WithoutRight returns the policy without one right.
func WithoutRight(policy string, missing Right) string {
	return policyBlock.ReplaceAllStringFunc(policy, func(text string) string {
		if !strings.HasPrefix(text, `path "`+missing.Path+`"`) {
			return text
		}
		granted := strings.Split(capabilityList.FindStringSubmatch(text)[1], ", ")
		granted = slices.DeleteFunc(granted, func(one string) bool { return one == `"`+missing.Capability+`"` })
		if len(granted) == 0 {
			return ""
		}
		return capabilityList.ReplaceAllString(text, "capabilities = ["+strings.Join(granted, ", ")+"]")
	})
}
