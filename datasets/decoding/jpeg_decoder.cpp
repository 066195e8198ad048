#include "datasets/decoding/jpeg_decoder.h"

// clang-format off: jpeglib.h uses FILE and size_t, jerror.h uses jpeglib.h, and neither includes them.
#include <jerror.h>
#include <jpeglib.h>

#include <cstdio>
// clang-format on

#include <array>
#include <csetjmp>
#include <string_view>

#include "datasets/decoding/exif.h"
#include "support/error.h"

namespace quench::datasets {
namespace {

constexpr int kApp1 = JPEG_APP0 + 1;
constexpr int kMostScans = 100;  // libjpeg's own script for progressive files has 10
constexpr JDIMENSION kInks = 4;

/// Adobe stores the light that an ink transmits, so the colour is a product.
std::uint8_t light_through(unsigned ink, unsigned black) {
  return static_cast<std::uint8_t>((ink * black + 127) / 255);
}

void mix_inks(const std::uint8_t* inks, JDIMENSION width, std::uint8_t* rgb) {
  for (JDIMENSION x = 0; x < width; ++x, inks += kInks, rgb += Image::kChannels) {
    for (int c = 0; c < Image::kChannels; ++c) rgb[c] = light_through(inks[c], inks[3]);
  }
}

int orientation_of(const jpeg_marker_struct* marker) {
  using std::literals::string_view_literals::operator""sv;
  constexpr auto kExif = "Exif\0\0"sv;
  for (; marker != nullptr; marker = marker->next) {
    const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (data.starts_with(kExif))
      return exif_orientation(std::span(marker->data, marker->data_length).subspan(kExif.size()));
  }
  return 1;
}

}  // namespace

/// The state of libjpeg, its callbacks and the steps below.
struct JpegDecoder::Session {
  jpeg_decompress_struct libjpeg{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf escape{};
  std::array<char, JMSG_LENGTH_MAX> reason{};
  std::span<const std::uint8_t> bytes;
  std::uint8_t* pixels = nullptr;  ///< [H, W, 3], where read_pixels writes

  explicit Session(std::span<const std::uint8_t> file) : bytes(file) {
    libjpeg.err = jpeg_std_error(&errors);
    libjpeg.client_data = this;
    errors.error_exit = on_error;
    errors.emit_message = on_message;
    progress.progress_monitor = on_progress;
  }
  ~Session() { jpeg_destroy_decompress(&libjpeg); }  // also if it was never created
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  static Session& of(j_common_ptr common) { return *static_cast<Session*>(common->client_data); }

  [[noreturn]] static void on_error(j_common_ptr common) {
    Session& session = of(common);
    session.errors.format_message(common, session.reason.data());
    std::longjmp(session.escape, 1);
  }

  /// Warnings have a negative level; other messages are progress reports of libjpeg.
  static void on_message(j_common_ptr common, int level) {
    if (level < 0 && !of(common).leaves_pixels_alone()) on_error(common);
  }

  /// Whether the current warning only concerns metadata: an unknown version of the file format, an
  /// unknown code in Adobe's marker (every reader then assumes the usual colours), or extra bytes
  /// between the parts of the header, as a damaged EXIF block leaves them. Within image data, extra
  /// bytes mean that some data was misread.
  bool leaves_pixels_alone() const {
    const bool in_header = libjpeg.input_scan_number == 0;
    return errors.msg_code == JWRN_JFIF_MAJOR || errors.msg_code == JWRN_ADOBE_XFORM ||
           (errors.msg_code == JWRN_EXTRANEOUS_DATA && in_header);
  }

  static void on_progress(j_common_ptr common) {
    Session& session = of(common);
    if (session.libjpeg.input_scan_number <= kMostScans) return;
    std::snprintf(session.reason.data(), session.reason.size(), "more than %d scans", kMostScans);
    std::longjmp(session.escape, 1);
  }

  // libjpeg's functions do not return on failure: a callback jumps from inside them to this
  // function. Destructors in between do not run, so neither this function nor a step may own an
  // object with a destructor. The session keeps the results of a step.
  static bool completes(Session& session, void (*step)(Session&)) {
    if (setjmp(session.escape) != 0) return false;
    step(session);
    return true;
  }

  static void read_header(Session& session) {
    jpeg_decompress_struct& libjpeg = session.libjpeg;
    jpeg_create_decompress(&libjpeg);
    libjpeg.progress = &session.progress;
    jpeg_mem_src(&libjpeg, session.bytes.data(), session.bytes.size());
    jpeg_save_markers(&libjpeg, kApp1, 0xffff);
    jpeg_read_header(&libjpeg, TRUE);
    libjpeg.out_color_space = libjpeg.num_components == 4 ? JCS_CMYK : JCS_RGB;
  }

  // libjpeg allocates at most 2 bytes per sample of at most four components, so the size that the
  // caller has checked limits it.
  static void read_pixels(Session& session) {
    jpeg_decompress_struct& libjpeg = session.libjpeg;
    jpeg_start_decompress(&libjpeg);
    const JDIMENSION width = libjpeg.output_width;
    const bool has_inks = libjpeg.out_color_space == JCS_CMYK;
    JSAMPROW inks = nullptr;
    if (has_inks) {
      inks = *libjpeg.mem->alloc_sarray(reinterpret_cast<j_common_ptr>(&libjpeg), JPOOL_IMAGE,
                                        width * kInks, 1);
    }
    std::uint8_t* rgb = session.pixels;
    while (libjpeg.output_scanline < libjpeg.output_height) {
      JSAMPROW row = has_inks ? inks : rgb;
      jpeg_read_scanlines(&libjpeg, &row, 1);
      if (has_inks) mix_inks(inks, width, rgb);
      rgb += std::size_t{width} * Image::kChannels;
    }
    jpeg_finish_decompress(&libjpeg);  // continues to the end-of-image marker
  }
};

JpegDecoder::JpegDecoder(std::span<const std::uint8_t> bytes)
    : session_(std::make_unique<Session>(bytes)) {
  run(Session::read_header);
  const jpeg_decompress_struct& libjpeg = session_->libjpeg;
  if (libjpeg.num_components == 4 && !libjpeg.saw_Adobe_marker) {
    fail(
        "a JPEG with four components without Adobe's marker, so its colours are undefined; "
        "convert it to RGB");
  }
  size_ = {static_cast<int>(libjpeg.image_width), static_cast<int>(libjpeg.image_height)};
  orientation_ = orientation_of(libjpeg.marker_list);
}

JpegDecoder::~JpegDecoder() = default;

void JpegDecoder::run(void (*step)(Session&)) {
  if (!Session::completes(*session_, step))
    fail("damaged or not supported ({})", session_->reason.data());
}

Image JpegDecoder::decode() {
  Image image{.width = size_.width, .height = size_.height, .pixels = {}};
  const auto pixels = std::make_shared_for_overwrite<std::uint8_t[]>(image.bytes());
  session_->pixels = pixels.get();
  run(Session::read_pixels);
  image.pixels = pixels;
  return image;
}

}  // namespace quench::datasets
