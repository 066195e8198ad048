#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "datasets/image.h"

namespace quench::datasets {

/// Decodes one JPEG file with libjpeg's defaults (accurate integer transform, interpolated chroma),
/// so pixels match Pillow and torchvision bit for bit. Objects on different threads are
/// independent.
///
/// libjpeg's warnings about damaged or missing pixels, which it would fill in, are errors here; its
/// warnings about metadata are not. More than 100 scans are also an error: a scan takes only a few
/// bytes, but as long as a full image.
class JpegDecoder {
 public:
  /// Reads the header.
  /// @param bytes  of the whole file; must outlive the decoder
  /// @throws std::runtime_error  with libjpeg's message: damaged, truncated, or not supported; or
  ///                             for four components without Adobe's marker
  explicit JpegDecoder(std::span<const std::uint8_t> bytes);
  ~JpegDecoder();
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  ImageSize size() const { return size_; }  ///< as stored; both >= 1

  /// EXIF orientation, 1 to 8; 1 (upright) if the file has none.
  int orientation() const { return orientation_; }

  /// The image as RGB, without rotation: grey is replicated, inks are mixed. May be called once.
  /// @throws std::runtime_error  as the constructor, and std::bad_alloc
  Image decode();

 private:
  struct Session;

  void run(void (*step)(Session&));

  std::unique_ptr<Session> session_;
  ImageSize size_;
  int orientation_ = 1;
};

}  // namespace quench::datasets
