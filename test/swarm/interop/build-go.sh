#!/usr/bin/env bash
# Builds the programs of go/ with HashiCorp's memberlist and Docker's NetworkDB, both as Debian 12 has them, into
# out/interop. Packages are fetched through apt and unpacked there; nothing is installed, and root isn't needed.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=$PWD/test/swarm/interop
out=$PWD/out/interop
bin=$out/bin

# What the programs were built from, so that nothing is done twice.
stamp=$(cat "$here/build-go.sh" "$here"/go/*/*.go | sha256sum)
if [ -x "$bin/memberlist" ] && [ -x "$bin/networkdb" ] && [ "$(cat "$bin/built-from" 2>/dev/null)" = "$stamp" ]; then
  exit 0
fi

# Debian's own lists, with source packages. NetworkDB is in no binary package, but in the source of docker.io.
mkdir -p "$out/lists/partial" "$out/sources" "$out/packages"
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
  if [ -f "$list" ] && grep -q '^[^#].*/debian' "$list"; then
    sed -E 's/^deb (.*)/deb \1\ndeb-src \1/; s/^Types:.*/Types: deb deb-src/' "$list" >"$out/sources/$(basename "$list")"
  fi
done
apt() {
  local command=$1
  shift
  "apt-$command" -qq -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$out/sources" \
    -o Dir::State::lists="$out/lists" -o Dir::Cache="$out" -o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}
apt get update

packages='golang-github-armon-go-metrics-dev golang-github-docker-go-events-dev golang-github-gogo-protobuf-dev
  golang-github-google-btree-dev golang-github-hashicorp-errwrap-dev golang-github-hashicorp-go-immutable-radix-dev
  golang-github-hashicorp-go-msgpack-dev golang-github-hashicorp-go-multierror-dev
  golang-github-hashicorp-go-sockaddr-dev golang-github-hashicorp-golang-lru-dev
  golang-github-hashicorp-memberlist-dev golang-github-hashicorp-serf-dev golang-github-ishidawataru-sctp-dev
  golang-github-miekg-dns-dev golang-github-pkg-errors-dev golang-github-sirupsen-logrus-dev golang-golang-x-net-dev
  golang-golang-x-sys-dev'
root=$out/root
mkdir -p "$root"
goroot=/usr/lib/go-1.19
if [ ! -x "$goroot/bin/go" ]; then
  packages="$packages golang-1.19-go golang-1.19-src"
  goroot=$root$goroot
fi
(
  cd "$out/packages"
  # shellcheck disable=SC2086
  apt get download $packages
  apt get source --download-only docker.io
)
for package in "$out"/packages/*.deb; do dpkg-deb -x "$package" "$root"; done

gopath=$out/gopath
github=$gopath/src/github.com
mkdir -p "$github/docker" "$gopath/src/interop"
tar -xf "$out"/packages/docker.io_*.orig-libnetwork.tar.xz -C "$github/docker"
tar -xf "$out"/packages/docker.io_*.orig.tar.xz -C "$out" --wildcards '*/engine/pkg'
ln -sfn "$out"/moby-*/engine "$github/docker/docker"
cp -r "$here"/go/* "$gopath/src/interop/"

export GOROOT=$goroot GOPATH=$gopath:$root/usr/share/gocode GOCACHE=$out/cache GO111MODULE=off CGO_ENABLED=0
mkdir -p "$bin"
"$goroot/bin/go" build -o "$bin/" interop/memberlist interop/networkdb
echo "$stamp" >"$bin/built-from"
