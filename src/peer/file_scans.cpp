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
    jobs_.push_back({std::move(matcher), deadline, {}, {id, {}, false}});
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
        if (integrity::is_unhashed(record.id) || (record.held == 0 && record.id.size > 0)) {
            continue;  // its root is not known yet, or nothing of it has come yet
        }
        if (job.matcher.matches(record.name, record.id.size)) {
            if (job.so_far.found.size() >= limits::hits_per_host_max) {
                job.so_far.more = true;
                return true;
            }
            job.so_far.found.push_back(record);
        }
    }
    return page.size() < page_size;
}

}  // namespace shoal::peer
