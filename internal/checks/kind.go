package checks

import "slices"

// Kind is the kind of a fix. Each has a test that runs the fix on the problem that it is for.
type Kind string

// The fixes that solve the problem.
const (
	DefaultMount    Kind = "use the usual mount"
	DefaultBase     Kind = "use the usual base path"
	UnsetVariable   Kind = "unset a variable that is no setting"
	VaultLogin      Kind = "log in with the vault command"
	ProtectFile     Kind = "keep a credential file to oneself"
	ChooseLogin     Kind = "name the login that is meant"
	BypassProxy     Kind = "go past the proxy"
	StartDev        Kind = "start a Vault for development"
	UseHTTPS        Kind = "speak HTTPS"
	UseHTTP         Kind = "speak HTTP, on this machine"
	ExpectName      Kind = "expect the name in the certificate, on this machine"
	Unseal          Kind = "unseal Vault"
	NewToken        Kind = "make a new token"
	ReplaceRoot     Kind = "make a token for a role in place of root's"
	UnlimitedUses   Kind = "give out tokens whose uses are not counted"
	WritePolicy     Kind = "write the policy that the token has"
	AttachPolicy    Kind = "write a policy and give it to the login's role"
	TokenWithPolicy Kind = "write a policy and make a token with it"
	AllowAsking     Kind = "give the token Vault's default policy"
	NewCredentials  Kind = "make an AppRole and what logs in as it"
	MakeMount       Kind = "make the KV mount"
	ShowHeader      Kind = "have the audit log show the correlation id"
	KeepVersions    Kind = "have the mount delete no version"
	FreeMetadata    Kind = "have the mount require no check-and-set for metadata"
	UseMount        Kind = "take the mount out of the base path"
	UpgradeMount    Kind = "upgrade the mount to KV version 2"
	KeepKey         Kind = "have Vault keep a key"
	StoreKey        Kind = "store a key in place of a destroyed one"
	Recover         Kind = "recover rotations"
	EnableAudit     Kind = "enable an audit device"
)

// The fixes that only show where to look. The user must decide what to do, or knows something
// that the command needs.
const (
	ReadHelp         Kind = "read the help"
	NameAddress      Kind = "name the address"
	ListTLSFiles     Kind = "look at the files for TLS"
	ListCredential   Kind = "look at a credential file"
	LookUpName       Kind = "look a host name up"
	AskHealth        Kind = "ask for the server's health"
	TryHTTPS         Kind = "try HTTPS"
	TrustCA          Kind = "trust a CA whose certificate is yet to be got"
	GiveCertificate  Kind = "give a client certificate that is yet to be got"
	ReadCertificate  Kind = "read the server's certificate"
	VerifyServer     Kind = "see whether the certificate can be verified"
	ReadClock        Kind = "read what sets the clock"
	ReadServerStatus Kind = "read the server's status"
	ListLogins       Kind = "list the auth methods"
	ListNamespaces   Kind = "list the namespaces"
	ReadLoginRole    Kind = "read the login's role"
	PlanLoginRole    Kind = "see what setup would make for a pod or a job"
	PlanCredentials  Kind = "see what setup would make for a role that is yet to be named"
	ListLoginRoles   Kind = "list the roles of the login's mount"
	ReadLoginConfig  Kind = "read the configuration of the login's mount"
	ReadPipeline     Kind = "see whether the pipeline asks for an identity token"
	AskGitHub        Kind = "try the address where GitHub gives identity tokens"
	FindProxy        Kind = "look for the Vault Agent or Proxy"
	ListSocket       Kind = "look at a socket"
	ReadPolicy       Kind = "read the policy that a role needs"
	ReadOwnPolicies  Kind = "read the policies that the token has"
	LookUpToken      Kind = "look the token up"
	ListMounts       Kind = "list the secrets engines"
	ListProviders    Kind = "list the providers"
	ListMount        Kind = "list what the mount holds"
	ListNames        Kind = "list the names of the providers"
	AskForRole       Kind = "look for another role's rights"
	AskForProviders  Kind = "look at fewer providers"
	ListAuditDevices Kind = "list the audit devices"
)

var healingKinds = []Kind{
	DefaultMount, DefaultBase, UnsetVariable, VaultLogin, ProtectFile, ChooseLogin, BypassProxy, StartDev, UseHTTPS, UseHTTP,
	ExpectName, Unseal, NewToken, ReplaceRoot, UnlimitedUses, WritePolicy, AttachPolicy, TokenWithPolicy, AllowAsking,
	NewCredentials, MakeMount, ShowHeader,
	KeepVersions, FreeMetadata, UseMount, UpgradeMount, KeepKey, StoreKey, Recover, EnableAudit,
}

var lookingKinds = []Kind{
	ReadHelp, NameAddress, ListTLSFiles, ListCredential, LookUpName, AskHealth, TryHTTPS, TrustCA, GiveCertificate,
	ReadCertificate, VerifyServer, ReadClock, ReadServerStatus, ListLogins, ListNamespaces, ReadLoginRole, PlanLoginRole, PlanCredentials, ListLoginRoles,
	ReadLoginConfig, ReadPipeline, AskGitHub, FindProxy, ListSocket, ReadPolicy, ReadOwnPolicies, LookUpToken,
	ListMounts, ListProviders, ListMount, ListNames, AskForRole, AskForProviders, ListAuditDevices,
}

// Kinds returns all kinds.
func Kinds() []Kind { return slices.Concat(healingKinds, lookingKinds) }

// Heals reports whether the command solves the problem. Otherwise it only shows where to look.
func (k Kind) Heals() bool { return slices.Contains(healingKinds, k) }

// fix returns a fix of this kind.
func (k Kind) fix(command string) Fix { return Fix{k, command} }

// Fix is the command that a finding recommends.
type Fix struct {
	Kind    Kind
	Command string
}

// noFix is for findings without a fix.
var noFix Fix
