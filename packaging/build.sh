#!/usr/bin/env bash
# Makes the packages of the last commit, each in its own bare Debian with only the build dependencies:
#
#   packaging/build.sh [FOLDER] [SUITE...]      FOLDER is build-packages, the suites bookworm trixie unless given
#
#   quench_VERSION~SUITE_amd64.deb, libquench-dev_VERSION~SUITE_amd64.deb    for Debian 12 and 13
#   quench-VERSION-x86_64.tar.gz                                             for other distributions, with bookworm
#
# The systems are kept in FOLDER/root for the next time. QUENCH_SYSTEMS names a folder that keeps downloads and compiled objects,
# which tests/distributions.sh can share (--cache). Needs root and debootstrap. try.sh tests the packages.
set -euo pipefail
shopt -s inherit_errexit  # build_root runs in $(...)
source_tree=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/..
cache=${QUENCH_SYSTEMS:-}
# shellcheck source=.ci/bare_system.sh
source "$source_tree/.ci/bare_system.sh"

folder=$(realpath -m "${1:-build-packages}")
shift || true
(($# > 0)) || set -- bookworm trixie
version=$(sed -n "s/^  version: '\(.*\)',$/\1/p" "$source_tree/meson.build")
# The same path in every system, for debug information and ccache.
readonly build_folder=/build/quench

# build_root SUITE: prints the folder of the system, with the sources and all build dependencies.
build_root() {
  local suite=$1 root=$folder/root/$1
  if [[ ! -d $root ]]; then
    rm -rf "${root:?}.new"  # left by an interrupted debootstrap
    bare_system "$suite" "$root.new"
    mv "$root.new" "$root"
  fi
  rm -rf "${root:?}$build_folder"
  mkdir -p "$root$build_folder"
  git -C "$source_tree" archive HEAD | tar -x -C "$root$build_folder"
  cp -r "$root$build_folder/packaging/debian" "$root$build_folder/debian"
  changelog "$suite" >"$root$build_folder/debian/changelog"
  {
    inside "$root" apt-get update -q
    inside "$root" apt-get build-dep -q -y --no-install-recommends "$build_folder"
    inside "$root" apt-get install -q -y --no-install-recommends ccache patchelf
  } >"$root/build-dependencies.log" 2>&1 || { cat "$root/build-dependencies.log" >&2; return 1; }
  printf '%s' "$root"
}

# The version sorts before one without a suite, and suites sort by name.
changelog() {
  cat <<END
quench ($version~$1) $1; urgency=medium

  * See CHANGELOG.md.

 -- $(sed -n 's/^Maintainer: //p' "$source_tree/packaging/debian/control")  $(git -C "$source_tree" log -1 --format=%cD)
END
}

# logged COMMAND...: prints the output only if the command fails.
logged() {
  local log
  log=$("$@" 2>&1) || { printf '%s\n' "$log" >&2; return 1; }
}

mkdir -p "$folder/root"
for suite in "$@"; do
  root=$(build_root "$suite")
  logged inside "$root" sh -c "cd $build_folder && dpkg-buildpackage -b -us -uc"
  rm -f "$folder"/*"~${suite}"_*.deb
  mv "$root/build/"*.deb "$folder"
  rm "$root/build/"*.buildinfo "$root/build/"*.changes
  [[ $suite == bookworm ]] || continue
  # The oldest system: its binaries run with every newer C library.
  logged inside "$root" "$build_folder/packaging/tarball.sh" "$version"
  rm -f "$folder"/*.tar.gz
  mv "$root/build/"*.tar.gz "$folder"
done
ls -l "$folder"
