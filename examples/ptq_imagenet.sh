#!/usr/bin/env bash
# ptq_imagenet.sh IMAGES WEIGHTS [WORK]: prints tables for post-training quantization of MobileNet v1 0.75 and v2 1.0.
#   IMAGES   a folder per class, with a labels.tsv
#   WEIGHTS  holds mobilenet_v1_075_224_imagenet.safetensors and mobilenet_v2_100_224_imagenet.safetensors
#   WORK     (default runs/ptq_imagenet) keeps a run folder per cell; existing ones are not rerun
# Every tenth class, 100 images, calibrates; all images evaluate. $QUENCH is the program (default ./quench).
set -euo pipefail

images=$(realpath "$1")
weights=$(realpath "$2")
work=${3:-runs/ptq_imagenet}
examples=$(cd "$(dirname "$0")" && pwd)
quench=${QUENCH:-./quench}
mkdir -p "$work"
work=$(realpath "$work")

# shellcheck source=examples/picture_folder.sh
source "$examples/picture_folder.sh"
picture_folder "$images" "$work"

declare -A file=([mobilenet_v1]=mobilenet_v1_075_224_imagenet [mobilenet_v2]=mobilenet_v2_100_224_imagenet)
declare -A width=([mobilenet_v1]=0.75 [mobilenet_v2]=1.0)
declare -A title=([mobilenet_v1]="MobileNet v1 0.75" [mobilenet_v2]="MobileNet v2 1.0")

rows=("tensor minmax minmax" "channel minmax minmax" "channel minmax kl" "tensor minmax kl" "channel mse mse" "tensor mse mse")
columns=("ptq_minmax 8" "ptq_equalized 8" "ptq_minmax 4" "ptq_equalized 4")

cell() { # NETWORK "CONFIG BITS" "GRANULARITY WEIGHTS ACTIVATIONS": the name of its run folder
  echo "$work/$1-${2// /-}-${3// /-}"
}

run() {
  local network=$1 config bits granularity weight activation folder
  read -r config bits <<<"$2"
  read -r granularity weight activation <<<"$3"
  folder=$(cell "$@")
  if [[ -e $folder/quantize.json ]]; then return; fi
  rm -rf "$folder"
  "$quench" quantize "$examples/$network/$config.toml" --checkpoint "$work/$network" --run "$folder" "${folders[@]}" \
    --set "model.width=${width[$network]}" --set "quant.granularity=per_$granularity" \
    --set "quant.weight={bits=$bits}" --set "quant.first_layer={weight={bits=8}}" \
    --set "quant.depthwise={weight={bits=8}}" \
    --set "calibration.weights=$weight" --set "calibration.activations=$activation" > "$folder.log"
}

value() { # KEY FOLDER: a value of quantize.json, with one decimal
  if [[ ! -e $2/quantize.json ]]; then echo "-"; return; fi
  sed -n "s/^ *\"$1\": \([0-9.]*\),*\$/\1/p" "$2/quantize.json" | xargs printf '%.1f'
}

for network in mobilenet_v1 mobilenet_v2; do
  if [[ -e $work/$network ]]; then continue; fi
  "$quench" import "$weights/${file[$network]}.safetensors" --config "$examples/${network}_imagenet.toml" \
    --set "model.width=${width[$network]}" --run "$work/$network" "${folders[@]}"
done
for row in "${rows[@]}"; do
  for column in "${columns[@]}"; do
    for network in mobilenet_v1 mobilenet_v2; do
      if [[ ${PTQ_TABLE_ONLY:-} == "" ]]; then run "$network" "$column" "$row"; fi
    done
  done
done

for network in mobilenet_v1 mobilenet_v2; do
  first=${rows[0]}
  printf '\n%s: float %s %%, with ReLU for ReLU6 %s %%\n\n' "${title[$network]}" \
    "$(value top1_float "$(cell "$network" "${columns[0]}" "$first")")" \
    "$(value top1_float "$(cell "$network" "${columns[1]}" "$first")")"
  echo "| scale of weights | weights from | activations from | 8-8 | 8-8 equalized | 4-8 | 4-8 equalized |"
  echo "|---|---|---|---|---|---|---|"
  for row in "${rows[@]}"; do
    read -r granularity weight activation <<<"$row"
    printf '| per %s | %s | %s |' "$granularity" "$weight" "$activation"
    for column in "${columns[@]}"; do printf ' %s |' "$(value top1_quantized "$(cell "$network" "$column" "$row")")"; done
    echo
  done
done
