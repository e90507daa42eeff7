// Client: the shell around one session: its control and data connection, what it asked of the
// peer, its deadlines. Belongs to its worker's thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/ftp/data_link.hpp"
#include "gateway/ftp/line_decoder.hpp"
#include "gateway/ftp/mail.hpp"
#include "gateway/ftp/mover.hpp"
#include "gateway/ftp/session.hpp"
#include "gateway/ftp/worker.hpp"

namespace shoal::gateway::ftp {

class Client final : public SessionHost {
  public:
    Client(Worker& worker, ClientId id, NewClient fresh, TimePoint now);
    ~Client() override;

    [[nodiscard]] ClientId id() const { return id_; }
    [[nodiscard]] Place place() const { return place_; }
    [[nodiscard]] bool logged_in() const { return session_.logged_in(); }
    [[nodiscard]] bool gone() const { return gone_; }

    // Inputs, by the worker; each is followed by settle().
    void start();
    void handle_ready(const net::Ready& ready, TimePoint now);
    void handle_answer(Answered answered);
    void handle_news(Question question);
    void handle_timeout(TimePoint now);
    void handle_stop();
    void handle_evicted();  // it goes at once
    // Sends what waits, watches what is to be watched. May end the client.
    void settle(TimePoint now);
    [[nodiscard]] TimePoint deadline() const;

    // The deadline that the worker has noted.
    TimePoint noted{TimePoint::max()};

    // SessionHost.
    void send(std::string_view replies) override;
    void close() override { closing_ = true; }
    void check_password(std::string user, SecretText password) override;
    [[nodiscard]] std::uint32_t network_size() const override;
    [[nodiscard]] std::int64_t now() const override;
    std::string unique_suffix() override;
    void lookup(const std::string& name, Where where) override;
    void browse(const std::string& name) override;
    void change(Change change) override;
    void hash(const std::string& name) override;
    void drop_questions() override;
    [[nodiscard]] net::Address control_peer() const override;
    [[nodiscard]] net::Address control_local() const override;
    Result<net::Address> listen() override;
    void connect(const net::Address& address) override;
    void drop_data() override;
    void open_file(const std::string& name, std::uint64_t offset) override;
    void open_upload(StoreOrder order) override;
    void open_listing(Listing listing) override;
    void start_transfer(bool ascii) override;
    bool abort_transfer() override;

  private:
    // What was opened, and what becomes of it. Only while there is a transfer, or one is near.
    struct Transfer {
        peer::UploadPtr upload;
        peer::ReadStreamPtr stream;
        std::unique_ptr<Mover> mover;
        std::uint64_t offset{0};
        Question question{0};  // under which it was opened: its news bear this
        bool started{false};
        bool waits{false};  // for news
        bool committing{false};
        bool sent{false};        // all of it: the client has yet to take it
        TimePoint look_again{};  // whether it has
        StoreOrder order;
    };

    Question ask() {
        asking_ = true;
        return asked_ = ++counter_;
    }
    // Posts what the peer answers to the worker, as the answer to `question`.
    template <typename T>
    peer::Callback<T> answer_to(Question question);
    bool read_control(TimePoint now);  // false: there was nothing, or it has ended
    void handle_control_end();
    void take_input();
    void handle_line(const LineDecoder::Line& line);
    void handle_data_ready(TimePoint now);
    void move_block(TimePoint now);
    void finish_sending(TimePoint now);
    void look_closed();
    void look_taken(TimePoint now);
    void finish_receiving(TimePoint now);
    void end_transfer(const TransferEnd& end);
    void close_data();
    void flush(TimePoint now);
    void watch_all();
    void handle(LoginVerdict& verdict);
    void handle(Result<peer::TreeEntry>& entry);
    void handle(Result<peer::FolderViewPtr>& view);
    void handle(Result<peer::ReadStreamPtr>& stream);
    void handle(Result<peer::UploadPtr>& upload);
    void handle(Result<peer::Published>& published);
    void handle(Status& status);
    void handle(Result<std::string>& hash);

    Worker& worker_;
    ClientId id_;
    Fd control_;
    Place place_;
    std::string block_;  // of its address
    Session session_;
    LineDecoder decoder_;
    std::vector<std::uint8_t> input_;  // received, and not yet taken: other lines come first
    std::size_t input_taken_{0};
    std::string output_;
    std::unique_ptr<DataLink> data_;
    std::unique_ptr<Transfer> transfer_;
    peer::Ticket ticket_;     // of a hash under way
    TimePoint login_since_;   // awaited, or the last time that it stood
    TimePoint active_;        // the last line
    TimePoint output_moved_;  // the last time that the client took replies
    TimePoint data_moved_;    // or the data connection was asked for
    Question counter_{0};
    Question asked_{0};  // the session's question under way
    bool asking_{false};
    bool ended_{false};    // the client has closed its side
    bool closing_{false};  // once the output is out
    bool gone_{false};
};

template <typename T>
peer::Callback<T> Client::answer_to(Question question) {
    // The mailbox outlives all answers; the client need not.
    return [&box = worker_.mailbox(), client = id_, question](Result<T> answer) {
        box.post(Answered{client, question, Answer(std::move(answer))});
    };
}

}  // namespace shoal::gateway::ftp
