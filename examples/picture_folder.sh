# Sourced by the scripts here that work on a folder of images.

# picture_folder IMAGES WORK: sets `folders`, the options that calibrate on every tenth class of IMAGES, a folder
# per class with a labels.tsv, and evaluate on all of them. WORK/calibration links to the calibration classes.
picture_folder() {
  local images=$1 work=$2 number=0 class
  mkdir -p "$work/calibration"
  for class in "$images"/*/; do
    if ((number++ % 10 == 0)); then ln -sfn "$class" "$work/calibration/$(basename "$class")"; fi
  done
  # shellcheck disable=SC2034
  folders=(--data-dir "$images" --set "data.train_dir=\"$work/calibration\"" --set "data.test_dir=\"$images\""
    --set "data.labels=\"$images/labels.tsv\"")
}
