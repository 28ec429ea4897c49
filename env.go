package vaultkit

import (
	"context"
	"errors"
	"io"
	"os"

	"goblin/vaultkit/envfile"
	"goblin/vaultkit/internal/envformat"
	"goblin/vaultkit/internal/parallel"
	"goblin/vaultkit/internal/vaulterr"
)

// EnvQuery says which providers' fields become environment variables, and how they are named: field
// api_key of openai-gpt4 becomes OPENAI_GPT4_API_KEY, in upper case, with _ for every character
// except letters and digits. docs/environment.md lists the names that are not allowed.
type EnvQuery struct {
	// Providers names the providers. None: all of them. A name that is given twice counts once.
	Providers []string
	// Prefix is put before each name: letters, digits and _, and no digit first.
	Prefix string
	// Progress is called as providers are read, first with 0 done. Nil: not called.
	Progress func(done, total int)
	// Masks gets GitHub's ::add-mask:: commands before anything is returned, set or written. Nil:
	// no commands.
	Masks io.Writer
	// Skipped is called for each field whose variable would have a name that is not allowed
	// (3COM_API_KEY, LD_PRELOAD); the field is left out. It is called only if the query names no
	// providers. Otherwise, and if Skipped is nil, such a field is an error. Skipped is also called,
	// with an empty field, for each provider whose secret has no fields.
	Skipped func(provider, field string, why error)
}

// envWorkers bounds how many providers are read concurrently.
const envWorkers = 16

// Environ returns the fields of providers as "NAME=value", sorted by name, ready for
// [os/exec.Cmd]. It blocks until all are read, 16 at a time. The first error ends it, and then it
// returns no variable. Deleted providers are left out, unless the query names them. Needs "read" on
// data/<base>/providers/<provider>, and "list" on metadata/<base>/providers/ if the query names no
// providers: the reader's policy.
//
// Errors: those of GetProviderKeys; ErrInvalid also for the query, for two fields with one name
// (the error names both), for a NUL in a value, and, unless Skipped is given, for a name that
// starts with a digit or could change how programs behave. Such names are known by their first
// words (LD_PRELOAD, VAULT_TOKEN, GIT_DIR) or by their last (JAVA_OPTS, GH_PAGER, …_PATH). A Prefix
// that ends in _ makes an allowed name.
func (c *Client) Environ(ctx context.Context, query EnvQuery) ([]string, error) {
	variables, err := c.variables(ctx, query)
	if err != nil {
		return nil, vaulterr.WithOp("Environ", "", err)
	}
	environ := make([]string, 0, len(variables))
	for _, v := range variables {
		environ = append(environ, v.Name+"="+v.Value)
	}
	return environ, nil
}

// LoadEnv sets the fields of providers in the environment of this process, and returns the names.
// It overwrites existing variables. It sets no variable before it has read all of them. Call it
// early: code that reads the environment at the same time may see only some of them. It blocks like
// Environ, and has the same errors and needs the same rights.
func (c *Client) LoadEnv(ctx context.Context, query EnvQuery) (names []string, err error) {
	variables, err := c.variables(ctx, query)
	if err != nil {
		return nil, vaulterr.WithOp("LoadEnv", "", err)
	}
	for _, v := range variables {
		if err := os.Setenv(v.Name, v.Value); err != nil {
			return nil, vaulterr.WithOp("LoadEnv", "", &Error{Kind: ErrInvalid, Detail: v.Name, Err: err})
		}
	}
	return envNames(variables), nil
}

// WriteEnvFile writes the fields of providers into a file that only its owner can read, and
// returns the names. It replaces the whole file or nothing, and only a file that vaultkit wrote or
// that is empty. It follows no symbolic link to the file or its directory, and refuses a directory
// of another user or one that everybody can write to. With envfile.GitHub it appends to the
// runner's file, and needs the query's Masks, because a value must be masked before a job can
// print it. It blocks like Environ and needs the same rights. Concurrent use is safe: the last
// call wins.
//
// Errors: those of Environ; ErrInvalid also for the path, the format, and a value that the format
// cannot hold; and errors of the file system, such as fs.ErrNotExist for the directory.
func (c *Client) WriteEnvFile(ctx context.Context, path string, format envfile.Format, query EnvQuery) (names []string, err error) {
	names, err = c.writeEnvFile(ctx, path, format, query)
	return names, vaulterr.WithOp("WriteEnvFile", "", err)
}

func (c *Client) writeEnvFile(ctx context.Context, path string, format envfile.Format, query EnvQuery) ([]string, error) {
	if format == envfile.GitHub && query.Masks == nil {
		return nil, vaulterr.Invalid("the format github needs EnvQuery.Masks, os.Stdout in a job")
	}
	target, err := envformat.Open(path, string(format)) // before any secret is read
	if err != nil {
		return nil, envformat.AsError(err)
	}
	defer target.Close()
	variables, err := c.variables(ctx, query)
	if err != nil {
		return nil, err
	}
	if err := target.Write(variables); err != nil {
		return nil, envformat.AsError(err)
	}
	return envNames(variables), nil
}

// variables reads the providers of a query and names their fields.
func (c *Client) variables(ctx context.Context, query EnvQuery) ([]envformat.Variable, error) {
	environment, err := envformat.New(query.Prefix)
	if err != nil {
		return nil, envformat.AsError(err)
	}
	providers, err := c.envProviders(ctx, query)
	if err != nil {
		return nil, err
	}
	if err := c.fill(ctx, environment, providers, query); err != nil {
		return nil, err
	}
	variables := environment.Variables()
	if query.Masks != nil {
		if _, err := io.WriteString(query.Masks, envformat.Masks(variables)); err != nil {
			return nil, &Error{Detail: "the masks cannot be written", Err: err}
		}
	}
	return variables, nil
}

// envProviders returns the providers of a query, each once.
func (c *Client) envProviders(ctx context.Context, query EnvQuery) ([]string, error) {
	if len(query.Providers) == 0 {
		return c.Providers(ctx)
	}
	var providers []string
	seen := make(map[string]bool, len(query.Providers))
	for _, provider := range query.Providers {
		if err := checkProvider(provider); err != nil {
			return nil, err
		}
		if !seen[provider] {
			providers = append(providers, provider)
		}
		seen[provider] = true
	}
	return providers, nil
}

// fill reads providers into an environment.
func (c *Client) fill(ctx context.Context, environment *envformat.Environment, providers []string, query EnvQuery) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type found struct {
		provider string
		keys     ProviderKeys
		err      error
	}
	all := parallel.Stream(envWorkers, providers, func(provider string) found {
		secret, err := c.secret(ctx, provider)
		if err != nil {
			return found{provider: provider, err: err}
		}
		keys, err := secret.keys()
		return found{provider, keys, err}
	})
	progress, done := query.Progress, 0
	if progress == nil {
		progress = func(int, int) {}
	}
	progress(done, len(providers))
	skipped := query.Skipped
	if len(query.Providers) > 0 {
		skipped = nil
	}
	for one := range all {
		if query.Skipped != nil && one.err == nil && len(one.keys) == 0 {
			query.Skipped(one.provider, "", &Error{Kind: ErrFieldMissing, Provider: one.provider, Detail: hasFields(nil)})
		}
		gone := errors.Is(one.err, ErrNotFound) || errors.Is(one.err, ErrDeleted)
		if len(query.Providers) == 0 && gone {
			one.err = nil // the list contains deleted providers
		}
		if err := addKeys(environment, one.provider, one.keys, one.err, skipped); err != nil {
			cancel() // leaving the loop waits for the running reads
			return err
		}
		done++
		progress(done, len(providers))
	}
	return nil
}

func addKeys(environment *envformat.Environment, provider string, keys ProviderKeys, err error, skipped func(string, string, error)) error {
	if err != nil {
		return vaulterr.WithOp("", provider, err)
	}
	for _, field := range keys.Fields() {
		err := environment.Add(provider, field, keys[field])
		if why, refused := errors.AsType[*envformat.Refusal](err); refused && why.BadName && skipped != nil {
			skipped(provider, field, envformat.AsError(err))
			continue
		}
		if err != nil {
			return envformat.AsError(err)
		}
	}
	return nil
}

func envNames(variables []envformat.Variable) []string {
	names := make([]string, 0, len(variables))
	for _, v := range variables {
		names = append(names, v.Name)
	}
	return names
}
