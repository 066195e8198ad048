#!/usr/bin/env bash
# Downloads the binary version of CIFAR-10 (Krizhevsky 2009, 162 MB), checks it and unpacks it.
#
#   examples/get_cifar10.sh [FOLDER]     FOLDER is "data" unless given
#
# Afterwards: quench train ... --data-dir FOLDER
set -euo pipefail

url=https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz
md5=c32a1d4ab5d03f1284b67883e8d87530  # as published next to the download

die() {
  echo "get_cifar10: $*" >&2
  exit 1
}

download() {  # download URL FILE
  if command -v curl >/dev/null; then
    curl --fail --location --retry 3 --output "$2" "$1"
  elif command -v wget >/dev/null; then
    wget --tries=3 --output-document="$2" "$1"
  else
    die "expected curl or wget, found neither; install one of them"
  fi
}

if [ $# -gt 1 ] || [[ "${1:-}" == -* ]]; then
  die "expected one folder at most: examples/get_cifar10.sh [FOLDER]"
fi
folder=${1:-data}
unpacked=$folder/cifar-10-batches-bin
archive=$folder/cifar-10-binary.tar.gz

if [ -f "$unpacked/test_batch.bin" ]; then
  echo "get_cifar10: $unpacked already exists"
  exit 0
fi

mkdir -p "$folder" || die "cannot create the folder $folder"
if [ ! -f "$archive" ]; then
  # Uses another name until the download is complete, so that an interrupted one is not mistaken for the archive.
  download "$url" "$archive.part" || die "could not download $url"
  mv "$archive.part" "$archive"
fi

actual=$(md5sum "$archive" | cut -d ' ' -f 1)
if [ "$actual" != "$md5" ]; then
  die "$archive: expected MD5 $md5, got $actual; remove the file and run this again"
fi

# Unpacks to a temporary folder first, so that an existing folder is always complete.
staging=$(mktemp -d "$folder/unpack.XXXXXX")
trap 'rm -rf "$staging"' EXIT
tar -xzf "$archive" -C "$staging" || die "could not unpack $archive"
mv "$staging/cifar-10-batches-bin" "$unpacked"
rm "$archive"
echo "get_cifar10: CIFAR-10 is in $unpacked; pass --data-dir $folder"
