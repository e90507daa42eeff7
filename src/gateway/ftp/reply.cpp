#include "gateway/ftp/reply.hpp"

#include "shoal/base/text.hpp"

namespace shoal::gateway::ftp {

std::string reply(int code, std::string_view text) {
    return std::to_string(code) + " " + text::escape(text) + "\r\n";
}

std::string reply(int code, std::string_view first, const std::vector<std::string>& lines,
                  std::string_view last) {
    std::string text = std::to_string(code) + "-" + text::escape(first) + "\r\n";
    for (const std::string& line : lines) {
        text += " " + text::escape(line) + "\r\n";
    }
    return text + reply(code, last);
}

int code_of(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::unknown:
        case ErrorKind::busy:
        case ErrorKind::closed:
            return 450;
        case ErrorKind::changed:
        case ErrorKind::system:
            return 451;
        case ErrorKind::no_space:
            return 452;
        case ErrorKind::bad_input:
        case ErrorKind::not_found:
        case ErrorKind::forbidden:
        case ErrorKind::exists:
            return 550;
    }
    return 451;
}

}  // namespace shoal::gateway::ftp
