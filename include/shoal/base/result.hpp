// Result<T>: a value or an Error. The convention of every layer below cli/.
//
// Functions that can fail for reasons outside the program return Result; exceptions are for
// bugs of our own and for exhausted memory, and are caught once, at the top of each thread.
// Libraries that throw (cereal, Boost.Program_options) are wrapped in one file each.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace shoal {

// What a caller may want to tell apart. The text is for people; the kind is for decisions.
enum class ErrorKind {
    bad_input,  // a user's or a peer's words are not acceptable
    not_found,  // the thing named does not exist
    unknown,    // whether it exists cannot be told yet
    forbidden,  // no permission, or the path leaves its root
    exists,     // it is there already, with other content
    changed,    // the file is not what it was when it was hashed
    no_space,   // ENOSPC, EDQUOT
    busy,       // locked by another process, or a limit is reached
    closed,     // the other side went away
    system,     // any other failure of the operating system
};

// An error says what failed, on what, why, and where it helps, what to do.
struct Error {
    ErrorKind kind{ErrorKind::system};
    std::string message;
};

// "cannot open 'x': No space left on device", with the kind that fits `error_number`.
Error system_error(std::string_view what_failed, int error_number);

template <typename T>
class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    [[nodiscard]] bool ok() const { return state_.index() == 0; }
    explicit operator bool() const { return ok(); }

    [[nodiscard]] T& value() & { return std::get<0>(state_); }
    [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
    [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }
    T& operator*() & { return value(); }
    const T& operator*() const& { return value(); }
    T&& operator*() && { return std::move(*this).value(); }
    T* operator->() { return &value(); }
    const T* operator->() const { return &value(); }

    [[nodiscard]] const Error& error() const { return std::get<1>(state_); }

  private:
    std::variant<T, Error> state_;
};

// Success carries nothing.
template <>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;
    Result(Error error) : error_(std::move(error)), ok_(false) {}

    [[nodiscard]] bool ok() const { return ok_; }
    explicit operator bool() const { return ok_; }
    [[nodiscard]] const Error& error() const { return error_; }

  private:
    Error error_;
    bool ok_{true};
};

using Status = Result<void>;

}  // namespace shoal
