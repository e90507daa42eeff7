#include "shoal/gateway/json/call.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "gateway/json/call_words.hpp"
#include "gateway/json/client.hpp"
#include "gateway/json/resolution.hpp"

namespace shoal::gateway::json {
namespace {

constexpr std::size_t piped_max = 256 * 1024 * 1024;  // of content from a pipe

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Status write_all(int fd, std::span<const std::uint8_t> bytes, const std::string& name) {
    while (!bytes.empty()) {
        const ssize_t put = ::write(fd, bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return system_error("cannot write to " + name, errno);
        }
        bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
}

// Fills the front of `into`; 0 at the end.
Result<std::size_t> read_full(int fd, std::span<std::uint8_t> into, const std::string& name) {
    std::size_t size = 0;
    while (size < into.size()) {
        const ssize_t got = ::read(fd, into.data() + size, into.size() - size);
        if (got < 0 && errno != EINTR) {
            return system_error("cannot read " + name, errno);
        }
        if (got == 0) {
            break;
        }
        size += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    return size;
}

// The content that goes with a request: a file of known size, or what a pipe gave, in memory.
class Input {
  public:
    static Result<Input> open(const std::string& path);
    [[nodiscard]] std::uint64_t size() const { return size_; }
    Status send(Client& client);

  private:
    Status gather();

    std::string name_;
    Fd fd_;
    std::uint64_t size_{0};
    std::vector<std::uint8_t> gathered_;
};

Result<Input> Input::open(const std::string& path) {
    Input input;
    const bool standard = path == "-";
    input.name_ = standard ? "standard input" : "'" + path + "'";
    input.fd_ = Fd(standard ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                            : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (!input.fd_ || ::fstat(input.fd_.get(), &status) != 0) {
        return system_error("cannot open " + input.name_, errno);
    }
    if (S_ISREG(status.st_mode) && ::lseek(input.fd_.get(), 0, SEEK_CUR) == 0) {
        input.size_ = static_cast<std::uint64_t>(status.st_size);
        return input;
    }
    if (Status gathered = input.gather(); !gathered) {
        return gathered.error();
    }
    return input;
}

Status Input::gather() {
    for (;;) {
        const std::size_t held = gathered_.size();
        gathered_.resize(held + content_block_size);
        const auto got = read_full(fd_.get(), std::span(gathered_).subspan(held), name_);
        if (!got) {
            return got.error();
        }
        gathered_.resize(held + *got);
        if (*got < content_block_size) {
            break;
        }
        if (gathered_.size() > piped_max) {
            return Error{ErrorKind::bad_input, name_ + " has over 256 MiB: give a file"};
        }
    }
    fd_.reset();
    size_ = gathered_.size();
    return {};
}

Status Input::send(Client& client) {
    if (!fd_) {
        client.content(gathered_);
        return client.flush();
    }
    std::vector<std::uint8_t> block(content_block_size);
    for (std::uint64_t left = size_; left > 0;) {
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, block.size()));
        const auto got = read_full(fd_.get(), std::span(block).first(wanted), name_);
        if (!got) {
            return got.error();
        }
        if (*got < wanted) {
            return Error{ErrorKind::changed, name_ + " was cut while it was sent"};
        }
        client.content(std::span(block).first(wanted));
        if (Status sent = client.flush(); !sent) {
            return sent;
        }
        left -= wanted;
    }
    return {};
}

// Where the content of replies goes: standard output, or a file that appears when it is whole.
class Output {
  public:
    explicit Output(std::string path) : path_(std::move(path)) {}
    ~Output() {
        if (file_ && !target_.empty()) {
            ::unlink(temporary().c_str());
        }
    }
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    [[nodiscard]] bool is_file() const { return !path_.empty(); }
    // What the content replaces once all of it has come; links are followed, and the mode stays. A
    // device or a pipe is written to.
    Status open();
    Status take(Client& client, std::uint64_t size);

  private:
    [[nodiscard]] std::string temporary() const {
        return target_ + "." + std::to_string(::getpid()) + ".part";
    }
    Status finish();

    std::string path_;    // as given
    std::string target_;  // where its links lead; empty: `file_` is written to as it is
    Fd file_;
};

Status Output::open() {
    struct stat status {};
    const bool there = ::stat(path_.c_str(), &status) == 0;
    if (there && !S_ISREG(status.st_mode)) {
        file_ = Fd(::open(path_.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
        return file_ ? Status{} : system_error("cannot open '" + path_ + "'", errno);
    }
    std::error_code error;
    target_ = std::filesystem::weakly_canonical(path_, error).string();
    if (error) {
        return system_error("cannot follow '" + path_ + "'", error.value());
    }
    file_ = Fd(::open(temporary().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!file_ || (there && ::fchmod(file_.get(), status.st_mode & 07777U) != 0)) {
        return system_error("cannot create '" + temporary() + "'", errno);
    }
    return {};
}

Status Output::take(Client& client, std::uint64_t size) {
    if (is_file()) {
        if (const Status opened = open(); !opened) {
            return opened;
        }
    }
    while (size > 0) {
        const auto bytes = client.next_content(size);
        if (!bytes) {
            return Error{bytes.error().kind,
                         "the content came incomplete: " + bytes.error().message};
        }
        size -= bytes->size();
        const Status written = file_ ? write_all(file_.get(), *bytes, "'" + path_ + "'")
                                     : write_all(STDOUT_FILENO, *bytes, "standard output");
        if (!written) {
            return written;
        }
    }
    return file_ ? finish() : Status{};
}

Status Output::finish() {
    const std::string part = temporary();
    const int error = close_checked(std::move(file_));
    if (error != 0 || (!target_.empty() && ::rename(part.c_str(), target_.c_str()) != 0)) {
        const int why = error != 0 ? error : errno;
        if (!target_.empty()) {
            ::unlink(part.c_str());
        }
        return system_error("cannot write '" + path_ + "'", why);
    }
    return {};
}

// Shows what comes for one request; the exit code of its status.
Result<int> take_reply(Client& client, Output& output) {
    for (;;) {
        const Result<std::string> line = client.next_line();
        if (!line) {
            return line.error();
        }
        const auto head = parse_reply(*line);
        if (!head) {
            return Error{ErrorKind::bad_input, "the gateway's answer cannot be understood"};
        }
        const bool aside = head->has_content && !output.is_file();
        if (Status shown = write_all(aside ? STDERR_FILENO : STDOUT_FILENO, bytes_of(*line + "\n"),
                                     "the terminal");
            !shown) {
            return shown.error();
        }
        if (head->event) {
            continue;
        }
        const int code = exit_code_of(head->status);
        const Status taken =
            head->has_content ? output.take(client, head->content_length) : Status{};
        return taken ? Result<int>(code) : taken.error();
    }
}

Result<int> ask_all(Client& client, const std::vector<std::string>& lines,
                    std::optional<Input>& input, Output& output) {
    int worst = 0;
    for (const std::string& line : lines) {
        client.line(line);
        Status sent = client.flush();
        if (sent && input) {
            sent = input->send(client);
        }
        // A gateway that closes early has said why, perhaps.
        if (!sent && sent.error().kind != ErrorKind::closed) {
            return sent.error();
        }
        const Result<int> code = take_reply(client, output);
        if (!code) {
            return code.error();
        }
        worst = std::max(worst, *code);
    }
    return worst;
}

}  // namespace

Result<int> call(const CallOptions& options, const std::vector<std::string>& words) {
    std::optional<Input> input;
    if (!options.input.empty()) {
        Result<Input> opened = Input::open(options.input);
        if (!opened) {
            return opened.error();
        }
        input = std::move(*opened);
    }
    const auto lines = requests_of(words, input ? std::optional(input->size()) : std::nullopt);
    if (!lines) {
        return lines.error();
    }
    integrity::Secret secret;
    if (!options.secret_file.empty()) {
        Result<integrity::Secret> loaded = integrity::Secret::load(options.secret_file);
        if (!loaded) {
            return loaded.error();
        }
        secret = std::move(*loaded);
    }
    const auto address = net::Address::parse_numeric(options.address, options.port);
    if (!address) {
        return Error{ErrorKind::bad_input, "'" + options.address + "' is not an address"};
    }
    Result<Client> client = Client::connect(*address, secret, options.timeout);
    if (!client) {
        return client.error();
    }
    Output output(options.output);
    return ask_all(*client, *lines, input, output);
}

}  // namespace shoal::gateway::json
