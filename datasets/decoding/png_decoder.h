#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "datasets/image.h"

namespace quench::datasets {

/// One PNG file under libpng's hands. Objects on different threads do not know of each other.
///
/// Every checksum over pixels is verified: those of the parts that hold them and that of the
/// compressed data. A warning of libpng is an error here. Chunks that do not affect pixels (texts,
/// colour profiles, EXIF) are skipped, damaged or not.
class PngDecoder {
 public:
  /// Reads the header.
  /// @param bytes  of the whole file; have to live as long as the decoder
  /// @throws std::runtime_error  with libpng's reason: damaged, cut short, or not supported
  explicit PngDecoder(std::span<const std::uint8_t> bytes);
  ~PngDecoder();
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;

  ImageSize size() const { return size_; }  ///< both >= 1

  /// The picture as RGB: grey is repeated, alpha dropped, 16 bits cut to their upper 8. May be called
  /// once. @throws std::runtime_error  as the constructor, and std::bad_alloc
  Image decode();

 private:
  struct Session;

  void run(void (*step)(Session&));

  std::unique_ptr<Session> session_;
  ImageSize size_;
};

}  // namespace quench::datasets
