// GET: content of this host or of the swarm. Small content is gathered before the reply begins,
// so that whatever fails has a status; large content goes out as it arrives, its last block only
// when it is sure that all of it was the file.
#include <algorithm>
#include <array>

#include "gateway/json/file_reader.hpp"
#include "gateway/json/jobs.hpp"

namespace shoal::gateway::json {
namespace {

constexpr std::uint64_t gathered_max = 1024 * 1024;
constexpr std::uint64_t inline_max = 512 * 1024;  // in base64 it still fits a line

class GetJob final : public Job {
  public:
    explicit GetJob(Order order) : order_(std::move(order)) {}
    Step step(Exchange& exchange) override;

  private:
    [[nodiscard]] const std::string& name() const { return *order_.request.body.rel_endpoint; }
    [[nodiscard]] bool in_line() const { return order_.request.body.in_line.value_or(false); }

    bool reply_from_cache(Exchange& exchange);
    void open_from(std::uint64_t offset);
    Step begin(Exchange& exchange);
    Step gather(Exchange& exchange);
    Step stream(Exchange& exchange);
    void finish_gathering(Exchange& exchange);
    // Sets begin_ and end_ as the request wants them.
    Status choose_range(std::uint64_t size);
    void reply_with(Exchange& exchange, const peer::TreeEntry& entry,
                    std::span<const std::uint8_t> content);
    Step fail(Exchange& exchange, const Error& error);

    Order order_;
    FileReader reader_;
    std::uint64_t opened_from_{0};
    std::uint64_t begin_{0};  // of what is asked for
    std::uint64_t end_{0};
    std::uint64_t at_{0};
    std::vector<std::uint8_t> gathered_;
    FileStamp stamp_;
    bool whole_{false};  // gathers all of a file for the cache
    bool ready_{false};
};

Step GetJob::step(Exchange& exchange) {
    if (!reader_.begun()) {
        if (reply_from_cache(exchange)) {
            return Step::done;
        }
        const auto& range = order_.request.body.range;
        open_from(range ? range->first : 0);
    }
    if (!ready_) {
        const Result<bool> opened = reader_.opened();
        if (!opened && opened.error().kind == ErrorKind::bad_input && opened_from_ > 0) {
            open_from(0);  // perhaps the range begins behind the end: then the size is to be told
            return Step::again;
        }
        if (!opened) {
            return fail(exchange, opened.error());
        }
        return *opened ? begin(exchange) : Step::waits;
    }
    return end_ - begin_ <= gathered_max || whole_ ? gather(exchange) : stream(exchange);
}

void GetJob::open_from(std::uint64_t offset) {
    opened_from_ = offset;
    reader_.open(*order_.shared.api, name(), offset, order_.waker);
}

// The peer tells at once what stands under a name of shared/; nothing else is in the cache.
bool GetJob::reply_from_cache(Exchange& exchange) {
    const CachedFilePtr file = order_.shared.files.find(name());
    if (!file) {
        return false;
    }
    const auto slot = std::make_shared<Slot<peer::TreeEntry>>([] {});
    order_.shared.api->lookup(name(), slot->callback());
    const auto answer = slot->take();
    if (!answer || !*answer || answer->value().root != file->root) {
        return false;
    }
    if (const Status chosen = choose_range(file->content.size()); !chosen) {
        exchange.reply(Resolution::of(Code::bad_range, chosen.error().message));
        return true;
    }
    reply_with(exchange, answer->value(), std::span(file->content).subspan(begin_, end_ - begin_));
    return true;
}

Step GetJob::begin(Exchange& exchange) {
    const peer::TreeEntry& entry = reader_.entry();
    if (const Status chosen = choose_range(entry.size); !chosen) {
        exchange.reply(Resolution::of(Code::bad_range, chosen.error().message));
        return Step::done;
    }
    if (in_line() && end_ - begin_ > inline_max) {
        exchange.reply(Resolution::of(Code::too_large, "at most 512 KiB can be had inline"));
        return Step::done;
    }
    ready_ = true;
    whole_ = entry.shared && entry.size > 0 && entry.size <= cached_file_max;
    at_ = whole_ ? 0 : begin_;
    if (whole_ && reader_.stream().readable_to(0)) {
        stamp_ = FileStamp::of(reader_.stream().fd());
    }
    return Step::again;
}

Status GetJob::choose_range(std::uint64_t size) {
    begin_ = 0;
    end_ = size;
    if (const auto& range = order_.request.body.range) {
        if (range->first > size) {
            return Error{ErrorKind::bad_input, "the range begins behind the end: the file has " +
                                                   std::to_string(size) + " bytes"};
        }
        begin_ = range->first;
        end_ = begin_ + std::min(size - begin_, range->second);
    }
    return {};
}

Step GetJob::gather(Exchange& exchange) {
    const std::uint64_t end = whole_ ? reader_.entry().size : end_;
    while (at_ < end) {
        std::array<std::uint8_t, content_block_size> block;
        const auto wanted = std::min<std::uint64_t>(end - at_, block.size());
        const auto got = reader_.read(at_, std::span(block).first(wanted));
        if (!got) {
            return fail(exchange, got.error());
        }
        if (*got == 0) {
            return Step::waits;
        }
        gathered_.insert(gathered_.end(), block.begin(),
                         block.begin() + static_cast<std::ptrdiff_t>(*got));
        at_ += *got;
    }
    const Result<bool> confirmed = reader_.confirm();
    if (!confirmed || !*confirmed) {
        return confirmed ? Step::waits : fail(exchange, confirmed.error());
    }
    finish_gathering(exchange);
    return Step::done;
}

void GetJob::finish_gathering(Exchange& exchange) {
    std::span<const std::uint8_t> content(gathered_);
    if (!whole_) {
        return reply_with(exchange, reader_.entry(), content);
    }
    reply_with(exchange, reader_.entry(), content.subspan(begin_, end_ - begin_));
    auto file = std::make_shared<CachedFile>();
    file->path = name();
    file->root = reader_.entry().root;
    file->stamp = stamp_;
    file->content = std::move(gathered_);
    file->stream = reader_.take();
    order_.shared.files.put(std::move(file));
}

Step GetJob::stream(Exchange& exchange) {
    while (at_ < end_) {
        if (!exchange.has_room()) {
            return Step::wants_room;
        }
        const auto missing = std::min<std::uint64_t>(end_ - at_, content_block_size);
        const std::size_t held = std::min<std::size_t>(gathered_.size(), missing);
        gathered_.resize(missing);
        if (held < missing) {
            const auto got = reader_.read(at_ + held, std::span(gathered_).subspan(held));
            if (!got) {
                return fail(exchange, got.error());
            }
            gathered_.resize(held + *got);
            if (*got == 0) {
                return Step::waits;
            }
        }
        if (gathered_.size() < missing) {
            continue;
        }
        if (!exchange.replied()) {
            Resolution head = Resolution::of(Code::ok, "ok");
            head.extra = ",\"meta_data\":" + meta_data_of(reader_.entry());
            head.content_length = end_ - begin_;
            exchange.reply(head);
        }
        const bool last = at_ + missing >= end_;
        const Result<bool> confirmed = last ? reader_.confirm() : Result<bool>(true);
        if (!confirmed || !*confirmed) {
            return confirmed ? Step::waits : fail(exchange, confirmed.error());
        }
        at_ += missing;
        exchange.content(gathered_);
        gathered_.clear();
    }
    return Step::done;
}

void GetJob::reply_with(Exchange& exchange, const peer::TreeEntry& entry,
                        std::span<const std::uint8_t> content) {
    Resolution found = Resolution::of(Code::ok, "ok");
    found.extra = ",\"meta_data\":" + meta_data_of(entry);
    if (in_line()) {
        const std::string_view text(reinterpret_cast<const char*>(content.data()), content.size());
        found.extra += ",\"content\":\"" + encode_base64(text) + "\"";
        return exchange.reply(found);
    }
    found.content_length = content.size();
    exchange.reply(found);
    exchange.content(content);
}

Step GetJob::fail(Exchange& exchange, const Error& error) {
    if (exchange.replied()) {
        return Step::broken;
    }
    exchange.reply(Resolution::of(error));
    return Step::done;
}

}  // namespace

JobPtr make_get(Order&& order) { return std::make_unique<GetJob>(std::move(order)); }

}  // namespace shoal::gateway::json
