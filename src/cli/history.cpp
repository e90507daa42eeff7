#include "history.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "shoal/base/fd.hpp"
#include "shoal/base/text.hpp"

namespace shoal::cli {
namespace {

constexpr off_t bytes_max = 256 * 1024;  // read of the file; it is cut at four times as much

bool write_lines(const std::string& path, int flags, std::string_view bytes) {
    const Fd file(::open(path.c_str(),
                         flags | O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    return file &&
           ::write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
}

std::string read_end(int fd, off_t size) {
    std::string bytes;
    off_t at = size > bytes_max ? size - bytes_max : 0;
    std::array<char, 4096> block{};
    ssize_t got = 0;
    while ((got = ::pread(fd, block.data(), block.size(), at)) > 0) {
        bytes.append(block.data(), static_cast<std::size_t>(got));
        at += got;
    }
    return size > bytes_max ? bytes.substr(bytes.find('\n') + 1) : bytes;
}

void cut(const std::string& path, const std::string& bytes) {
    const std::string fresh = path + ".new";
    if (write_lines(fresh, O_TRUNC, bytes)) {
        std::rename(fresh.c_str(), path.c_str());
    }
}

}  // namespace

bool History::add(std::string_view line) {
    leave();
    if (line.empty() || (!lines_.empty() && lines_.back() == line)) {
        return false;
    }
    lines_.emplace_back(line);
    if (lines_.size() > lines_max) {
        lines_.pop_front();
    }
    return true;
}

std::optional<std::string> History::older(std::string_view draft) {
    const std::size_t from = position_.value_or(lines_.size());
    if (from == 0) {
        return std::nullopt;
    }
    if (!position_) {
        draft_ = draft;
    }
    position_ = from - 1;
    return lines_[*position_];
}

std::optional<std::string> History::newer() {
    if (!position_) {
        return std::nullopt;
    }
    if (*position_ + 1 < lines_.size()) {
        return lines_[++*position_];
    }
    position_.reset();
    return draft_;
}

void History::leave() { position_.reset(); }

std::optional<std::size_t> History::search(std::string_view part, std::size_t before) const {
    for (std::size_t i = std::min(before, lines_.size()); i-- > 0;) {
        if (lines_[i].find(part) != std::string::npos) {
            return i;
        }
    }
    return std::nullopt;
}

Status load_history(History& history, const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file) {
        return errno == ENOENT ? Status{}
                               : system_error("cannot read the history '" + path + "'", errno);
    }
    struct stat info {};
    if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
        return Error{ErrorKind::system, "the history '" + path + "' is not a plain file"};
    }
    const std::string bytes = read_end(file.get(), info.st_size);
    for (std::size_t start = 0; start < bytes.size();) {
        const std::size_t end = std::min(bytes.find('\n', start), bytes.size());
        const std::string_view line = std::string_view(bytes).substr(start, end - start);
        if (text::is_utf8(line)) {
            history.add(line);
        }
        start = end + 1;
    }
    if (info.st_size > 4 * bytes_max) {
        cut(path, bytes);
    }
    return {};
}

Status append_history(const std::string& path, const std::string& line) {
    if (line.find('\n') != line.npos) {  // a name that Tab completed: it would be read as two
        return {};
    }
    if (!write_lines(path, O_APPEND, line + "\n")) {
        return system_error("cannot write the history '" + path + "'", errno);
    }
    return {};
}

}  // namespace shoal::cli
