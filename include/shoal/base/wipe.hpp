// Overwrites what must not stay in memory: passwords and the lines they came in. Not optimised
// away.
#pragma once

#include <string.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace shoal {

inline void wipe(std::span<std::uint8_t> bytes) { ::explicit_bzero(bytes.data(), bytes.size()); }
// Its short form, too, which lies in the object itself.
inline void wipe(std::string& text) {
    text.resize(text.capacity());
    ::explicit_bzero(text.data(), text.size());
    text.clear();
}

// Text that is wiped when it goes; moved, it leaves no copy behind.
class SecretText {
  public:
    explicit SecretText(std::string_view text) : text_(new std::string(text)) {}
    [[nodiscard]] std::string_view view() const { return text_ ? *text_ : std::string_view(); }

  private:
    struct Wipe {
        void operator()(std::string* text) const {
            wipe(*text);
            delete text;
        }
    };
    std::unique_ptr<std::string, Wipe> text_;
};

}  // namespace shoal
