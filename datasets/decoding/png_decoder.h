#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "datasets/image.h"

namespace quench::datasets {

/// Decodes one PNG file with libpng. Objects on different threads are independent.
///
/// Every checksum over pixels is verified: those of the chunks and that of the compressed data.
/// libpng's warnings are errors here. Chunks that do not affect pixels (text, colour profiles,
/// EXIF) are skipped, damaged or not.
class PngDecoder {
 public:
  /// Reads the header.
  /// @param bytes  of the whole file; must outlive the decoder
  /// @throws std::runtime_error  with libpng's reason: damaged, truncated, or not supported
  explicit PngDecoder(std::span<const std::uint8_t> bytes);
  ~PngDecoder();
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;

  ImageSize size() const { return size_; }  ///< both >= 1

  /// The image as RGB: grey is replicated, alpha dropped, 16 bits reduced to the upper 8. May be
  /// called once. @throws std::runtime_error  as the constructor, and std::bad_alloc
  Image decode();

 private:
  struct Session;

  void run(void (*step)(Session&));

  std::unique_ptr<Session> session_;
  ImageSize size_;
};

}  // namespace quench::datasets
