#!/bin/sh
# Stands for a script of the reader that has a key revoked by its provider.
test -n "$VAULTKIT_KEY"
