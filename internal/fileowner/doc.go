// Package fileowner tells which user owns a file.
package fileowner
