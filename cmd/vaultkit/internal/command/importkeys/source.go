package importkeys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/envreader"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/kvpath"
	"goblin/vaultkit/cmd/vaultkit/internal/namelist"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// maxFile is the most that is read from a file.
const maxFile = 8 << 20

// readFile returns the items of the file. The errors do not repeat the argument, which may be a
// key in the wrong place.
func (o *Options) readFile(ctx context.Context) ([]envreader.Item, error) {
	what := "the file"
	if o.File == "-" {
		what = "standard input"
	}
	content, err := terminal.Interruptible(ctx, o.content)
	if errors.Is(err, context.Canceled) {
		return nil, err
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	if err != nil {
		return nil, exitcode.Invalid(what, "cannot be read: "+err.Error(), "check the path and the rights on the file")
	}
	format, items, err := envreader.Decode(envreader.Format(o.Format), []byte(content))
	if err != nil {
		return nil, exitcode.Invalid(what, fmt.Sprintf("(format %s) %v", format, err), "correct it, or name its format with --format")
	}
	return items, nil
}

func (o *Options) content() (string, error) {
	file := o.IO.In
	if o.File != "-" {
		opened, err := os.Open(o.File)
		if err != nil {
			return "", err
		}
		defer opened.Close()
		o.warnReadable(opened)
		file = opened
	}
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(content) > maxFile {
		err = fmt.Errorf("it is longer than %d bytes", maxFile)
	}
	return string(content), err
}

// warnReadable warns of keys in a file that other users can read.
func (o *Options) warnReadable(file *os.File) {
	about, err := file.Stat()
	if err == nil && about.Mode().IsRegular() && about.Mode().Perm()&0o044 != 0 && runtime.GOOS != "windows" {
		o.IO.Warn("other users of this machine can read %s: run chmod 600 on it, and replace the keys if somebody may have read them", o.File)
	}
}

// readPath returns the items below a path in Vault.
func (o *Options) readPath(ctx context.Context, client *vaultkit.Client) (items []envreader.Item, err error) {
	for _, own := range []string{"providers", "backups", "rotations", "revocations"} {
		if strings.HasPrefix(strings.Trim(o.FromPath, "/")+"/", o.Vault.Path(own)+"/") {
			return nil, exitcode.Invalid("--from-path", "is where vaultkit keeps its "+own, "name another path")
		}
	}
	found, err := kvpath.Read(ctx, client.Vault(), o.FromPath)
	if err != nil {
		return nil, err
	}
	o.warnLeftOut("are folders, which are not read", found.Folders)
	o.warnLeftOut("are deleted", found.Deleted)
	for _, secret := range found.Secrets {
		for _, field := range slices.Sorted(maps.Keys(secret.Fields)) {
			items = append(items, pathItem(secret, field))
		}
	}
	return items, nil
}

func (o *Options) warnLeftOut(why string, names []string) {
	if len(names) > 0 {
		o.IO.Warn("not imported, because they %s: %s", why, namelist.First(names, mostNames))
	}
}

// pathItem returns the item of a field. The fields of the secret at the path itself are variables.
func pathItem(secret kvpath.Secret, field string) envreader.Item {
	item := envreader.Item{Provider: secret.Name, Field: field}
	if secret.Name == "" {
		item = envreader.Item{Name: field}
	}
	switch value := secret.Fields[field].(type) {
	case string:
		item.Value = value
	case json.Number, bool:
		item.Value = fmt.Sprint(value) // as vaultkit reads it
	default:
		item.Problem = "is null, a list or an object, not text"
	}
	return item
}
