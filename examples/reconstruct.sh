#!/usr/bin/env bash
# reconstruct.sh CIFAR WEIGHTS IMAGES [WORK]: prints the tables of examples/results/reconstruction.md.
#   CIFAR    data of CIFAR-10 in the binary version
#   WEIGHTS  holds resnet20_cifar10.safetensors, mobilenet_v1_075_224_imagenet.safetensors and
#            mobilenet_v2_100_224_imagenet.safetensors
#   IMAGES   of ImageNet, a folder per class with a labels.tsv
#   WORK     (default runs/reconstruct) keeps a run folder per cell. Existing ones are not run again, and a killed one
#            is resumed with its next unit.
# $QUENCH is the program (default ./quench), $ITERATIONS those of AdaRound, BRECQ and QDrop (default 500), $ONLY a
# regular expression of the cells to run.
set -euo pipefail

cifar=$(realpath "$1")
weights=$(realpath "$2")
images=$(realpath "$3")
work=${4:-runs/reconstruct}
examples=$(cd "$(dirname "$0")" && pwd)
quench=${QUENCH:-./quench}
iterations=${ITERATIONS:-500}
mkdir -p "$work"
work=$(realpath "$work")

# shellcheck source=examples/picture_folder.sh
source "$examples/picture_folder.sh"
picture_folder "$images" "$work"

# cell NAME ARGS...: quench quantize into the run folder NAME.
cell() {
  local folder=$work/$1
  shift
  if [[ ! ${folder##*/} =~ ${ONLY:-.} ]]; then return; fi
  if [[ -e $folder/quantize.json ]]; then return; fi
  if [[ -e $folder/reconstruction.safetensors ]]; then
    "$quench" quantize --resume "$folder" >>"$folder.log"
    return
  fi
  rm -rf "$folder"
  "$quench" quantize "$@" --run "$folder" >"$folder.log"
}

value() { # KEY NAME: a number of quantize.json
  if [[ ! -e $work/$2/quantize.json ]]; then echo "-"; return; fi
  sed -n "s/^ *\"$1\": \([0-9.]*\),*\$/\1/p" "$work/$2/quantize.json" | xargs printf '%.2f'
}

imported() { # NAME FILE ARGS...: the run of a network that others trained
  local folder=$work/$1 file=$weights/$2.safetensors
  shift 2
  if [[ ! -e $folder ]]; then "$quench" import "$file" --run "$folder" "$@"; fi
}

bits=("4 8" "3 8" "2 8" "4 4" "2 4")
methods=(none gptq rounding_offset adaround brecq qdrop)
imported resnet20 resnet20_cifar10 --config "$examples/resnet20_cifar10.toml" --data-dir "$cifar"

resnet20() { # "WEIGHT_BITS ACTIVATION_BITS" METHOD BATCHES: batches of 256 images calibrate
  local weight activation method=$2 batches=$3
  read -r weight activation <<<"$1"
  local args=(--set "quant.weight.bits=$weight" --set "quant.activation.bits=$activation" --set "calibration.reconstruct=$method"
    --set "calibration.batches=$batches" --set calibration.weights=mse)
  case $method in adaround | brecq | qdrop) args+=(--set "calibration.$method.iterations=$iterations") ;; esac
  if [[ $method == brecq ]]; then args+=(--set "calibration.brecq.step_iterations=$((iterations / 4))"); fi
  cell "resnet20-w${weight}a$activation-$method-$batches" "$examples/resnet20_cifar10_reconstruct.toml" \
    --checkpoint "$work/resnet20" --data-dir "$cifar" "${args[@]}"
}

for method in "${methods[@]}"; do
  for b in "${bits[@]}"; do resnet20 "$b" "$method" 2; done
done
# GPTQ draws nothing at random: how many images calibrate is what its result varies with.
for batches in 1 4; do
  for b in "${bits[@]}"; do resnet20 "$b" gptq "$batches"; done
done

declare -A file=([mobilenet_v1]=mobilenet_v1_075_224_imagenet [mobilenet_v2]=mobilenet_v2_100_224_imagenet)
declare -A width=([mobilenet_v1]=0.75 [mobilenet_v2]=1.0)
for network in mobilenet_v2 mobilenet_v1; do
  imported "$network" "${file[$network]}" --config "$examples/${network}_imagenet.toml" --set "model.width=${width[$network]}" \
    "${folders[@]}"
  for config in ptq_minmax ptq_equalized; do
    for method in none gptq rounding_offset; do
      cell "$network-$config-$method" "$examples/$network/$config.toml" --checkpoint "$work/$network" "${folders[@]}" \
        --set "model.width=${width[$network]}" --set quant.granularity=per_channel --set 'quant.weight={bits=4}' \
        --set 'quant.first_layer={weight={bits=8}}' --set 'quant.depthwise={weight={bits=8}}' \
        --set calibration.weights=mse --set calibration.activations=mse --set "calibration.reconstruct=$method"
    done
  done
done

printf '\nResNet-20: float %s %%\n\n| weights/activations |' "$(value top1_float resnet20-w4a8-none-2)"
printf ' %s |' "${methods[@]}"
echo
printf '|---%.0s' "" "${methods[@]}"
echo '|'
for b in "${bits[@]}"; do
  read -r weight activation <<<"$b"
  printf '| %s/%s |' "$weight" "$activation"
  for method in "${methods[@]}"; do printf ' %s |' "$(value top1_quantized "resnet20-w${weight}a$activation-$method-2")"; done
  echo
done
printf '\n| weights/activations | GPTQ, 256 images | 512 | 1024 |\n|---|---|---|---|\n'
for b in "${bits[@]}"; do
  read -r weight activation <<<"$b"
  printf '| %s/%s |' "$weight" "$activation"
  for batches in 1 2 4; do printf ' %s |' "$(value top1_quantized "resnet20-w${weight}a$activation-gptq-$batches")"; done
  echo
done
printf '\n| network | equalized | float | nearest | GPTQ | rounding_offset |\n|---|---|---|---|---|---|\n'
for network in mobilenet_v2 mobilenet_v1; do
  for config in ptq_minmax ptq_equalized; do
    printf '| %s | %s |' "$network" "$([[ $config == ptq_equalized ]] && echo yes || echo no)"
    printf ' %s |' "$(value top1_float "$network-$config-none")" "$(value top1_quantized "$network-$config-none")" \
      "$(value top1_quantized "$network-$config-gptq")" "$(value top1_quantized "$network-$config-rounding_offset")"
    echo
  done
done
