#include "json.hpp"

namespace shoal::cli {
namespace {

double seconds(Duration span) { return std::chrono::duration<double>(span).count(); }

JsonObject begin(std::string_view event) {
    JsonObject object;
    object.text("event", event);
    return object;
}

JsonObject begin(std::string_view event, FetchId fetch, std::string_view name) {
    JsonObject object = begin(event);
    object.number("fetch", fetch.value).text("name", name);
    return object;
}

JsonObject object_of(const peer::FetchStarted& e) {
    return begin("fetch_started", e.fetch, e.name)
        .number("size", e.size)
        .text("root", e.root)
        .number("files", e.files)
        .number("kept", e.kept)
        .number("rechecked", e.rechecked)
        .number("chunks", e.chunks)
        .number("hosts", e.hosts);
}

JsonObject object_of(const peer::FetchProgress& e) {
    JsonObject object = begin("fetch_progress", e.fetch, e.name);
    object.number("done", e.done)
        .number("size", e.size)
        .number("files_done", e.files_done)
        .number("files", e.files)
        .real("bytes_per_second", e.bytes_per_second)
        .number("hosts", e.hosts);
    e.left ? object.real("seconds_left", seconds(*e.left)) : object.null("seconds_left");
    return object.boolean("parked", e.parked);
}

std::vector<JsonObject> objects_of(const std::vector<peer::VersionInfo>& versions) {
    std::vector<JsonObject> objects;
    for (const peer::VersionInfo& version : versions) {
        objects.push_back(JsonObject()
                              .number("size", version.size)
                              .text("root", version.root)
                              .texts("complete", version.complete)
                              .texts("partial", version.partial));
    }
    return objects;
}

JsonObject object_of(const peer::FetchNote& e) {
    return begin("fetch_note", e.fetch, e.name)
        .text("kind", peer::note_word(e.kind))
        .text("host", e.host)
        .text("text", e.text)
        .objects("versions", objects_of(e.versions));
}

JsonObject object_of(const peer::FetchPlan& plan) {
    std::vector<JsonObject> hosts;
    for (const peer::PlannedHost& host : plan.hosts) {
        hosts.push_back(JsonObject()
                            .text("host", host.host)
                            .number("chunks", host.chunks)
                            .number("rate", host.rate));
    }
    std::vector<JsonObject> rarity;
    for (const auto& [holders, chunks] : plan.rarity) {
        rarity.push_back(JsonObject().number("holders", holders).number("chunks", chunks));
    }
    JsonObject object;
    object.number("chunks", plan.chunks)
        .number("here", plan.here)
        .objects("hosts", hosts)
        .objects("rarity", rarity);
    return plan.expected ? object.real("seconds", seconds(*plan.expected)) : object.null("seconds");
}

JsonObject object_of(const peer::FetchTimes& times) {
    std::vector<JsonObject> hosts;
    for (const peer::HostTime& host : times.hosts) {
        hosts.push_back(JsonObject()
                            .text("host", host.host)
                            .number("bytes", host.bytes)
                            .real("busy", seconds(host.busy))
                            .real("longest_wait", seconds(host.longest_wait)));
    }
    return JsonObject()
        .real("connecting", seconds(times.connecting))
        .real("asking", seconds(times.asking))
        .real("opening", seconds(times.opening))
        .real("transferring", seconds(times.transferring))
        .real("saving", seconds(times.saving))
        .real("writing", seconds(times.writing))
        .real("hashing", seconds(times.hashing))
        .real("parked", seconds(times.parked))
        .objects("hosts", hosts);
}

std::vector<JsonObject> objects_of(const std::vector<peer::Unreached>& hosts) {
    std::vector<JsonObject> objects;
    for (const peer::Unreached& host : hosts) {
        objects.push_back(JsonObject()
                              .text("host", host.host)
                              .text("reason", peer::down_word(host.reason))
                              .text("text", host.text));
    }
    return objects;
}

JsonObject object_of(const peer::FetchDone& e) {
    std::vector<JsonObject> shares;
    for (const peer::HostShare& share : e.shares) {
        shares.push_back(JsonObject().text("host", share.host).number("bytes", share.bytes));
    }
    JsonObject object = begin("fetch_done", e.fetch, e.name);
    object.text("outcome", peer::outcome_word(e.outcome))
        .number("code", static_cast<std::uint64_t>(e.outcome))
        .text("saved_as", e.saved_as)
        .boolean("already_here", e.already_here)
        .number("size", e.size)
        .number("files", e.files)
        .text("root", e.root)
        .real("seconds", seconds(e.elapsed))
        .number("kept", e.kept)
        .number("fetched", e.fetched)
        .objects("shares", shares)
        .text("text", e.text)
        .objects("versions", objects_of(e.versions))
        .texts("near", e.near)
        .objects("unreached", objects_of(e.unreached));
    e.plan ? object.object("plan", object_of(*e.plan)) : object.null("plan");
    return e.times ? object.object("times", object_of(*e.times)) : object.null("times");
}

JsonObject object_of(const peer::FileList& e) {
    std::vector<JsonObject> rows;
    for (const peer::FileRow& row : e.rows) {
        rows.push_back(JsonObject()
                           .text("name", row.name)
                           .number("size", row.size)
                           .text("root", row.root)
                           .number("complete", row.complete)
                           .number("partial", row.partial)
                           .number("versions", row.versions)
                           .boolean("here", row.here)
                           .boolean("pending", row.pending));
    }
    std::vector<JsonObject> gaps;
    for (const peer::ListGap& gap : e.gaps) {
        gaps.push_back(JsonObject().text("host", gap.host).text("why", gap.why));
    }
    JsonObject object = begin("file_list");
    object.number("order", e.order).text("prefix", e.prefix).objects("rows", rows);
    object.number("hosts", e.hosts).boolean("truncated", e.truncated).objects("gaps", gaps);
    e.problem ? object.text("problem", peer::outcome_word(*e.problem)) : object.null("problem");
    return object.text("text", e.text).objects("unreached", objects_of(e.unreached));
}

JsonObject object_of(const peer::FoundFile& file) {
    std::vector<JsonObject> hosts;
    for (const peer::FoundHost& host : file.hosts) {
        hosts.push_back(JsonObject()
                            .text("host", host.host)
                            .number("hops", host.hops)
                            .number("rate", host.rate)
                            .boolean("whole", host.whole)
                            .texts("path", host.path));
    }
    return JsonObject()
        .text("name", file.name)
        .number("size", file.size)
        .text("root", file.root)
        .number("complete", file.complete)
        .number("partial", file.partial)
        .number("hops", file.hops)
        .number("rate", file.rate)
        .boolean("here", file.here)
        .boolean("pending", file.pending)
        .objects("hosts", hosts);
}

JsonObject object_of(const peer::SearchPrice& price) {
    JsonObject object;
    object.number("hosts", price.hosts)
        .number("messages", price.messages)
        .number("bytes", price.bytes)
        .number("duplicates", price.duplicates)
        .number("lost", price.lost)
        .number("late", price.late)
        .number("refused", price.refused)
        .number("unsure", price.unsure);
    return object.numbers("rings", {price.rings.begin(), price.rings.end()});
}

JsonObject object_of(const peer::SearchResults& e) {
    std::vector<JsonObject> files;
    for (const peer::FoundFile& file : e.files) {
        files.push_back(object_of(file));
    }
    JsonObject object = begin("search_results");
    object.number("order", e.order)
        .objects("files", files)
        .boolean("truncated", e.truncated)
        .boolean("complete", e.complete)
        .text("doubts", e.doubts)
        .object("price", object_of(e.price))
        .real("seconds", seconds(e.elapsed));
    e.problem ? object.text("problem", peer::outcome_word(*e.problem)) : object.null("problem");
    return object.text("text", e.text).objects("unreached", objects_of(e.unreached));
}

JsonObject object_of(const peer::PeerList& e) {
    std::vector<JsonObject> rows;
    for (const peer::PeerRow& row : e.rows) {
        JsonObject& one = rows.emplace_back();
        one.text("address", row.address)
            .text("state", row.state)
            .text("why", row.why)
            .text("reason", peer::down_word(row.reason))
            .text("node", row.node)
            .number("received", row.received)
            .number("sent", row.sent);
        row.round_trip ? one.real("round_trip_seconds", seconds(*row.round_trip))
                       : one.null("round_trip_seconds");
        one.boolean("from_hosts_file", row.from_hosts_file);
    }
    return begin("peer_list").number("order", e.order).objects("rows", rows);
}

JsonObject object_of(const peer::StatusReport& e) {
    JsonObject values;
    for (const auto& [key, value] : e.lines) {
        values.text(key, value);
    }
    return begin("status").number("order", e.order).object("values", values);
}

JsonObject object_of(const peer::Notice& e) {
    return begin("notice")
        .text("kind", peer::notice_word(e.kind))
        .text("host", e.host)
        .text("text", e.text)
        .text("reason", peer::down_word(e.reason));
}

}  // namespace

std::string json_line(const peer::Event& event) {
    return std::visit([](const auto& one) { return object_of(one).str() + "\n"; }, event);
}

}  // namespace shoal::cli
