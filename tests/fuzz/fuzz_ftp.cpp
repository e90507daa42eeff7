// What an FTP client may send: bytes through the LineDecoder into a session whose host answers at
// once. Whatever comes in, each reply is a reply, no name leaves the root, and nobody is dialled
// but the client.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "gateway/ftp/line_decoder.hpp"
#include "gateway/ftp/session.hpp"
#include "shoal/base/text.hpp"

namespace {

using namespace shoal;
using namespace shoal::gateway::ftp;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void check_name(const std::string& name) {
    const std::string framed = "/" + name + "/";
    require(framed.find("/../") == framed.npos && framed.find("/./") == framed.npos);
    require(name.empty() || framed.find("//") == framed.npos);
}

void check_line(std::string_view line) {
    require(line.size() >= 2 && text::escape(line) == line);
    const bool inner = line[0] == ' ' || line[0] == '-' || line[0] == 'd';  // of STAT: a listing
    require(inner || (line.size() > 3 && line.find_first_not_of("0123456789") == 3 &&
                      (line[3] == ' ' || line[3] == '-')));
}

class Host final : public SessionHost {
  public:
    void send(std::string_view replies) override { output += replies; }
    void close() override { closed = true; }
    void check_password(std::string, SecretText password) override {
        const Rights rights = password.view() == "w" ? Rights::write : Rights::none;
        later([this, rights] { session.handle_login({rights, false}); });
    }
    [[nodiscard]] std::uint32_t network_size() const override { return 1; }
    [[nodiscard]] std::int64_t now() const override { return 0; }
    std::string unique_suffix() override { return "0"; }
    void lookup(const std::string& name, Where) override {
        check_name(name);
        later([this, name] { session.handle_entry(entry_of(name)); });
    }
    void browse(const std::string& name) override {
        check_name(name);
        later([this] {
            auto view = std::make_shared<peer::FolderView>();
            view->entries.resize(3);
            view->entries[1].name = "x\r\n226 y";
            session.handle_view(peer::FolderViewPtr(view));
        });
    }
    void change(Change change) override {
        check_name(change.name);
        check_name(change.to);
        later([this] { session.handle_changed({}); });
    }
    void hash(const std::string&) override {
        later([this] { session.handle_hash(std::string("00")); });
    }
    void drop_questions() override { questions.clear(); }
    [[nodiscard]] net::Address control_peer() const override { return own; }
    [[nodiscard]] net::Address control_local() const override { return own; }
    Result<net::Address> listen() override { return own; }
    void connect(const net::Address& address) override {
        require(address.with_port(0) == own.with_port(0) && address.port() >= 1024);
        later([this] { session.handle_data({}); });
    }
    void drop_data() override {}
    void open_file(const std::string& name, std::uint64_t) override {
        check_name(name);
        later([this, name] { session.handle_opened(entry_of(name)); });
    }
    void open_upload(StoreOrder order) override {
        check_name(order.name);
        later([this] { session.handle_stored({}); });
    }
    void open_listing(Listing listing) override {
        std::string all;
        listing.fill(all, SIZE_MAX);
    }
    void start_transfer(bool) override {
        later([this] { session.handle_transfer_end({}); });
    }
    bool abort_transfer() override {
        questions.clear();
        return true;
    }

    void settle() {
        while (!questions.empty()) {
            const auto question = std::move(questions.front());
            questions.pop_front();
            question();
            session.handle_sent();
        }
    }

    const net::Address own = *net::Address::parse_numeric("127.0.0.1", 4000);
    SessionRules rules;
    Session session{rules, *this};
    std::string output;
    bool closed{false};

  private:
    void later(std::function<void()> answer) { questions.push_back(std::move(answer)); }
    static Result<peer::TreeEntry> entry_of(const std::string& name) {
        peer::TreeEntry entry;
        entry.size = name.size();
        entry.folder = name.ends_with('d');
        entry.shared = true;
        return name.ends_with('?') ? Result<peer::TreeEntry>(Error{ErrorKind::not_found, name})
                                   : Result<peer::TreeEntry>(entry);
    }

    std::deque<std::function<void()>> questions;
};

void check_output(std::string& output) {
    for (std::size_t at = 0; at < output.size();) {
        const std::size_t end = output.find("\r\n", at);
        require(end != output.npos);
        check_line(std::string_view(output).substr(at, end - at));
        at = end + 2;
    }
    output.clear();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Host host;
    LineDecoder decoder;
    host.session.greet();
    for (std::size_t at = 0; at < size && !host.closed;) {
        const std::size_t step = std::min<std::size_t>(1 + data[at] % 61, size - at);
        std::vector<LineDecoder::Line> lines;
        decoder.feed({data + at, step}, lines);
        for (const LineDecoder::Line& line : lines) {
            require(line.text.size() <= LineDecoder::line_max);
            line.too_long ? host.session.handle_line_too_long()
                          : host.session.handle_line(line.text);
            if ((data[at] & 1U) == 0) {
                host.settle();
            }
        }
        at += step;
    }
    host.settle();
    require(host.closed || !host.session.busy());
    check_output(host.output);
    static_cast<void>(
        parse_users({reinterpret_cast<const char*>(data), std::min<std::size_t>(size, 4096)}, "u"));
    return 0;
}
