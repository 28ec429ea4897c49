// Package rotationid shortens the ids of rotations and backups, and finds the id that a
// part of one stands for.
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

// fullIDs matches the id of a rotation and its backup: since when the old secret was in
// force, its version, and a fingerprint of the change.
var fullIDs = regexp.MustCompile(`^([0-9]{8}T[0-9]{6}\.[0-9]{9}Z)-(v[1-9][0-9]*)-([0-9a-f]{32})$`)

// partsOfIDs matches a part that may stand for an id: the beginning of an id, or a
// version with or without the beginning of a fingerprint.
var partsOfIDs = regexp.MustCompile(`^([0-9]{1,8}|[0-9]{8}T[0-9.]{0,16}(Z(-(v([0-9]+(-[0-9a-f]*)?)?)?)?)?|v[1-9][0-9]*(-[0-9a-f]*)?)$`)

// Help is the description of an ID in help texts.
const Help = `ID is an id, the beginning of an id, or v3 if only one rotation has replaced version 3.`

// shownHash is the number of characters of a fingerprint in a short id.
const shownHash = 8

// Short returns the version of an id and the beginning of its fingerprint.
func Short(id string) string {
	parts := fullIDs.FindStringSubmatch(id)
	if parts == nil {
		return id
	}
	return parts[2] + "-" + parts[3][:shownHash]
}

// ShortAll returns the shortest form of each id that is unique among the ids.
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

// standsFor reports whether a text is a part that stands for the id.
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

// mostIDs is the largest number of ids in an error.
const mostIDs = 5

// fullID returns the one listed id that a text stands for. It returns a full id, and a
// text that cannot be a part of an id, without listing. Its errors do not repeat the
// text: it may be a key in the wrong place.
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
		return "", &vaultkit.Error{Provider: provider, Kind: vaultkit.ErrNotFound,
			Detail: "no id starts with the given text or has the given version",
			Hint:   "vaultkit history and vaultkit backups show the ids"}
	case 1:
		return found[0], nil
	}
	return "", &vaultkit.Error{Provider: provider, Kind: vaultkit.ErrInvalid, Detail: "the given id matches several ids",
		Hint: "give more characters of one of " + namelist.First(found, mostIDs)}
}

// OfBackup returns the id of the backup that a text stands for.
func OfBackup(ctx context.Context, c *connection.Connection, client *vaultkit.Client, provider, text string) (string, error) {
	return fullID(text, provider, func() ([]string, error) {
		ids, err := backupIDs(ctx, client, provider)
		if err == nil && len(ids) == 0 {
			err = c.RequireProvider(ctx, client, provider)
		}
		return ids, err
	})
}

// OfRotation returns the id of the rotation that a text stands for: one with a backup,
// a record or both.
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

// OfBackups returns the ids of backups.
func OfBackups(backups []vaultkit.Backup) []string {
	ids := make([]string, len(backups))
	for i, backup := range backups {
		ids[i] = backup.ID
	}
	return ids
}
