#!/bin/sh
# Runs the image's file system without a container engine, and the recipes' tests against it.
#
# It makes what packaging/Dockerfile would make, enters it with chroot as the image's user and with the image's variables, asks the
# health check of the image until it passes, and ends the server as an engine does. What an engine adds (its network, its
# volumes, starting containers from the tests) is not tried. Needs to be root, for chroot.
#
# usage: try.sh FLORIN FOLDER; FOLDER/venv has what requirements.txt names, conformance/node the SDK.
set -eu

florin=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)
packaging=$(cd "$(dirname "$0")/.." && pwd)
user=65532
port=18431

image=$folder/image
rm -rf "$image"
"$packaging/image-root.sh" "$florin" "$image"
mkdir -p "$image/root/var/lib"
mv "$image/state/florin" "$image/root/var/lib/florin"
chown $user:$user "$image/root/var/lib/florin"
echo "the image is $(du -sm "$image/root" | cut -f1) MB"

# As the Dockerfile sets them, and the first platform's as the recipes do. One program after the other, none beside it: $! is the server.
inside="env -i PATH=/usr/bin:/usr/sbin:/bin:/sbin FLORIN_LISTEN=0.0.0.0:$port FLORIN_DATA=/var/lib/florin/data
    FLORIN_PUBLIC_URL=http://127.0.0.1:$port FLORIN_FIRST_CLIENT_ID=tests FLORIN_FIRST_API_KEY=a-key-for-these-tests-only
    chroot --userspec=$user:$user $image/root"

$inside florin serve &
server=$!
trap 'kill -KILL $server 2>/dev/null || true' EXIT
tries=0
until $inside florin health; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] || { echo "the server does not get healthy"; exit 1; }
    kill -0 $server || { echo "the server has ended"; exit 1; }
    sleep 0.1
done
$inside florin platform create --client-id another --api-key a-key-for-another-one

export FLORIN_URL=http://127.0.0.1:$port FLORIN_CLIENT_ID=tests FLORIN_API_KEY=a-key-for-these-tests-only NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
# The SDK is looked for from where the file is.
recipes=$folder/recipes
rm -rf "$recipes"
mkdir -p "$recipes"
cp "$packaging"/recipes/* "$recipes"
ln -s "$packaging/../conformance/node/node_modules" "$recipes/node_modules"
node --test "$recipes/florin.test.mjs"
"$folder/venv/bin/python" -m pytest -q -p no:cacheprovider "$recipes/test_florin.py"
phpunit --do-not-cache-result "$recipes/FlorinTest.php"

kill -TERM $server
wait $server
trap - EXIT
