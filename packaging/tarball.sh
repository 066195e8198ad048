#!/usr/bin/env bash
# tarball.sh VERSION: run by build.sh on the build system. Makes ../quench-VERSION-x86_64.tar.gz: the program with every
# library it loads except the C library, their licences, the configs and the guides.
# MPI is excluded. Its library has to match the cluster's launcher (mpirun, srun), plugins and daemon; another copy
# could not communicate with them.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

name=quench-$1-x86_64
tree=$PWD/../$name
build=$PWD/build-tarball
export SOURCE_DATE_EPOCH
SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -S Timestamp)

# Uses the flags of the .deb, so ccache has its objects.
eval "$(DEB_BUILD_MAINT_OPTIONS=hardening=+all DEB_CXXFLAGS_MAINT_STRIP='-O2 -g' dpkg-buildflags --export=sh)"
meson setup "$build" --buildtype=plain -Doptimization=3 --prefix=/ --libdir=lib -Dmarch=x86-64-v3 -Dmpi=disabled \
  -Donnx=enabled -Dtests=false
ninja -C "$build"
rm -rf "$tree"
meson install -C "$build" --no-rebuild --destdir "$tree"

# Removes files that only a compiler needs, and moves examples to the top level.
rm -r "${tree:?}/include" "${tree:?}/lib"
mv "$tree/share/quench/examples" "$tree"
rmdir "$tree/share/quench"
cp -r README.md CHANGELOG.md LICENSE docs "$tree"

mkdir "$tree/lib" "$tree/licenses"
while read -r library; do
  # By name: packages of Debian 12 still list /lib for files in /usr/lib.
  package=$(dpkg-query -S "*/x86_64-linux-gnu/$(basename "$(realpath "$library")")" | cut -d: -f1)
  [[ $package == libc6 ]] && continue
  cp -L "$library" "$tree/lib"
  cp -L "/usr/share/doc/$package/copyright" "$tree/licenses/$package"
  dpkg-query -W -f '${binary:Package} ${Version}, of source package ${source:Package} ${source:Version}\n' "$package"
done < <(ldd "$tree/bin/quench" | sed -n 's/.* => \(.*\) (.*/\1/p') | sort -u >"$tree/licenses/README"
sed -i '1i The libraries in lib/ come from these Debian packages; snapshot.debian.org has their sources:\n' \
  "$tree/licenses/README"

strip --strip-unneeded "$tree/bin/quench"
# RPATH rather than RUNPATH: it also applies to the libraries, and takes precedence over LD_LIBRARY_PATH.
patchelf --force-rpath --set-rpath "\$ORIGIN/../lib" "$tree/bin/quench"

tar -C .. --sort=name --owner=0 --group=0 --mtime="@$SOURCE_DATE_EPOCH" -czf "../$name.tar.gz" "$name"
objdump -T "$tree/bin/quench" "$tree"/lib/* | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1 | sed 's/^/needs /'
