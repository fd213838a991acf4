#!/bin/sh
# What the image holds, made from a binary: FOLDER/root is the whole file system, FOLDER/state is what becomes /var/lib, with
# the one folder that Florin may write to.
#
# usage: image-root.sh BINARY FOLDER
set -eu

binary=$1
root=$2/root
state=$2/state

mkdir -p "$root/usr/bin" "$root/etc/ssl/certs" "$root/tmp" "$state/florin"
# Some lists and sorts of SQLite spill over to files.
chmod 1777 "$root/tmp"
chmod 0700 "$state/florin"
# Without the lines of its sources, which are nine tenths of it; the names of its functions stay.
strip --strip-debug -o "$root/usr/bin/florin" "$binary"
chmod 0755 "$root/usr/bin/florin"

# The libraries it is linked with, where the loader looks for them; "=> path" of each, and the loader itself.
ldd "$binary" | awk '$2 == "=>" { print $3 } $1 ~ /^\// { print $1 }' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    install -m 0755 "$library" "$root$library"
done

# Whom to believe, for a PostgreSQL that speaks TLS.
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
printf 'root:x:0:0::/:/nonexistent\nflorin:x:65532:65532::/var/lib/florin:/nonexistent\n' > "$root/etc/passwd"
printf 'root:x:0:\nflorin:x:65532:\n' > "$root/etc/group"
