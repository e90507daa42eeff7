// Told: what other hosts have told of their folders, kept for when they are slow or away: silence
// is not absence. Pure; belongs to one thread.
//
// A host is known by its line of hosts.txt, else by its address. What a host told of a folder stays
// until it tells anew. Of the folders above one that it told it is known that they are there, and
// what else is in them is not. A lost host keeps what it told until it is back, or leaves
// hosts.txt; one that never stood there is forgotten at once when it has said that it ends, else
// after a while. What was too much to be kept is not known, rather than absent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/base/limits.hpp"
#include "shoal/base/time.hpp"
#include "shoal/integrity/digest.hpp"

namespace shoal::peer {

// A name directly in a folder. A host may have both a file and a folder of that name.
struct ToldRow {
    std::string name;
    bool folder{false};
    bool file{false};
    integrity::FileId id;     // of the file; its root may be unknown yet
    std::int64_t mtime_s{0};  // of the file; 0: not known
    std::int64_t below_s{0};  // of a folder: the newest that was told of what is below; 0: none
};
using ToldRows = std::vector<ToldRow>;  // by name, each once

class Told {
  public:
    explicit Told(std::size_t bytes_max = limits::told_bytes_max) : bytes_max_(bytes_max) {}

    void handle_up(const std::string& host);
    // `listed`: it stands in hosts.txt; `ended`: it has said that it is about to end.
    void handle_lost(const std::string& host, bool listed, bool ended, TimePoint now);
    // The lines of hosts.txt, but for those that lead to a host connected otherwise.
    void handle_hosts(const std::set<std::string>& lines);
    void forget_old(TimePoint now);
    enum class Extent {
        whole,   // it has nothing else there
        partly,  // it may have: what was told before stays beside it
        cut,     // it has more than is kept
    };
    // What stands directly below `prefix`, "" or "a/b/".
    void put(const std::string& host, const std::string& prefix, ToldRows rows, Extent extent);

    // One host's word on a folder.
    struct Folder {
        const std::string* host{};
        bool away{false};
        bool known{false};  // but for what was cut, it has nothing else there
        bool cut{false};
        const ToldRows* rows{};  // null: none are known
    };
    [[nodiscard]] std::vector<Folder> folder(const std::string& prefix, TimePoint now) const;
    // And on a name.
    struct Name {
        const std::string* host{};
        bool away{false};
        bool known{false};
        const ToldRow* row{};  // null: it has none, or that is not known
    };
    [[nodiscard]] std::vector<Name> name(std::string_view path, TimePoint now) const;

    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    [[nodiscard]] std::size_t hosts() const { return hosts_.size(); }

  private:
    struct Listing {
        ToldRows rows;
        Extent extent{};
        std::size_t bytes{0};
        std::uint64_t told_at{0};  // by count_
    };
    struct Host {
        bool away{false};
        bool listed{false};
        TimePoint lost_at{};
        bool forgot{false};  // some of what it told
        std::size_t bytes{0};
        std::map<std::string, Listing, std::less<>> folders;
    };
    using Hosts = std::map<std::string, Host>;

    void enter(Host& host, const std::string& prefix, ToldRows rows, Extent extent);
    void put_above(Host& host, std::string_view prefix);
    static const ToldRow* find(const ToldRows& rows, std::string_view name);
    [[nodiscard]] static bool knows(const Host& host, std::string_view prefix, TimePoint now);
    Hosts::iterator forget(Hosts::iterator host);
    void drop(Host& host, std::map<std::string, Listing, std::less<>>::iterator folder);
    void make_room();

    std::size_t bytes_max_;
    std::size_t bytes_{0};
    std::uint64_t count_{0};
    Hosts hosts_;
};

}  // namespace shoal::peer
