# shellcheck shell=bash
# Sourced by what works in a bare Debian: needs root and debootstrap.

# new_root SUITE FOLDER: a minimal Debian. $QUENCH_ROOTS names a folder that holds pristine ones by suite, to copy.
new_root() {
  if [[ -n ${QUENCH_ROOTS:-} ]]; then
    cp -a "$QUENCH_ROOTS/$1" "$2"
  else
    debootstrap --variant=minbase "$1" "$2" >/dev/null
  fi
}

# in_root FOLDER COMMAND...: runs COMMAND there, in a clean environment. /proc and /dev, and ccache's folder if
# CCACHE_DIR names one, are mounted for as long as it runs.
in_root() {
  local root=$1
  shift
  # shellcheck disable=SC2016  # for the inner shell
  unshare --mount --pid --fork sh -ec '
    root=$1
    shift
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    if [ -n "$CCACHE_DIR" ]; then
      mkdir -p "$root/ccache"
      mount --bind "$CCACHE_DIR" "$root/ccache"
    fi
    exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
      DEBIAN_FRONTEND=noninteractive CCACHE_DIR=/ccache "$@"
  ' sh "$root" "$@"
}
