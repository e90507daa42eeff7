#include "shoal/net/hosts_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <set>
#include <utility>

#include "shoal/base/fd.hpp"
#include "shoal/base/limits.hpp"
#include "shoal/base/log.hpp"
#include "shoal/base/text.hpp"

namespace shoal::net {
namespace {

constexpr std::size_t line_max = 4096;
constexpr std::size_t file_max = 4 * limits::MiB;
constexpr std::size_t warnings_max = 20;
constexpr std::string_view blanks = " \t\r\v\f";
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

// Cuts `rest` behind the first of `delimiters` and returns what stood before it.
std::string_view cut(std::string_view& rest, std::string_view delimiters) {
    const std::size_t end = rest.find_first_of(delimiters);
    const std::string_view front = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    return front;
}

class Parser {
  public:
    Parser(std::string_view file_name, std::uint16_t default_port)
        : file_name_(text::escape(file_name)), default_port_(default_port) {}

    // False when no more hosts are taken.
    bool handle_line(std::string_view line) {
        ++line_number_;
        if (line.size() > line_max) {
            warn("the line is longer than 4096 bytes; it is skipped");
            return true;
        }
        line = line.substr(0, line.find('#'));
        while (!line.empty()) {
            const std::string_view word = cut(line, blanks);
            if (!word.empty() && !handle_word(word)) {
                return false;
            }
        }
        return true;
    }

    HostsText finish() {
        if (warnings_left_out_ > 0) {
            result_.warnings.push_back(file_name_ + ": and " + std::to_string(warnings_left_out_) +
                                       " more such warnings");
        }
        return std::move(result_);
    }

  private:
    bool handle_word(std::string_view word) {
        auto name = parse_host_name(word, default_port_);
        if (!name) {
            warn(name.error().message);
        } else if (known_.contains(*name)) {
            return true;
        } else if (known_.size() == limits::hosts_max) {
            warn("more than " + std::to_string(limits::hosts_max) +
                 " hosts; the rest of the file is not used");
            return false;
        } else {
            known_.insert(*name);
            result_.hosts.push_back(*std::move(name));
        }
        return true;
    }

    void warn(const std::string& message) {
        if (result_.warnings.size() < warnings_max) {
            result_.warnings.push_back(file_name_ + ":" + std::to_string(line_number_) + ": " +
                                       message);
        } else {
            ++warnings_left_out_;
        }
    }

    std::string file_name_;
    std::uint16_t default_port_;
    std::size_t line_number_{0};
    std::size_t warnings_left_out_{0};
    std::set<HostName> known_;
    HostsText result_;
};

Error cannot_read(const std::string& path, int error_number) {
    Error error = system_error("cannot read hosts file '" + text::escape(path) + "'", error_number);
    if (error_number == ENOENT) {
        error.message +=
            "; create it with one host or host:port a line, for example 192.0.2.7:8080, or name "
            "another with --hosts";
    }
    return error;
}

// The content, but never more than one byte over the limit.
Result<std::string> read_whole(int fd, const std::string& path) {
    std::string content;
    char buffer[16 * 1024];
    for (;;) {
        const ssize_t got = ::read(fd, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return cannot_read(path, errno);
        }
        content.append(buffer, static_cast<std::size_t>(got));
        if (content.size() > file_max) {
            return Error{ErrorKind::bad_input, "cannot read hosts file '" + text::escape(path) +
                                                   "': it is larger than 4 MiB"};
        }
        if (got == 0) {
            return content;
        }
    }
}

std::int64_t nanoseconds(const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// A file written this recently may change again without a new stamp.
bool is_fresh(const struct stat& info) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return nanoseconds(now) - nanoseconds(info.st_mtim) < 2'000'000'000;
}

}  // namespace

HostsText parse_hosts(std::string_view text, std::string_view file_name,
                      std::uint16_t default_port) {
    if (text.starts_with(byte_order_mark)) {
        text.remove_prefix(byte_order_mark.size());
    }
    Parser parser(file_name, default_port);
    while (!text.empty() && parser.handle_line(cut(text, "\n"))) {
    }
    return parser.finish();
}

HostsFile::HostsFile(std::string path, std::uint16_t default_port)
    : path_(std::move(path)), default_port_(default_port) {}

Result<bool> HostsFile::refresh() {
    Result<bool> changed = read_if_changed();
    if (changed || !loaded_) {
        failing_ = false;
        return changed;
    }
    if (!std::exchange(failing_, true)) {
        log::warning(changed.error().message + "; the " + std::to_string(text_.hosts.size()) +
                     " known hosts stay in use");
    }
    return false;
}

Result<bool> HostsFile::read_if_changed() {
    // O_NONBLOCK: a FIFO under that name must not hang the peer.
    const Fd file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat info {};
    if (!file || ::fstat(file.get(), &info) != 0) {
        return cannot_read(path_, errno);
    }
    if (!S_ISREG(info.st_mode) && !S_ISCHR(info.st_mode)) {  // /dev/null: no hosts
        return Error{ErrorKind::bad_input,
                     "cannot read hosts file '" + text::escape(path_) + "': it is not a file"};
    }
    const Seen now{info.st_ino, info.st_size, nanoseconds(info.st_mtim)};
    if (loaded_ && now == seen_) {
        return false;
    }
    const Result<std::string> content = read_whole(file.get(), path_);
    if (!content) {
        return content.error();
    }
    HostsText read = parse_hosts(*content, path_, default_port_);
    const bool differs = !loaded_ || read != text_;
    text_ = std::move(read);
    loaded_ = true;
    seen_ = is_fresh(info) ? Seen{} : now;
    return differs;
}

}  // namespace shoal::net
