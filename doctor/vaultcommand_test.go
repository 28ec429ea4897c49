package doctor_test

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
	"strconv"
	"strings"

	"github.com/hashicorp/vault/api"
)

// vaultCommand is the part of the vault command that fixes use, made from the official client, because
// not every machine that runs the tests has the command.
func vaultCommand(args []string) int {
	client, err := api.NewClient(nil) // VAULT_ADDR, VAULT_TOKEN
	if err == nil {
		err = (&vaultCLI{client, context.Background()}).run(args)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "vault:", err)
		return 2
	}
	return 0
}

type vaultCLI struct {
	*api.Client
	ctx context.Context
}

func (v *vaultCLI) run(args []string) error {
	rest := func(n int) []string { return args[min(n, len(args)):] }
	switch line := strings.Join(args, " ") + " "; {
	case strings.HasPrefix(line, "policy write ") && len(args) == 4 && args[3] == "-":
		text, err := io.ReadAll(os.Stdin)
		return cmp.Or(err, v.Sys().PutPolicyWithContext(v.ctx, args[2], string(text)))
	case strings.HasPrefix(line, "write "):
		return v.write(rest(1))
	case strings.HasPrefix(line, "read "):
		return v.read(rest(1))
	case strings.HasPrefix(line, "token create "):
		return v.createToken(rest(2))
	case line == "login ":
		return v.login()
	case strings.HasPrefix(line, "kv enable-versioning ") && len(args) == 3:
		return v.Sys().TuneMountAllowNilWithContext(v.ctx, strings.TrimSuffix(args[2], "/"),
			api.TuneMountConfigInput{Options: &map[string]string{"version": "2"}})
	case strings.HasPrefix(line, "kv undelete "):
		return v.undelete(rest(2))
	case strings.HasPrefix(line, "audit enable file ") && len(args) == 4:
		return v.Sys().EnableAuditWithOptionsWithContext(v.ctx, "file", &api.EnableAuditOptions{Type: "file", Options: pairs(rest(3))})
	case line == "operator unseal ":
		key, err := bufio.NewReader(os.Stdin).ReadString('\n')
		if err != nil {
			return err
		}
		_, err = v.Sys().UnsealWithContext(v.ctx, strings.TrimSpace(key))
		return err
	}
	return errors.New("the tests' vault does not know this command")
}

// pairs returns arguments of the form name=value as a map.
func pairs(args []string) map[string]string {
	found := map[string]string{}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		found[name] = value
	}
	return found
}

func (v *vaultCLI) write(args []string) error {
	flags := flag.NewFlagSet("write", flag.ContinueOnError)
	_ = flags.Bool("f", false, "")
	field, wrap := flags.String("field", "", ""), flags.String("wrap-ttl", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	data := map[string]any{}
	for name, value := range pairs(flags.Args()[1:]) {
		data[name] = value
	}
	v.SetWrappingLookupFunc(func(string, string) string { return *wrap })
	response, err := v.Logical().WriteWithContext(v.ctx, flags.Arg(0), data)
	if err != nil || *field == "" {
		return err
	}
	if *field == "wrapping_token" {
		return printed(response.WrapInfo.Token)
	}
	return printed(response.Data[*field].(string))
}

func (v *vaultCLI) read(args []string) error {
	flags := flag.NewFlagSet("read", flag.ContinueOnError)
	field := flags.String("field", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	response, err := v.Logical().ReadWithContext(v.ctx, flags.Arg(0))
	if err != nil {
		return err
	}
	if response == nil {
		return errors.New("nothing there")
	}
	return printed(response.Data[*field].(string))
}

func printed(text string) error {
	_, err := fmt.Println(text)
	return err
}

func (v *vaultCLI) createToken(args []string) error {
	flags := flag.NewFlagSet("token create", flag.ContinueOnError)
	request := api.TokenCreateRequest{}
	_ = flags.Bool("orphan", false, "")
	field := flags.String("field", "", "")
	flags.BoolVar(&request.NoDefaultPolicy, "no-default-policy", false, "")
	flags.StringVar(&request.Period, "period", "", "")
	flags.Func("policy", "", func(name string) error {
		request.Policies = append(request.Policies, name)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	response, err := v.Auth().Token().CreateOrphanWithContext(v.ctx, &request)
	if err != nil {
		return err
	}
	if *field == "token" {
		return printed(response.Auth.ClientToken)
	}
	return printed("Key      Value\n---      -----\ntoken    " + response.Auth.ClientToken)
}

// login reads a token from stdin, checks it, and stores it as the vault command does.
func (v *vaultCLI) login() error {
	token, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		return err
	}
	v.SetToken(strings.TrimSpace(token))
	if _, err := v.Auth().Token().LookupSelfWithContext(v.ctx); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(os.Getenv("HOME"), ".vault-token"), []byte(v.Token()), 0o600)
}

func (v *vaultCLI) undelete(args []string) error {
	flags := flag.NewFlagSet("kv undelete", flag.ContinueOnError)
	mount, versions := flags.String("mount", "", ""), flags.String("versions", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	version, err := strconv.Atoi(*versions)
	if err != nil {
		return err
	}
	return v.KVv2(*mount).Undelete(v.ctx, flags.Arg(0), []int{version})
}
