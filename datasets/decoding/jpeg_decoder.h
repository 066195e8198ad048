#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "datasets/image.h"

namespace quench::datasets {

/// One JPEG file under libjpeg's hands, with its defaults (the accurate integer transform, chroma
/// interpolated), so that pixels are those of Pillow and torchvision bit for bit. Objects on
/// different threads do not know of each other.
///
/// A warning of libjpeg about damaged or missing pixels, which it would replace, is an error here; one
/// about metadata is not. More than 100 scans are an error too: each takes as long as a picture, while
/// a few bytes hold one.
class JpegDecoder {
 public:
  /// Reads what stands before the pixels.
  /// @param bytes  of the whole file; have to live as long as the decoder
  /// @throws std::runtime_error  with libjpeg's words: damaged, cut short, or not supported; or four
  ///                             components without Adobe's marker
  explicit JpegDecoder(std::span<const std::uint8_t> bytes);
  ~JpegDecoder();
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  ImageSize size() const { return size_; }  ///< as stored; both >= 1

  /// EXIF's, 1 to 8; 1 is upright, and what a file without it has.
  int orientation() const { return orientation_; }

  /// The picture as RGB, as it is stored: grey is repeated, inks are mixed. May be called once.
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
