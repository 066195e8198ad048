# shellcheck shell=bash
# Sourced by scripts that work in bare Debian systems. Needs root and debootstrap. $cache names a folder that keeps bare
# systems, packages and compiled objects (ccache) for the next time; without it, nothing is kept.
cache=${cache:+$(realpath -m "$cache")}

# bare_system SUITE FOLDER: a minimal Debian, from the cache if possible.
bare_system() {
  local archive=$cache/$1.tar
  if [[ -n $cache && -f $archive ]]; then
    mkdir -p "$2" && tar -C "$2" -xf "$archive"
    return
  fi
  debootstrap --variant=minbase "$1" "$2" >/dev/null || return
  # Accepts snapshots of a mirror, whose release files have expired.
  echo 'Acquire::Check-Valid-Until "false";' >"$2/etc/apt/apt.conf.d/99bare-system"
  [[ -z $cache ]] || { mkdir -p "$cache" && tar -C "$2" -cf "$archive.tmp" . && mv "$archive.tmp" "$archive"; }
}

# inside FOLDER [NAME=VALUE...] COMMAND...: runs COMMAND in that system, with a clean environment. Its mounts and processes
# end with it. bash remains the first process, which must reap orphans.
inside() {
  local system=$1
  shift
  # shellcheck disable=SC2016  # the inner bash expands it
  unshare --mount --pid --fork --kill-child --propagation private bash -c '
    system=$1 cache=$2
    shift 2
    mount -t proc proc "$system/proc" && mount --rbind /sys "$system/sys" && mount --rbind /dev "$system/dev" || exit
    cp /etc/resolv.conf /etc/hosts "$system/etc/"
    if [[ -n $cache ]]; then
      mkdir -p "$cache/packages/partial" "$cache/ccache" "$system/root/.ccache"
      mount --bind "$cache/packages" "$system/var/cache/apt/archives" &&
        mount --bind "$cache/ccache" "$system/root/.ccache" || exit
    fi
    chroot "$system" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
      DEBIAN_FRONTEND=noninteractive CCACHE_DIR=/root/.ccache \
      CCACHE_SLOPPINESS=pch_defines,time_macros "$@"
    exit' bash "$system" "$cache" "$@"
}
