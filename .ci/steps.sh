# Sourced by what runs steps one after the other: a failure does not stop those after it.
passed=0
failed=0

# step NAME COMMAND...: runs COMMAND and counts how it ended.
step() {
  local name=$1 start=$SECONDS outcome=passed
  shift
  printf '\n=== %s\n' "$name"
  "$@" || outcome=failed
  [[ $outcome == passed ]] && passed=$((passed + 1)) || failed=$((failed + 1))
  printf '=== %s: %s (%d s)\n' "$name" "$outcome" "$((SECONDS - start))"
}

# install_packages NAME...: those that are not there.
install_packages() {
  local as_root=()
  dpkg-query -W "$@" >/dev/null 2>&1 && return
  ((EUID == 0)) || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

# Prints "N passed, N failed"; fails if a step failed.
summary() {
  printf '\n%d passed, %d failed\n' "$passed" "$failed"
  ((failed == 0))
}
