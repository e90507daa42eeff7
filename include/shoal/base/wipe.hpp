// Secrets in memory: passwords and the lines they came in are overwritten when they have been used,
// and the memory of a process that has any is not written to disk.
#pragma once

#include <string.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace shoal {

// From now on a crash of this process leaves no core behind, and no other process of this user may
// look into it.
void leave_no_core();

// Not optimised away.
inline void wipe(std::span<std::uint8_t> bytes) {
    if (!bytes.empty()) {  // nothing has no address
        ::explicit_bzero(bytes.data(), bytes.size());
    }
}
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
