// What a session asks of its surroundings, and the answers' way back.
#include <array>
#include <chrono>
#include <utility>

#include "gateway/ftp/client.hpp"
#include "shoal/base/text.hpp"
#include "shoal/net/socket.hpp"

namespace shoal::gateway::ftp {

void Client::check_password(std::string user, SecretText password) {
    worker_.shared().verifier->post(
        LoginAttempt{&worker_.mailbox(), id_, ask(), block_, std::move(user), std::move(password)});
}

std::uint32_t Client::network_size() const { return worker_.shared().api->hosts_connected() + 1; }

std::int64_t Client::now() const {
    using namespace std::chrono;
    return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

std::string Client::unique_suffix() {
    std::array<std::uint8_t, 4> bytes{};
    random_bytes(bytes);
    return text::hex(bytes);
}

void Client::lookup(const std::string& name, Where where) {
    peer::GatewayApi& api = *worker_.shared().api;
    auto answer = answer_to<peer::TreeEntry>(ask());
    switch (where) {
        case Where::tree:
            return api.lookup(name, std::move(answer));
        case Where::hashed:
            return api.lookup_hashed(name, std::move(answer));
        case Where::here:
            return api.lookup_here(name, std::move(answer));
    }
}

void Client::browse(const std::string& name) {
    worker_.shared().api->browse(name, answer_to<peer::FolderViewPtr>(ask()));
}

void Client::change(Change change) {
    peer::GatewayApi& api = *worker_.shared().api;
    auto answer = answer_to<void>(ask());
    switch (change.kind) {
        case Change::Kind::remove:
            api.remove(std::move(change.name), std::move(answer));
            break;
        case Change::Kind::make_folder:
            api.make_folder(std::move(change.name), std::move(answer));
            break;
        case Change::Kind::remove_folder:
            api.remove_folder(std::move(change.name), std::move(answer));
            break;
        case Change::Kind::rename:
            api.rename(std::move(change.name), std::move(change.to), true, std::move(answer));
            break;
        case Change::Kind::set_mtime:
            api.set_mtime(std::move(change.name), change.mtime, std::move(answer));
            break;
    }
}

void Client::hash(const std::string& name) {
    ticket_ = worker_.shared().api->sha256(name, 0, UINT64_MAX, answer_to<std::string>(ask()));
}

void Client::drop_questions() {
    asking_ = false;
    ticket_.reset();
    transfer_.reset();
}

net::Address Client::control_peer() const { return net::peer_address(control_.get()); }
net::Address Client::control_local() const { return net::local_address(control_.get()); }

void Client::open_file(const std::string& name, std::uint64_t offset) {
    transfer_ = std::make_unique<Transfer>();
    transfer_->offset = offset;
    transfer_->question = ask();
    auto news = [&box = worker_.mailbox(), client = id_, question = asked_] {
        box.post(News{client, question});
    };
    worker_.shared().api->open({name, {}, offset}, std::move(news),
                               answer_to<peer::ReadStreamPtr>(asked_));
}

void Client::open_upload(StoreOrder order) {
    transfer_ = std::make_unique<Transfer>();
    transfer_->question = ask();
    peer::UploadOrder upload{order.name, order.keep};
    transfer_->order = std::move(order);
    worker_.shared().api->upload(std::move(upload), answer_to<peer::UploadPtr>(asked_));
}

void Client::open_listing(Listing listing) {
    transfer_ = std::make_unique<Transfer>();
    transfer_->mover = make_listing_mover(std::move(listing));
}

// Answers -----------------------------------------------------------------------------------------

void Client::handle_answer(Answered answered) {
    if (auto* published = std::get_if<Result<peer::Published>>(&answered.answer)) {
        if (transfer_ && transfer_->committing && answered.question == transfer_->question) {
            handle(*published);
        }
        return;
    }
    if (asking_ && answered.question == asked_) {
        asking_ = false;
        std::visit([this](auto& answer) { handle(answer); }, answered.answer);
    }
}

void Client::handle(LoginVerdict& verdict) { session_.handle_login(verdict); }
void Client::handle(Result<peer::TreeEntry>& entry) { session_.handle_entry(std::move(entry)); }
void Client::handle(Result<peer::FolderViewPtr>& view) { session_.handle_view(std::move(view)); }
void Client::handle(Status& status) { session_.handle_changed(status); }

void Client::handle(Result<std::string>& hash) {
    ticket_.reset();
    session_.handle_hash(hash);
}

void Client::handle(Result<peer::ReadStreamPtr>& stream) {
    if (!stream) {
        transfer_.reset();
        session_.handle_opened(stream.error());
        return;
    }
    const peer::TreeEntry entry = (*stream)->entry();
    transfer_->stream = std::move(*stream);
    session_.handle_opened(entry);
}

void Client::handle(Result<peer::UploadPtr>& upload) {
    if (!upload) {
        transfer_.reset();
        session_.handle_stored(upload.error());
        return;
    }
    transfer_->upload = std::move(*upload);
    session_.handle_stored({});
}

void Client::handle(Result<peer::Published>& published) {
    TransferEnd end{TransferEnd::Kind::complete, {}};
    if (!published) {
        end = {TransferEnd::Kind::failed, published.error()};
    }
    end_transfer(end);
}

}  // namespace shoal::gateway::ftp
