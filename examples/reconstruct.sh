#!/usr/bin/env bash
# reconstruct.sh CIFAR WEIGHTS IMAGES [WORK]: prints the tables of examples/results/reconstruction.md.
#   CIFAR    data of CIFAR-10 in the binary version
#   WEIGHTS  holds resnet20_cifar10.safetensors, mobilenet_v1_075_224_imagenet.safetensors and
#            mobilenet_v2_100_224_imagenet.safetensors
#   IMAGES   of ImageNet, a folder per class with a labels.tsv
#   WORK     (default runs/reconstruct) keeps a run folder per cell. Existing ones are not run again, and a killed one
#            is resumed with its next unit.
# $QUENCH is the program (default ./quench), $ITERATIONS those of AdaRound, BRECQ and QDrop (default 500), $ONLY a
# regular expression of the cells to run, $SEEDS draw the calibration images of ResNet-20 (default "1 2 3"; -1: the first ones).
# Every $EVERY-th ImageNet picture calibrates and the others are judged (default 4; empty: every tenth, and all are judged).
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
# shellcheck disable=SC2086  # no argument if empty
picture_folder "$images" "$work" ${EVERY-4}

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
  if [[ ! -e $work/$2/quantize.json ]]; then
    echo "-"
    return
  fi
  sed -n "s/^ *\"$1\": \([0-9.]*\),*\$/\1/p" "$work/$2/quantize.json" | xargs printf '%.2f'
}

imported() { # NAME FILE ARGS...: the run of a network that others trained
  local folder=$work/$1 file=$weights/$2.safetensors
  shift 2
  if [[ ! -e $folder ]]; then "$quench" import "$file" --run "$folder" "$@"; fi
}

bits=("4 8" "3 8" "2 8" "4 4" "2 4")
methods=(none gptq rounding_offset adaround brecq qdrop)
read -ra seeds <<<"${SEEDS:-1 2 3}"
imported resnet20 resnet20_cifar10 --config "$examples/resnet20_cifar10.toml" --data-dir "$cifar"

resnet20() { # "WEIGHT_BITS ACTIVATION_BITS" METHOD SEED: METHOD may be bias, which corrects biases for nearest codes
  local weight activation method=$2 seed=$3
  read -r weight activation <<<"$1"
  local args=(--set "quant.weight.bits=$weight" --set "quant.activation.bits=$activation" --set calibration.batches=2
    --set "calibration.sample_seed=$seed" --set calibration.weights=mse)
  case $method in
    bias) args+=(--set calibration.reconstruct=none --set calibration.bias_correction=empirical) ;;
    *) args+=(--set "calibration.reconstruct=$method") ;;
  esac
  case $method in adaround | brecq | qdrop) args+=(--set "calibration.$method.iterations=$iterations") ;; esac
  if [[ $method == brecq ]]; then args+=(--set "calibration.brecq.step_iterations=$((iterations / 4))"); fi
  cell "resnet20-w${weight}a$activation-$method-$seed" "$examples/resnet20_cifar10_reconstruct.toml" \
    --checkpoint "$work/resnet20" --data-dir "$cifar" "${args[@]}"
}

for method in "${methods[@]}" bias; do
  for b in "${bits[@]}"; do
    for seed in "${seeds[@]}"; do resnet20 "$b" "$method" "$seed"; done
  done
done

declare -A file=([mobilenet_v1]=mobilenet_v1_075_224_imagenet [mobilenet_v2]=mobilenet_v2_100_224_imagenet)
declare -A width=([mobilenet_v1]=0.75 [mobilenet_v2]=1.0)
# mobilenet NETWORK CONFIG LAYERS ACTIVATION_BITS METHOD: weights of 4 bits; LAYERS: keep8, where the first and the depthwise
# layers keep 8 bits, or all4.
mobilenet() {
  local network=$1 config=$2 layers=$3 activation=$4 method=$5
  local args=(--set "model.width=${width[$network]}" --set quant.granularity=per_channel --set 'quant.weight={bits=4}'
    --set "quant.activation.bits=$activation" --set calibration.weights=mse --set calibration.activations=mse
    --set calibration.batches=5 --set "calibration.reconstruct=$method")
  if [[ $layers == keep8 ]]; then
    args+=(--set "quant.first_layer={weight={bits=8}, activation={bits=8}}" --set 'quant.depthwise={weight={bits=8}}')
  fi
  case $method in
    adaround | brecq | qdrop)
      args+=(--set "calibration.$method.iterations=$iterations" --set "calibration.$method.regularization=0.1") ;;
  esac
  if [[ $method == brecq ]]; then args+=(--set "calibration.brecq.step_iterations=$((iterations / 4))"); fi
  cell "$network-$config-$layers-a$activation-$method" "$examples/$network/$config.toml" --checkpoint "$work/$network" \
    "${folders[@]}" "${args[@]}"
}

for network in mobilenet_v2 mobilenet_v1; do
  imported "$network" "${file[$network]}" --config "$examples/${network}_imagenet.toml" --set "model.width=${width[$network]}" \
    "${folders[@]}"
  for method in "${methods[@]}"; do
    for layers in keep8 all4; do mobilenet "$network" ptq_minmax $layers 8 "$method"; done
    mobilenet "$network" ptq_minmax keep8 4 "$method"
  done
  for method in none gptq rounding_offset; do mobilenet "$network" ptq_equalized keep8 8 "$method"; done
done

spread() { # NAME: the mean over the seeds and half the range, of the cells NAME-SEED
  for seed in "${seeds[@]}"; do value top1_quantized "$1-$seed"; done |
    awk '/^[0-9]/ { n++; sum += $1; if (n == 1 || $1 < low) low = $1; if (n == 1 || $1 > high) high = $1 }
         END { if (n == 0) print "-"; else printf "%.2f ± %.2f", sum / n, (high - low) / 2 }'
}

printf '\nResNet-20: float %s %%\n\n| weights/activations |' "$(value top1_float resnet20-w4a8-none-1)"
table=(none bias gptq rounding_offset adaround brecq qdrop)
printf ' %s |' "${table[@]}"
echo
printf '|---%.0s' "" "${table[@]}"
echo '|'
for b in "${bits[@]}"; do
  read -r weight activation <<<"$b"
  printf '| %s/%s |' "$weight" "$activation"
  for method in "${table[@]}"; do printf ' %s |' "$(spread "resnet20-w${weight}a$activation-$method")"; done
  echo
done
printf '\n| network | equalized | first and depthwise layers | activations | float |'
printf ' %s |' "${methods[@]}"
printf '\n|---|---|---|---|---'
printf '|---%.0s' "${methods[@]}"
echo '|'
for network in mobilenet_v2 mobilenet_v1; do
  for row in "ptq_minmax keep8 8" "ptq_minmax all4 8" "ptq_minmax keep8 4" "ptq_equalized keep8 8"; do
    read -r config layers activation <<<"$row"
    printf '| %s | %s | %s | %s | %s |' "$network" "$([[ $config == ptq_equalized ]] && echo yes || echo no)" \
      "$([[ $layers == keep8 ]] && echo 8 || echo 4)" "$activation" "$(value top1_float "$network-$config-$layers-a$activation-none")"
    for method in "${methods[@]}"; do
      printf ' %s |' "$(value top1_quantized "$network-$config-$layers-a$activation-$method")"
    done
    echo
  done
done
