// Package vaultcommand is the part of the vault command that the tests use, over the official
// client. The real one is not everywhere where tests run.
package vaultcommand

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/vault/api"
)

// Main runs a command line without the name of the program, and returns the exit status.
func Main(args []string) int {
	client, err := api.NewClient(nil) // VAULT_ADDR, VAULT_TOKEN
	if err == nil {
		err = run(context.Background(), client, args)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "vault:", err)
		return 2
	}
	return 0
}

// invocation is a parsed command line.
type invocation struct {
	*api.Client
	args              []string // without flags
	path, version     string   // of a mount
	field, wrapTTL    string   // of a request and its response
	mount, versions   string   // of kv undelete
	orphan, noDefault bool     // of a token
	period            string
	policies          []string
}

// command is a command of the program.
type command struct {
	run         func(*invocation, context.Context) error
	least, most int // arguments
	flags       string
}

const many = 100

// commands are the commands, by their words.
var commands = map[string]command{
	"read":                 {(*invocation).read, 1, 1, "field"},
	"write":                {(*invocation).write, 1, many, "field wrap-ttl f"},
	"login":                {(*invocation).login, 0, 0, ""},
	"policy write":         {(*invocation).writePolicy, 2, 2, ""},
	"token create":         {(*invocation).createToken, 0, 0, "orphan no-default-policy period policy field"},
	"secrets enable":       {(*invocation).enableSecrets, 1, 1, "path version"},
	"auth enable":          {(*invocation).enableAuth, 1, 1, "path"},
	"audit enable":         {(*invocation).enableAudit, 2, 2, ""},
	"kv put":               {(*invocation).putSecret, 2, many, ""},
	"kv get":               {(*invocation).getSecret, 1, 1, "field"},
	"kv undelete":          {(*invocation).undelete, 1, 1, "mount versions"},
	"kv enable-versioning": {(*invocation).enableVersioning, 1, 1, ""},
	"operator unseal":      {(*invocation).unseal, 0, 0, ""},
}

func run(ctx context.Context, client *api.Client, args []string) error {
	for words := min(2, len(args)); words > 0; words-- {
		one, known := commands[strings.Join(args[:words], " ")]
		if !known {
			continue
		}
		v := &invocation{Client: client}
		if err := v.parse(one, args[words:]); err != nil {
			return err
		}
		return one.run(v, ctx)
	}
	return errors.New("the tests' vault does not know this command")
}

// parse accepts the flags and the number of arguments that the command has.
func (v *invocation) parse(of command, args []string) error {
	flags := flag.NewFlagSet("vault", flag.ContinueOnError)
	for name, value := range map[string]*string{
		"path": &v.path, "version": &v.version, "field": &v.field, "wrap-ttl": &v.wrapTTL, "mount": &v.mount, "versions": &v.versions,
		"period": &v.period,
	} {
		flags.StringVar(value, name, "", "")
	}
	_ = flags.Bool("f", false, "") // a write without data
	flags.BoolVar(&v.orphan, "orphan", false, "")
	flags.BoolVar(&v.noDefault, "no-default-policy", false, "")
	flags.Func("policy", "", func(name string) error {
		v.policies = append(v.policies, name)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	var foreign []string
	flags.Visit(func(given *flag.Flag) {
		if !slices.Contains(strings.Fields(of.flags), given.Name) {
			foreign = append(foreign, given.Name)
		}
	})
	v.args = flags.Args()
	if len(foreign) > 0 || len(v.args) < of.least || len(v.args) > of.most {
		return fmt.Errorf("the tests' vault accepts %d to %d arguments and the flags %q here, not %d and also %q",
			of.least, of.most, of.flags, len(v.args), foreign)
	}
	return nil
}

func (v *invocation) read(ctx context.Context) error {
	response, err := v.Logical().ReadWithContext(ctx, v.args[0])
	return cmp.Or(err, v.print(response))
}

func (v *invocation) write(ctx context.Context) error {
	data, err := data(v.args[1:])
	if err != nil {
		return err
	}
	v.SetWrappingLookupFunc(func(string, string) string { return v.wrapTTL })
	response, err := v.Logical().WriteWithContext(ctx, v.args[0], data)
	return cmp.Or(err, v.print(response))
}

// print prints the field that the command line names.
func (v *invocation) print(response *api.Secret) error {
	switch {
	case v.field == "":
		return nil
	case response == nil:
		return errors.New("nothing there")
	case v.field == "wrapping_token":
		return printLine(response.WrapInfo.Token)
	}
	return printLine(response.Data[v.field])
}

func printLine(value any) error {
	_, err := fmt.Println(value)
	return err
}

// login reads a token from stdin, checks it, and stores it as the vault command does.
func (v *invocation) login(ctx context.Context) error {
	token, err := readLine()
	if err != nil {
		return err
	}
	v.SetToken(token)
	if _, err := v.Auth().Token().LookupSelfWithContext(ctx); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(os.Getenv("HOME"), ".vault-token"), []byte(v.Token()), 0o600)
}

func readLine() (string, error) {
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	return strings.TrimSpace(line), err
}

func (v *invocation) writePolicy(ctx context.Context) error {
	if v.args[1] != "-" {
		return errors.New("the tests' vault reads a policy from stdin only")
	}
	text, err := io.ReadAll(os.Stdin)
	return cmp.Or(err, v.Sys().PutPolicyWithContext(ctx, v.args[0], string(text)))
}

func (v *invocation) createToken(ctx context.Context) error {
	if !v.orphan {
		return errors.New("the tests' vault creates orphans only")
	}
	request := &api.TokenCreateRequest{NoDefaultPolicy: v.noDefault, Period: v.period, Policies: v.policies}
	response, err := v.Auth().Token().CreateOrphanWithContext(ctx, request)
	switch {
	case err != nil:
		return err
	case v.field == "token":
		return printLine(response.Auth.ClientToken)
	}
	return printLine("Key      Value\n---      -----\ntoken    " + response.Auth.ClientToken)
}

func (v *invocation) enableSecrets(ctx context.Context) error {
	return v.Sys().MountWithContext(ctx, v.path, &api.MountInput{Type: v.args[0], Options: map[string]string{"version": v.version}})
}

func (v *invocation) enableAuth(ctx context.Context) error {
	return v.Sys().EnableAuthWithOptionsWithContext(ctx, v.path, &api.EnableAuthOptions{Type: v.args[0]})
}

func (v *invocation) enableAudit(ctx context.Context) error {
	if v.args[0] != "file" {
		return errors.New("the tests' vault enables audit files only")
	}
	name, value, _ := strings.Cut(v.args[1], "=")
	options := map[string]string{name: value}
	return v.Sys().EnableAuditWithOptionsWithContext(ctx, "file", &api.EnableAuditOptions{Type: "file", Options: options})
}

func (v *invocation) unseal(ctx context.Context) error {
	key, err := readLine()
	if err != nil {
		return err
	}
	_, err = v.Sys().UnsealWithContext(ctx, key)
	return err
}
