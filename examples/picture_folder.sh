# Sourced by the scripts here that work on a folder of images.

# picture_folder IMAGES WORK [EVERY]: sets `folders`, the options that calibrate on some classes of IMAGES, a folder per
# class with a labels.tsv, and evaluate on images of IMAGES. By default every tenth class calibrates and all are evaluated.
# With EVERY, each class of that number calibrates and the others alone are evaluated. Below WORK are links to them.
picture_folder() {
  local images=$1 work=$2 every=${3:-} number=0 class name test_dir
  mkdir -p "$work/calibration" "$work/judged"
  for class in "$images"/*/; do
    name=$(basename "$class")
    if ((number++ % ${every:-10} == 0)); then ln -sfn "$class" "$work/calibration/$name"; else ln -sfn "$class" "$work/judged/$name"; fi
  done
  if [[ -n $every ]]; then test_dir=$work/judged; else test_dir=$images; fi
  # shellcheck disable=SC2034
  folders=(--data-dir "$images" --set "data.train_dir=\"$work/calibration\"" --set "data.test_dir=\"$test_dir\""
    --set "data.labels=\"$images/labels.tsv\"")
}
