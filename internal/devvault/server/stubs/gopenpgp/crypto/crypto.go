// Package crypto stands in for OpenPGP, with which Vault checks plugins that were
// downloaded as archives. The plugins of this server are compiled into it.
package crypto

import "goblin/stub"

const openPGP = "OpenPGP signatures of plugins"

// Armor is an encoding of signatures.
const Armor = 0

// PGP does nothing: it is a constructor.
func PGP() *Handle { return &Handle{} }

// NewKeyFromArmored is the first function that Vault calls to check a plugin. It fails.
func NewKeyFromArmored(string) (*Key, error) { return nil, stub.Called(openPGP) }

// The rest is there for Vault to compile: the check, and a helper of Vault's own tests
// in the same package.
type (
	Handle    struct{}
	Key       struct{}
	Result    struct{}
	Signer    struct{}
	PGPVerify interface {
		VerifyDetached(data, signature []byte, encoding int) (*Result, error)
	}
	verification struct{}
	generation   struct{}
	signing      struct{}
)

func (*Handle) Verify() *verification                      { return &verification{} }
func (v *verification) VerificationKey(*Key) *verification { return v }
func (*verification) New() (PGPVerify, error)              { return nil, stub.Called(openPGP) }
func (*Result) SignatureError() error                      { return stub.Called(openPGP) }
func (*Handle) KeyGeneration() *generation                 { return &generation{} }
func (g *generation) AddUserId(string, string) *generation { return g }
func (g *generation) New() *generation                     { return g }
func (*generation) GenerateKey() (*Key, error)             { return nil, stub.Called(openPGP) }
func (*Key) ToPublic() (*Key, error)                       { return nil, stub.Called(openPGP) }
func (*Key) Armor() (string, error)                        { return "", stub.Called(openPGP) }
func (*Handle) Sign() *signing                             { return &signing{} }
func (s *signing) SigningKey(*Key) *signing                { return s }
func (s *signing) Detached() *signing                      { return s }
func (*signing) New() (*Signer, error)                     { return nil, stub.Called(openPGP) }
func (*Signer) Sign([]byte, int) ([]byte, error)           { return nil, stub.Called(openPGP) }
func (*Signer) ClearPrivateParams()                        { _ = stub.Called(openPGP) }
