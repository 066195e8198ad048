# Sourced by scripts that run steps in order; a failure does not stop later steps.
passed=0
failed=0

# These assertions make the standard library abort on out-of-range reads of vectors, strings and spans, and on reads of empty
# optionals. Meson sets them since 1.4; here they are always set.
readonly checked_indexing=-D_GLIBCXX_ASSERTIONS

# See ./quench.
export CCACHE_DEPEND=1

# step NAME COMMAND...: runs COMMAND and counts its result.
step() {
  local name=$1 start=$SECONDS outcome=passed
  shift
  printf '\n=== %s\n' "$name"
  "$@" || outcome=failed
  [[ $outcome == passed ]] && passed=$((passed + 1)) || failed=$((failed + 1))
  printf '=== %s: %s (%d s)\n' "$name" "$outcome" "$((SECONDS - start))"
}

# install_packages NAME...: installs missing packages.
install_packages() {
  local as_root=()
  dpkg-query -W "$@" >/dev/null 2>&1 && return
  ((EUID == 0)) || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

configure_sanitized() {
  [[ -f build-ci-asan/build.ninja ]] && return
  # -O1 with only line numbers compiles in half the time of -O2 -g, and in half of that without UBSan's checks of each
  # pointer, most of which AddressSanitizer has too.
  local pointers=null,alignment,object-size,vptr,pointer-overflow
  # g++ 12 considers parts of std::regex uninitialized once they are sanitized.
  meson setup build-ci-asan -Dwerror=true -Doptimization=1 -Ddebug=false \
    -Dcpp_args="-g1 -fno-sanitize=$pointers -Wno-maybe-uninitialized $checked_indexing" \
    -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
}

with_sanitizers() {
  UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 ASAN_OPTIONS=detect_leaks=1 OMP_NUM_THREADS=2 "$@"
}

# sanitized ROOM...: builds and runs only the tests of these rooms.
sanitized() {
  local tests=("${@/%/_test}")
  configure_sanitized && ninja -C build-ci-asan "${tests[@]/#/tests/}" || return
  with_sanitizers meson test -C build-ci-asan --no-rebuild --print-errorlogs --timeout-multiplier 10 "$@"
}

# Prints "N passed, N failed"; fails if a step failed.
summary() {
  printf '\n%d passed, %d failed\n' "$passed" "$failed"
  ((failed == 0))
}
