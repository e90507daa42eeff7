// PlayedFtpHost: the surroundings of an FTP session, played by a test. Questions are answered from
// a small tree as soon as the test says so, or at once.
#pragma once

#include <catch2/catch.hpp>
#include <deque>
#include <functional>
#include <map>
#include <string>

#include "gateway/ftp/session.hpp"

namespace shoal::test {

using namespace gateway::ftp;

class PlayedFtpHost final : public SessionHost {
  public:
    PlayedFtpHost() { add_folder(""); }

    // The tree.
    void add_file(const std::string& name, std::uint64_t size, bool shared = true) {
        peer::TreeEntry entry;
        entry.name = name.substr(name.rfind('/') + 1);
        entry.size = size;
        entry.mtime = 1'600'000'000;
        entry.root = std::string(64, 'a');
        entry.shared = shared;
        tree[name] = entry;
    }
    void add_folder(const std::string& name) {
        peer::TreeEntry entry;
        entry.name = name.substr(name.rfind('/') + 1);
        entry.folder = true;
        tree[name] = entry;
    }

    // A line goes in; what comes out, without CR LF between lines ("|" instead).
    std::string operator()(std::string_view line) {
        session.handle_line(line);
        answer_all();
        return said();
    }
    std::string said() {
        std::string text = std::exchange(output, {});
        REQUIRE((text.empty() || text.ends_with("\r\n")));
        std::string flat;
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = text.find("\r\n", at);
            flat += (flat.empty() ? "" : "|") + text.substr(at, end - at);
            at = end + 2;
        }
        return flat;
    }
    void log_in(Rights rights = Rights::write) {
        password_rights = rights;
        (*this)("USER joe");
        REQUIRE((*this)("PASS secret") == "230 Login successful.");
        (*this)("TYPE I");
    }
    // Answers what was asked, and what is asked thereupon.
    void answer_all() {
        while (answering && !questions.empty()) {
            const auto question = std::move(questions.front());
            questions.pop_front();
            question();
        }
    }
    void passive() {
        REQUIRE((*this)("EPSV").starts_with("229 "));
        session.handle_data({});
    }
    std::string end(TransferEnd::Kind kind = TransferEnd::Kind::complete, Error error = {}) {
        started = false;
        session.handle_transfer_end({kind, std::move(error)});
        answer_all();
        return said();
    }

    // SessionHost.
    void send(std::string_view replies) override { output += replies; }
    void close() override { closed = true; }
    void check_password(std::string user, SecretText password) override {
        checked = user + "/" + std::string(password.view());
        questions.push_back([this] { session.handle_login({password_rights, overloaded}); });
    }
    [[nodiscard]] std::uint32_t network_size() const override { return 3; }
    [[nodiscard]] std::int64_t now() const override { return 1'600'001'000; }
    std::string unique_suffix() override { return "0a1b"; }
    // In the swarm `doubtful` names are not known; on the disk there is what is shared, and
    // folders.
    void lookup(const std::string& name, Where where) override {
        looked_up.emplace_back(name, where);
        questions.push_back([this, name, where] {
            const auto found = tree.find(name);
            const bool there =
                found != tree.end() &&
                (where != Where::here || found->second.shared || found->second.folder);
            if (!there && where != Where::here && !doubts.empty()) {
                return session.handle_entry(Error{ErrorKind::unknown, doubts});
            }
            session.handle_entry(there ? Result<peer::TreeEntry>(found->second) : missing(name));
        });
    }
    void browse(const std::string& name) override {
        questions.push_back([this, name] { session.handle_view(view_of(name)); });
    }
    void change(Change asked) override {
        changes.push_back(asked);
        questions.push_back([this] { session.handle_changed(change_result); });
    }
    void hash(const std::string&) override {
        questions.push_back([this] { session.handle_hash(std::string("beef")); });
    }
    void drop_questions() override { questions.clear(); }
    [[nodiscard]] net::Address control_peer() const override { return peer_address; }
    [[nodiscard]] net::Address control_local() const override { return local_address; }
    Result<net::Address> listen() override { return local_address.with_port(50001); }
    void connect(const net::Address& address) override {
        dialled.push_back(address.to_string());
        questions.push_back([this] { session.handle_data(connect_result); });
    }
    void drop_data() override { ++dropped; }
    void open_file(const std::string& name, std::uint64_t offset) override {
        opened = name + "@" + std::to_string(offset);
        questions.push_back([this, name] {
            const auto found = tree.find(name);
            session.handle_opened(found == tree.end() ? Result<peer::TreeEntry>(missing(name))
                                                      : found->second);
        });
    }
    void open_upload(StoreOrder order) override {
        stored = order;
        questions.push_back([this] { session.handle_stored(store_result); });
    }
    void open_listing(Listing asked) override {
        listing.clear();
        asked.fill(listing, SIZE_MAX);
    }
    void start_transfer(bool as_text) override {
        started = true;
        ascii = as_text;
    }
    bool abort_transfer() override {
        started = started && !abortable;
        return abortable;
    }

    static Error missing(const std::string& name) {
        return {ErrorKind::not_found, "No host has '" + name + "'."};
    }
    [[nodiscard]] peer::FolderViewPtr view_of(const std::string& folder) const {
        auto view = std::make_shared<peer::FolderView>();
        view->folder = folder;
        view->complete = doubts.empty();
        view->doubts = doubts;
        view->truncated = truncated;
        const std::string above = folder.empty() ? "" : folder + "/";
        for (const auto& [name, entry] : tree) {
            if (!name.empty() && name == above + entry.name) {
                view->entries.push_back(entry);
            }
        }
        return view;
    }

    SessionRules rules;
    Session session{rules, *this};
    std::map<std::string, peer::TreeEntry> tree;
    std::deque<std::function<void()>> questions;
    std::vector<std::pair<std::string, Where>> looked_up;
    std::string doubts;
    bool truncated{false};
    bool answering{true};
    Rights password_rights{Rights::none};
    bool overloaded{false};
    Status change_result;
    Status connect_result;
    Status store_result;
    bool abortable{true};
    net::Address peer_address = *net::Address::parse_numeric("192.0.2.7", 40000);
    net::Address local_address = *net::Address::parse_numeric("192.0.2.1", 2121);

    std::string output;
    std::string checked;
    std::string opened;
    std::string listing;
    StoreOrder stored;
    std::vector<Change> changes;
    std::vector<std::string> dialled;
    int dropped{0};
    bool started{false};
    bool ascii{false};
    bool closed{false};
};

}  // namespace shoal::test
