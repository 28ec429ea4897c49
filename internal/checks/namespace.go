package checks

import "strings"

// namespaceFix lists the namespaces beside the one that does not exist.
func (x *exam) namespaceFix() Fix {
	parent := ""
	if i := strings.LastIndexByte(x.namespace(), '/'); i > 0 {
		parent = quote(x.namespace()[:i])
	}
	return ListNamespaces.fix("VAULT_NAMESPACE=" + parent + " vault namespace list")
}

// inRoot returns a command of the vault program that runs in the root namespace, which alone has
// the audit devices and the seal.
func (x *exam) inRoot(command string) string {
	if x.namespace() == "" {
		return command
	}
	return "VAULT_NAMESPACE= " + command
}

// namespace returns the client's namespace without slashes around it. It is "" for the root one.
func (x *exam) namespace() string {
	name := strings.Trim(x.client.Namespace(), "/")
	if name == "root" {
		return ""
	}
	return name
}
