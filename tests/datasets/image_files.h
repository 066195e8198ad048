#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string_view>
#include <vector>

#include "datasets/image.h"

namespace quench::datasets {

/// Decodes a hexadecimal string.
inline std::vector<std::uint8_t> bytes_of(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(16 * digit(hex[i]) + digit(hex[i + 1])));
  }
  return bytes;
}

/// An RGB image as a 24-bit BMP file, which is lossless. `pixels` are H, W, C.
inline std::vector<std::uint8_t> bmp_file(int width, int height,
                                          std::span<const std::uint8_t> pixels) {
  constexpr int kHeader = 54;
  const int row = (3 * width + 3) / 4 * 4;
  std::vector<std::uint8_t> file{'B', 'M'};
  const auto put = [&file](int value, int bytes) {
    for (int i = 0; i < bytes; ++i) file.push_back(static_cast<std::uint8_t>(value >> 8 * i));
  };
  for (const int value : {kHeader + row * height, 0, kHeader, 40, width, height}) put(value, 4);
  put(1, 2);
  put(24, 2);
  for (int i = 0; i < 6; ++i) put(0, 4);
  for (int y = height - 1; y >= 0; --y) {  // from the bottom, blue first
    for (int x = 0; x < width; ++x) {
      for (int c = 2; c >= 0; --c) {
        file.push_back(pixels[static_cast<std::size_t>((y * width + x) * 3 + c)]);
      }
    }
    file.resize(file.size() + static_cast<std::size_t>(row - 3 * width));
  }
  return file;
}

/// Writes the file, and creates its folders.
inline void write_bytes(const std::filesystem::path& path, std::span<const std::uint8_t> bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

}  // namespace quench::datasets
