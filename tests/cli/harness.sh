# shellcheck shell=bash
# Sourced by the tests of this folder. Counts checks, works in a temporary folder, and ends with a summary.

program=$1
work=$(mktemp -d)
cleanups=("rm -rf $work")
# Two threads that spin while they wait would starve each other on a busy machine.
export OMP_WAIT_POLICY=passive
checks=0
failures=0

clean_up() {
  local i
  for ((i = ${#cleanups[@]} - 1; i >= 0; --i)); do ${cleanups[i]}; done
}
trap clean_up EXIT
cd "$work" || exit 1

# report OK MESSAGE: counts a check; a failed one prints MESSAGE and the program's last output.
report() {
  checks=$((checks + 1))
  [[ $1 == true ]] && return
  failures=$((failures + 1))
  printf 'FAILED: %s\n  command: quench %s\n  status: %s\n' "$2" "${last_command:-}" "${status:-}"
  sed 's/^/  stderr: /' "$work/.stderr"
}

# run ARGS...: leaves the exit status in $status, the output in .stdout and .stderr.
run() {
  last_command=$*
  status=0
  timeout "${QUENCH_TEST_TIMEOUT:-60}" "$program" "$@" >"$work/.stdout" 2>"$work/.stderr" </dev/null || status=$?
}

# expect_failure STATUS REGEX ARGS...: the program must end with STATUS, say REGEX (extended, any case) on stderr,
# and neither crash nor leave a temporary file.
expect_failure() {
  local wanted=$1 regex=$2 ok=true
  shift 2
  run "$@"
  [[ $status == "$wanted" ]] && grep -qiE -- "$regex" "$work/.stderr" || ok=false
  report "$ok" "expected exit status $wanted and stderr matching /$regex/"
  ok=true
  [[ -z $(find "$work" -name '*.tmp*' -print -quit) ]] || ok=false
  report "$ok" "a temporary file was left: $(find "$work" -name '*.tmp*' -printf '%P ')"
}

# expect_success REGEX ARGS...: exit status 0 and REGEX on stdout.
expect_success() {
  local regex=$1 ok=true
  shift
  run "$@"
  [[ $status == 0 ]] && grep -qiE -- "$regex" "$work/.stdout" || ok=false
  report "$ok" "expected success and stdout matching /$regex/"
}

# bmp FILE BYTE: 8 x 8 pixels of one value.
bmp() {
  {
    printf 'BM\366\0\0\0\0\0\0\0\066\0\0\0\050\0\0\0\010\0\0\0\010\0\0\0\001\0\030\0\0\0\0\0\300\0\0\0'
    head -c 16 /dev/zero
    head -c 192 /dev/zero | tr '\0' "$2"
  } >"$1"
}

# expect_absent PATH: the failed command must not have left PATH.
expect_absent() {
  local ok=true
  [[ ! -e $1 ]] || ok=false
  report "$ok" "expected no $1"
}

skip() { printf 'skipped: %s\n' "$*"; }

finish() {
  printf '%d checks, %d failed\n' "$checks" "$failures"
  ((failures == 0))
}
