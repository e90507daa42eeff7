// TempDir: a folder of its own for a test, gone with it.
#pragma once

#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/base/random.hpp"

namespace shoal::test {

class TempDir {
  public:
    explicit TempDir(const std::string& below = std::filesystem::temp_directory_path()) {
        std::string name = below + "/shoal-test-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error("cannot make a folder in " + below);
        }
        path_ = name;
    }
    ~TempDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }
    // The full name of something in it.
    [[nodiscard]] std::string operator/(std::string_view name) const {
        return path_ + "/" + std::string(name);
    }

    // Makes the file and its folders.
    void write(std::string_view name, std::span<const std::uint8_t> bytes) const {
        std::filesystem::create_directories(std::filesystem::path(*this / name).parent_path());
        std::ofstream out(*this / name, std::ios::binary | std::ios::trunc);
        out.write(reinterpret_cast<const char*>(bytes.data()),
                  static_cast<std::streamsize>(bytes.size()));
        out.close();
        if (!out) {
            throw std::runtime_error("cannot write " + (*this / name));
        }
    }
    void write(std::string_view name, std::string_view text) const {
        write(name, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    }
    [[nodiscard]] std::vector<std::uint8_t> read(std::string_view name) const {
        std::ifstream in(*this / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    }
    [[nodiscard]] bool has(std::string_view name) const {
        return std::filesystem::symlink_status(*this / name).type() !=
               std::filesystem::file_type::not_found;
    }

  private:
    std::string path_;
};

// Bytes that are the same for the same seed.
inline std::vector<std::uint8_t> random_content(std::size_t size, std::uint64_t seed) {
    SmallRandom random(seed);
    std::vector<std::uint8_t> bytes(size);
    for (std::uint8_t& byte : bytes) {
        byte = static_cast<std::uint8_t>(random.next());
    }
    return bytes;
}

}  // namespace shoal::test
