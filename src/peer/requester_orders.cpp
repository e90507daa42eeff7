// The requester's other half: mail, and the orders that are not fetches.
#include <algorithm>

#include "peer/requester.hpp"
#include "peer/status.hpp"
#include "shoal/base/log.hpp"
#include "shoal/base/text.hpp"

namespace shoal::peer {

namespace {
constexpr std::size_t maps_max = 64;
constexpr Duration list_silence_max = 5s;
constexpr SourceId this_host{0};
}  // namespace

bool Requester::take_mail(TimePoint now) {
    bool go_on = true;
    for (RequesterMail& mail : wiring_.requester.take()) {
        std::visit(Overloaded{
                       [&](Stop&) { go_on = false; },
                       [&](NewServer& server) { add_link(std::move(server), now); },
                       [&](HostTable& table) { take_host_table(std::move(table)); },
                       [&](NameSettled& settled) {
                           for (auto& fetch : fetches_) {
                               fetch->handle_name_settled(settled.name);
                           }
                           gateways_.handle_name_settled(settled.name, now);
                       },
                       [&](const PartialProving& proving) {
                           if (const auto found = engine_.transfers.find(proving.transfer);
                               found != engine_.transfers.end()) {
                               found->second->handle_proving(proving);
                           }
                       },
                       [&](PartialOpened& opened) {
                           const auto found = engine_.transfers.find(opened.transfer);
                           if (found != engine_.transfers.end()) {
                               found->second->handle_opened(std::move(opened), now);
                           } else if (opened.partial) {
                               wiring_.keeper.post(ClosePartial{opened.transfer, *opened.partial});
                           }
                       },
                       [&](FileSaved& saved) {
                           if (saved.small) {
                               return engine_.small.handle_saved(saved, now);
                           }
                           const auto found = engine_.transfers.find(saved.key);
                           if (found != engine_.transfers.end()) {
                               found->second->handle_saved(saved, now);
                           }
                       },
                       [&](Checked& checked) { take_checked(checked, now); },
                       [&](Signal& signal) { front_.handle_signal(signal.number, now); },
                       [&](FetchCommand& command) { start_fetch(std::move(command), now); },
                       [&](CancelCommand& command) { cancel_fetch(command.fetch, now); },
                       [&](ListCommand& command) { start_list(std::move(command), now); },
                       [&](SearchCommand& command) { searches_.begin(std::move(command), now); },
                       [&](CancelSearchCommand& command) { searches_.cancel(command.order, now); },
                       [&](AskerUp& up) { searches_.handle_asker(up); },
                       [&](AskerGone& gone) { searches_.handle_asker_gone(gone); },
                       [&](SearchArrived& arrived) { searches_.handle_arrived(arrived, now); },
                       [&](PeersCommand& command) {
                           peer_lists_.push_back({command, now + first_tries_max});
                       },
                       [&](StatusCommand& command) { take_status(command); },
                       [&](LimitsCommand& command) { take_limits(command, now); },
                       [&](ForgetSinkCommand& command) { forget_sink(command.sink); },
                       [&](GatewayMail& order) { gateways_.take(std::move(order), now); },
                   },
                   mail);
    }
    return go_on;
}

void Requester::take_host_table(HostTable table) {
    engine_.table_seen = true;
    engine_.unsettled = table.unsettled;
    engine_.table = std::move(table.rows);
    engine_.unheard = std::move(table.unheard);
    engine_.awaited = std::move(table.awaited);
    engine_.unasked = std::move(table.unasked);
    gateways_.handle_hosts();
    for (const std::string& warning : table.warnings) {
        log::warning(warning);
        front_.deliver(Notice{Notice::Kind::hosts_file, {}, warning, {}});
    }
}

void Requester::take_limits(const LimitsCommand& limits, TimePoint now) {
    if (limits.upload) {
        wiring_.reader.post(UploadLimit{*limits.upload});
    }
    if (limits.download) {
        download_limit_.set_rate(*limits.download, now);
        wiring_.figures.max_download = *limits.download;
        for (auto& [key, transfer] : engine_.transfers) {
            transfer->set_rate_limit(*limits.download);
        }
    }
}

void Requester::start_fetch(FetchCommand command, TimePoint now) {
    fetches_.push_back(std::make_unique<Fetch>(engine_, std::move(command), now));
}

void Requester::cancel_fetch(FetchId fetch, TimePoint now) {
    for (auto& running : fetches_) {
        if (running->id() == fetch) {
            running->cancel(now);
        }
    }
}

void Requester::forget_sink(EventSink* sink) {
    for (auto& fetch : fetches_) {
        if (fetch->sink() == sink) {
            fetch->silence();
        }
    }
    searches_.forget_sink(sink);
    std::erase_if(lists_, [sink](const ListOrder& order) { return order.command.sink == sink; });
    std::erase_if(peer_lists_, [sink](const PeersOrder& one) { return one.command.sink == sink; });
}

// Lists ----------------------------------------------------------------------------------------

void Requester::start_list(ListCommand command, TimePoint now) {
    if (const Status checked = store::check_beginning(command.prefix); !checked) {
        FileList list;
        list.order = command.order;
        list.prefix = command.prefix;
        list.problem = Outcome::usage;
        list.text = checked.error().message;
        return command.sink->deliver(list);
    }
    lists_.push_back({std::move(command), now, nullptr, {}});
}

void Requester::drive_lists(TimePoint now) {
    for (ListOrder& order : lists_) {
        const auto links = engine_.servers.usable();
        const std::size_t wanted = std::max(1U, order.command.wait_hosts);
        const bool late = now - order.began_at >= order.command.timeout;
        if (!order.listing && (links.size() >= wanted || engine_.settled() || late)) {
            order.listing =
                std::make_unique<Listing>(engine_.servers, order.command.prefix,
                                          order.command.rows_max, Listing::Patience::as_it_is);
            for (ServerLink* link : links) {
                order.listing->ask(*link, now);
            }
        }
        if (!order.listing) {
            continue;
        }
        order.listing->drive(now);
        // Who is silent is not waited for; the list says so.
        const auto quiet = order.listing->quiet_at(list_silence_max);
        const bool told =
            order.listing->done() || (quiet && now >= *quiet && !order.listing->next_timeout());
        if (!told) {
            order.done_at.reset();
        } else if (!order.done_at) {
            order.done_at = now;
        }
        if (late || (order.done_at && !awaits_hosts(order, now))) {
            finish_list(order);
            order.command.sink = nullptr;
        }
    }
    std::erase_if(lists_, [](const ListOrder& order) { return order.command.sink == nullptr; });
}

// One whose first attempt has no outcome yet, or that is silent and has not been waited for as long
// as one that was asked.
bool Requester::awaits_hosts(const ListOrder& order, TimePoint now) const {
    const bool patient = now - order.began_at < list_silence_max;
    return !engine_.settled() ||
           (patient && std::any_of(engine_.unasked.begin(), engine_.unasked.end(),
                                   [&order](const Unasked& host) {
                                       return host.slow && !order.listing->has_asked(host.host);
                                   }));
}

std::optional<TimePoint> Requester::next_list_timeout(TimePoint now) const {
    std::optional<TimePoint> next;
    for (const ListOrder& order : lists_) {
        sooner(next, order.began_at + order.command.timeout);
        if (order.done_at) {
            sooner(next, order.began_at + list_silence_max);
        } else if (order.listing) {
            sooner(next, order.listing->next_timeout());
            const auto quiet = order.listing->quiet_at(list_silence_max);
            sooner(next, quiet && *quiet > now ? quiet : std::nullopt);
        }
    }
    return next;
}

// This host is a holder like any other.
void Requester::add_own_names(Listing::Names& names, ListOrder& order) {
    std::string cursor;
    while (names.size() < order.command.rows_max) {
        const auto page = wiring_.offers().page(order.command.prefix, cursor, 1024);
        for (const store::CatalogRecord& record : page) {
            Listing::enter(names[record.name], record.id, record.held, this_host);
        }
        if (page.empty()) {
            break;
        }
        cursor = page.back().name;
    }
}

void Requester::finish_list(ListOrder& order) {
    FileList list;
    list.order = order.command.order;
    list.prefix = order.command.prefix;
    list.hosts = static_cast<std::uint32_t>(order.listing->answered());
    list.truncated = order.listing->truncated();
    list.gaps = order.listing->gaps();
    for (const Unasked& host : engine_.unasked) {
        if (list.hosts > 0 && !order.listing->has_asked(host.host)) {
            list.gaps.push_back({host.host, host.why});
        }
    }
    if (!wiring_.catalog->knows_all(order.command.prefix)) {
        list.gaps.push_back({"this host", "it has not seen all of its folders"});
    }
    auto& names = order.listing->names();
    add_own_names(names, order);
    while (!names.empty()) {  // which lets go of each when it has become rows
        const auto name = names.extract(names.begin());
        add_rows(list, name.key(), name.mapped());
    }
    if (!list.gaps.empty() || list.truncated) {
        list.problem = Outcome::incomplete;
    } else if (list.hosts == 0) {
        const Nobody nobody = engine_.why_nobody();
        list.problem = nobody.outcome;
        list.text = nobody.text;
        list.unreached = nobody.hosts;
    }
    order.command.sink->deliver(list);
}

// Its versions, most holders first, or that it is pending.
void Requester::add_rows(FileList& list, const std::string& name, const Listing::Name& told) {
    const std::size_t first_row = list.rows.size();
    for (const auto& [id, holders] : told.versions) {
        FileRow row{name, id.size, id.root.hex(), 0, 0, 1, false, false};
        row.complete = static_cast<std::uint32_t>(holders.complete.size());
        row.partial = static_cast<std::uint32_t>(holders.partial.size());
        row.versions = static_cast<std::uint32_t>(told.versions.size());
        row.here = std::count(holders.complete.begin(), holders.complete.end(), this_host) > 0;
        list.rows.push_back(std::move(row));
    }
    if (told.versions.empty()) {
        const bool here = std::count(told.pending.begin(), told.pending.end(), this_host) > 0;
        list.rows.push_back({name, told.pending_size, {}, 0, 0, 1, here, true});
    }
    std::stable_sort(
        list.rows.begin() + static_cast<std::ptrdiff_t>(first_row), list.rows.end(),
        [](const FileRow& left, const FileRow& right) { return left.complete > right.complete; });
}

// Peers and status -----------------------------------------------------------------------------

// Not before hosts.txt has been read and each host in it tried once, within bounds.
void Requester::drive_peer_lists(TimePoint now) {
    for (PeersOrder& order : peer_lists_) {
        if (engine_.settled() || now >= order.due) {
            tell_peers(order.command);
            order.command.sink = nullptr;
        }
    }
    std::erase_if(peer_lists_, [](const PeersOrder& one) { return one.command.sink == nullptr; });
}

void Requester::tell_peers(const PeersCommand& command) {
    PeerList list;
    list.order = command.order;
    list.rows = engine_.table;
    for (PeerRow& row : list.rows) {
        for (const auto& [id, link] : engine_.servers.all()) {
            if (link->host == row.address) {
                row.round_trip = link->round_trip();
                row.received = link->bytes_received();
                row.sent = wiring_.figures.sent_to.with([key = key_of(*link)](const auto& sent) {
                    const auto found = sent.find(key);
                    return found == sent.end() ? 0 : found->second.bytes;
                });
            }
        }
    }
    command.sink->deliver(list);
}

// For whoever asks from another thread.
void Requester::draw_maps() {
    std::vector<std::string> maps;
    for (const auto& [key, transfer] : engine_.transfers) {
        const Bitmap* held = transfer->held();
        if (held != nullptr && maps.size() < maps_max) {
            maps.push_back(std::to_string(held->count() * 100 / held->size()) + " % " +
                           chunk_map(*held) + ' ' + text::escape(transfer->name()));
        }
    }
    *wiring_.figures.chunk_maps.lock() = std::move(maps);
}

void Requester::take_status(const StatusCommand& command) {
    draw_maps();
    command.sink->deliver(StatusReport{command.order, status_lines(wiring_, steady_now())});
}

}  // namespace shoal::peer
