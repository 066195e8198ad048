#pragma once

#include <cstdint>
#include <span>

namespace quench::datasets {

/// What the markers of a JPEG file say beside the pixels.
struct JpegHeader {
  int components = 0;        ///< of the frame: 1, 3 or 4; 0 if there is no frame
  bool has_adobe = false;    ///< an Adobe marker, which tells how four components are meant
  int orientation = 1;       ///< EXIF, 1 to 8; 1 is upright, and what a file without it has
  bool is_complete = false;  ///< the end-of-image marker was found
};

/// Reads the markers of `bytes`; never fails: what is damaged or absent is left at its default.
JpegHeader read_jpeg_header(std::span<const std::uint8_t> bytes);

}  // namespace quench::datasets
