#include "shoal/store/safe_path.hpp"

#include "shoal/base/limits.hpp"
#include "shoal/base/text.hpp"

namespace shoal::store {
namespace {

// Why `component` may not be used; nullptr when it may.
const char* fault_of_component(std::string_view component) {
    if (component.empty()) {
        return "it has an empty part (a leading, trailing or doubled '/'); use a relative path "
               "like a/b.txt";
    }
    if (component.front() == '.') {
        return "names that begin with '.' are not shared";
    }
    if (component.size() > limits::path_component_max) {
        return "a name in it is longer than 255 bytes";
    }
    return nullptr;
}

const char* fault_of(std::string_view text) {
    if (text.empty()) {
        return "it is empty";
    }
    if (text.size() > limits::path_max) {
        return "it is longer than 400 bytes";
    }
    if (text.find('\0') != text.npos || text.find('\\') != text.npos) {
        return "it has a NUL or a backslash";
    }
    if (!text::is_utf8(text)) {
        return "it is not UTF-8";
    }
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find('/', begin), text.size());
        if (const char* fault = fault_of_component(text.substr(begin, end - begin))) {
            return fault;
        }
        begin = end + 1;
    }
    return nullptr;
}

Error refusal(std::string_view text, const char* fault) {
    return {ErrorKind::bad_input,
            "bad file name '" + text::escape(text.substr(0, 512)) + "': " + fault};
}

}  // namespace

Result<SafePath> SafePath::parse(std::string_view text) {
    if (const char* fault = fault_of(text)) {
        return refusal(text, fault);
    }
    return SafePath(std::string(text));
}

std::string_view SafePath::folder() const {
    const std::size_t slash = text_.rfind('/');
    return slash == text_.npos ? std::string_view{} : std::string_view(text_).substr(0, slash);
}

std::string_view SafePath::name() const {
    return std::string_view(text_).substr(text_.rfind('/') + 1);  // npos + 1 is 0
}

Status check_beginning(std::string_view text) {
    const std::string_view whole = text.ends_with('/') ? text.substr(0, text.size() - 1) : text;
    const char* fault = text.empty() ? nullptr : fault_of(whole);
    return fault == nullptr ? Status{} : refusal(text, fault);
}

Result<std::string> parse_prefix(std::string_view text) {
    if (text.empty()) {
        return std::string{};
    }
    if (text.back() != '/') {
        return refusal(text, "a folder ends with '/'");
    }
    if (const char* fault = fault_of(text.substr(0, text.size() - 1))) {
        return refusal(text, fault);
    }
    return std::string(text);
}

}  // namespace shoal::store
