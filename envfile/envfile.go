// Package envfile writes environment variables in the formats that shells and other programs
// read.
//
// [Encode] writes what Client.Environ of package vaultkit returns:
//
//	environ, err := client.Environ(ctx, vaultkit.EnvQuery{Providers: []string{"openai-gpt4"}})
//	if err != nil {
//		return err
//	}
//	// environ is like os.Environ: []string{"OPENAI_GPT4_API_KEY=sk-example-1", …}
//	return envfile.Encode(os.Stdout, envfile.Fish, environ)
//
// This prints, for the shell fish:
//
//	set --global --export --unpath OPENAI_GPT4_API_KEY 'sk-example-1';
//
// Each [Format] writes a value so that its reader gets the same bytes back, or refuses the value.
// docs/environment.md lists what each format refuses. [Name] returns the name of a field's
// variable: OPENAI_GPT4_API_KEY for field api_key of provider openai-gpt4. To write a file that
// only its owner can read, use Client.WriteEnvFile.
package envfile

import (
	"io"
	"strings"

	"goblin/vaultkit/internal/envformat"
	"goblin/vaultkit/internal/kv"
	"goblin/vaultkit/internal/vaulterr"
)

// Format is how an environment is written.
type Format string

// The formats.
const (
	Sh         Format = "sh"         // for `source` of bash, dash and other POSIX shells
	Dotenv     Format = "dotenv"     // as joho/godotenv, npm's dotenv, python-dotenv and Docker Compose all read it
	Docker     Format = "docker"     // for docker run --env-file
	Fish       Format = "fish"       // for `source` of fish
	PowerShell Format = "powershell" // for PowerShell, on Windows and elsewhere
	GitHub     Format = "github"     // for the file that $GITHUB_ENV names
	JSON       Format = "json"       // one object
)

// Formats returns all formats.
func Formats() []Format {
	return []Format{Sh, Dotenv, Docker, Fish, PowerShell, GitHub, JSON}
}

// Encode writes an environment ("NAME=value", as Client.Environ returns it) in a format, with one
// call of w.Write, or nothing. It does not connect to Vault, and is safe for concurrent use. What it
// writes for GitHub is for the file that $GITHUB_ENV names; mask the values first, see
// vaultkit.EnvQuery.Masks.
//
// Errors: vaultkit.ErrInvalid for an unknown format, for names that Client.Environ would not
// return, and for a value that the format cannot hold (the error names the variable); those
// of w.
func Encode(w io.Writer, format Format, environ []string) error {
	variables := make([]envformat.Variable, 0, len(environ))
	for i, one := range environ {
		name, value, ok := strings.Cut(one, "=")
		if !ok { // the entry may be anything, and is not repeated
			return vaulterr.WithOp("envfile.Encode", "", vaulterr.Invalid("entry %d of the environment is not NAME=value", i+1))
		}
		variables = append(variables, envformat.Variable{Name: name, Value: value})
	}
	content, err := envformat.Encode(string(format), variables)
	if err != nil {
		return vaulterr.WithOp("envfile.Encode", "", envformat.AsError(err))
	}
	_, err = w.Write(content)
	return err
}

// Name returns the name of the variable that Client.Environ makes of a provider's field, with the
// prefix before it: OPENAI_GPT4_API_KEY for field api_key of openai-gpt4. It does not connect to
// Vault.
//
// Errors: vaultkit.ErrInvalid for the name of the provider, and if no variable can have the
// name, see Client.Environ.
func Name(prefix, provider, field string) (string, error) {
	if err := kv.CheckName("provider name", provider); err != nil {
		return "", vaulterr.WithOp("envfile.Name", provider, err)
	}
	name, err := envformat.Name(prefix, provider, field)
	if err != nil {
		return "", vaulterr.WithOp("envfile.Name", "", envformat.AsError(err))
	}
	return name, nil
}
