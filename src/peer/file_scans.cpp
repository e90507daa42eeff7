#include "peer/file_scans.hpp"

#include "shoal/base/limits.hpp"

namespace shoal::peer {

namespace {

constexpr std::size_t page_size = 256;
constexpr std::uint64_t slice_ns = 1'000'000;  // by the matcher's own reckoning

}  // namespace

bool FileScans::add(const overlay::SearchId& id, overlay::Matcher matcher, TimePoint deadline) {
    if (jobs_.size() >= waiting_max) {
        return false;
    }
    // Before the names: some may come between.
    const bool knows_all = offers_.catalog().knows_all("");
    jobs_.push_back({std::move(matcher), deadline, {}, {id, {}, {}, false, knows_all}});
    return true;
}

std::optional<FileScans::Finished> FileScans::work(TimePoint now) {
    if (jobs_.empty()) {
        return std::nullopt;
    }
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    if (now >= job.deadline) {
        job.so_far.more = true;  // nobody has looked
        job.so_far.all = false;
    } else if (!slice(job)) {
        jobs_.push_back(std::move(job));
        return std::nullopt;
    }
    return std::move(job.so_far);
}

bool FileScans::slice(Job& job) {
    std::uint64_t spent = 0;
    const auto page = offers_.page("", job.cursor, page_size);
    for (const store::CatalogRecord& record : page) {
        if (spent >= slice_ns) {
            return false;
        }
        spent += job.matcher.cost(record.name);
        job.cursor = record.name;
        if (job.matcher.matches(record.name, record.id.size) && !take(job.so_far, record)) {
            return true;
        }
    }
    return page.size() < page_size;
}

// False: there is no room for more.
bool FileScans::take(Finished& so_far, const store::CatalogRecord& record) {
    const bool pending = integrity::is_unhashed(record.id);
    if (!pending && record.held == 0 && record.id.size > 0) {
        return true;  // nothing of it has come yet
    }
    auto& list = pending ? so_far.pending : so_far.found;
    if (list.size() >= limits::hits_per_host_max) {
        so_far.more = true;
        return pending;  // what is hashed comes first
    }
    list.push_back(record);
    return true;
}

}  // namespace shoal::peer
