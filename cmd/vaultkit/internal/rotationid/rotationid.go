// Package rotationid knows the ids of rotations and backups: how they are shown in
// short, and which one a part of an id stands for.
package rotationid

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/connection"
	"goblin/vaultkit/cmd/vaultkit/internal/namelist"
)

// fullIDs are ids of rotations and backups: since when the old secret was in force,
// its version, and a fingerprint of the change.
var fullIDs = regexp.MustCompile(`^([0-9]{8}T[0-9]{6}\.[0-9]{9}Z)-(v[1-9][0-9]*)-([0-9a-f]{32})$`)

// partsOfIDs are what may stand for an id: its beginning, or its version with or
// without the beginning of its fingerprint.
var partsOfIDs = regexp.MustCompile(`^([0-9]{1,8}|[0-9]{8}T[0-9.]{0,16}(Z(-(v([0-9]+(-[0-9a-f]*)?)?)?)?)?|v[1-9][0-9]*(-[0-9a-f]*)?)$`)

// Help says in helps what an ID may be.
const Help = `ID is an id, the beginning of an id, or v3 if only one rotation has replaced version 3.`

// shownHash is how much of a fingerprint tells rotations of one version apart.
const shownHash = 8

// Short returns the version of an id and the beginning of its fingerprint.
func Short(id string) string {
	parts := fullIDs.FindStringSubmatch(id)
	if parts == nil {
		return id
	}
	return parts[2] + "-" + parts[3][:shownHash]
}

// ShortAll returns the shortest forms that tell some ids apart.
func ShortAll(ids []string) map[string]string {
	count, short := make(map[string]int, len(ids)), make(map[string]string, len(ids))
	version := func(id string) string { return strings.SplitN(Short(id), "-", 2)[0] }
	for _, id := range ids {
		count[version(id)]++
	}
	for _, id := range ids {
		if short[id] = Short(id); count[version(id)] == 1 && short[id] != id {
			short[id] = version(id)
		}
	}
	return short
}

// standsFor reports that a text is a part of an id by which it may be named.
func standsFor(text, id string) bool {
	parts := fullIDs.FindStringSubmatch(id)
	switch {
	case parts == nil:
		return false
	case text == parts[2]:
		return true
	case strings.HasPrefix(text, parts[2]+"-"):
		return strings.HasPrefix(parts[2]+"-"+parts[3], text)
	}
	return strings.HasPrefix(id, text)
}

// mostIDs is how many ids an error lists.
const mostIDs = 5

// fullID finds the one id that a text stands for among those that are listed. What is
// an id already, and what can be no part of one, is not looked up. The text is not
// repeated: it may be a key in the wrong place.
func fullID(text, provider string, list func() ([]string, error)) (string, error) {
	if fullIDs.MatchString(text) || !partsOfIDs.MatchString(text) {
		return text, nil
	}
	ids, err := list()
	if err != nil {
		return "", err
	}
	found := slices.DeleteFunc(ids, func(id string) bool { return !standsFor(text, id) })
	slices.Sort(found)
	switch found = slices.Compact(found); len(found) {
	case 0:
		return "", &vaultkit.Error{Provider: provider, Kind: vaultkit.ErrNotFound, Detail: "no id starts with the given text or has the given version",
			Hint: "vaultkit history and vaultkit backups show the ids"}
	case 1:
		return found[0], nil
	}
	return "", &vaultkit.Error{Provider: provider, Kind: vaultkit.ErrInvalid, Detail: "the given id matches several ids",
		Hint: "give more characters of one of " + namelist.First(found, mostIDs)}
}

// OfBackup returns the id of a backup that a text stands for.
func OfBackup(ctx context.Context, c *connection.Connection, client *vaultkit.Client, provider, text string) (string, error) {
	return fullID(text, provider, func() ([]string, error) {
		ids, err := backupIDs(ctx, client, provider)
		if err == nil && len(ids) == 0 {
			err = c.RequireProvider(ctx, client, provider)
		}
		return ids, err
	})
}

// OfRotation returns the id of a rotation that a text stands for: one with a backup, a
// record or both.
func OfRotation(ctx context.Context, c *connection.Connection, client *vaultkit.Client, provider, text string) (string, error) {
	return fullID(text, provider, func() ([]string, error) {
		ids, err := backupIDs(ctx, client, provider)
		if err != nil {
			return nil, err
		}
		records, err := client.History(ctx, provider)
		if err != nil {
			return nil, err
		}
		for _, record := range records {
			ids = append(ids, record.ID)
		}
		if len(ids) == 0 {
			err = c.RequireProvider(ctx, client, provider)
		}
		return ids, err
	})
}

func backupIDs(ctx context.Context, client *vaultkit.Client, provider string) ([]string, error) {
	backups, err := client.Backups(ctx, provider)
	return OfBackups(backups), err
}

// OfBackups are the ids of backups.
func OfBackups(backups []vaultkit.Backup) []string {
	ids := make([]string, len(backups))
	for i, backup := range backups {
		ids[i] = backup.ID
	}
	return ids
}
