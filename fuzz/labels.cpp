#include <stdexcept>

#include "datasets/image_folder_index.h"
#include "fuzz/target.h"

using namespace quench;
using namespace quench::datasets;

/// labels.tsv of an image folder.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::may_refuse<std::runtime_error>([&] {
    const FolderClasses classes = parse_labels(fuzz::text_of(data, size), "input");
    fuzz::promise(!classes.folders.empty() && classes.folders.size() == classes.names.size());
  });
}
