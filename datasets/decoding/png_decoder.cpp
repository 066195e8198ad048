#include "datasets/decoding/png_decoder.h"

#include <png.h>

#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <utility>

#include "support/error.h"

namespace quench::datasets {

/// The state of libpng, its callbacks and the steps below.
struct PngDecoder::Session {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::jmp_buf escape{};
  std::array<char, 200> reason{};  ///< the error, or the first warning
  std::span<const std::uint8_t> left;
  std::uint8_t* pixels = nullptr;  ///< [H, W, 3], where read_pixels writes

  explicit Session(std::span<const std::uint8_t> file) : left(file) {}
  ~Session() { png_destroy_read_struct(&png, &info, nullptr); }  // also if they were never created
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  static Session& of(png_structp png) { return *static_cast<Session*>(png_get_error_ptr(png)); }

  void note(const char* message) { std::snprintf(reason.data(), reason.size(), "%s", message); }

  [[noreturn]] static void on_error(png_structp png, png_const_charp message) {
    Session& session = of(png);
    session.note(message);
    std::longjmp(session.escape, 1);
  }

  static void on_warning(png_structp png, png_const_charp message) {
    Session& session = of(png);
    if (session.reason[0] == '\0') session.note(message);
  }

  static void on_read(png_structp png, png_bytep to, std::size_t count) {
    Session& session = *static_cast<Session*>(png_get_io_ptr(png));
    if (count > session.left.size()) png_error(png, "the file is truncated");
    std::memcpy(to, session.left.data(), count);
    session.left = session.left.subspan(count);
  }

  // libpng's functions do not return on failure: on_error jumps from inside them to this function.
  // Destructors in between do not run, so neither this function nor a step may own an object with a
  // destructor. The session keeps the results of a step.
  static bool completes(Session& session, void (*step)(Session&)) {
    if (setjmp(session.escape) != 0) return false;
    step(session);
    return session.reason[0] == '\0';
  }

  static void read_header(Session& session) {
    session.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &session, on_error, on_warning);
    if (session.png != nullptr) session.info = png_create_info_struct(session.png);
    if (session.info == nullptr) return session.note("out of memory");
    png_structp png = session.png;
    png_set_read_fn(png, &session, on_read);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // the caller has its own limits
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_QUIET_USE);
    png_set_benign_errors(png, 0);
    png_read_info(png, session.info);
  }

  static void read_pixels(Session& session) {
    png_structp png = session.png;
    png_set_expand(png);
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    png_set_gray_to_rgb(png);
    const int passes = png_set_interlace_handling(png);
    png_read_update_info(png, session.info);
    const png_uint_32 height = png_get_image_height(png, session.info);
    const std::size_t row = std::size_t{png_get_image_width(png, session.info)} * Image::kChannels;
    if (png_get_rowbytes(png, session.info) != row) png_error(png, "rows of unexpected length");
    for (int pass = 0; pass < passes; ++pass) {
      for (png_uint_32 y = 0; y < height; ++y) png_read_row(png, session.pixels + y * row, nullptr);
    }
    png_read_end(png, nullptr);
  }
};

PngDecoder::PngDecoder(std::span<const std::uint8_t> bytes)
    : session_(std::make_unique<Session>(bytes)) {
  run(Session::read_header);
  const auto [png, info] = std::pair(session_->png, session_->info);
  size_ = {static_cast<int>(png_get_image_width(png, info)),
           static_cast<int>(png_get_image_height(png, info))};
}

PngDecoder::~PngDecoder() = default;

void PngDecoder::run(void (*step)(Session&)) {
  if (!Session::completes(*session_, step))
    fail("damaged or not supported ({})", session_->reason.data());
}

Image PngDecoder::decode() {
  Image image{.width = size_.width, .height = size_.height, .pixels = {}};
  const auto pixels = std::make_shared_for_overwrite<std::uint8_t[]>(image.bytes());
  session_->pixels = pixels.get();
  run(Session::read_pixels);
  image.pixels = pixels;
  return image;
}

}  // namespace quench::datasets
