// A Download on a stage: its actions are recorded, sources answer when the test says so, and
// the state of all leaves can be drawn.
//
//   .  missing    a b c  asked of source 1, 2, 3 (capital: doubled)    +  here    #  held
//   chunks are parted by a space: "## ab .. +."
#pragma once

#include <catch2/catch.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "shoal/swarm/download.hpp"

namespace shoal::swarm {

class Scene {
  public:
    Scene(std::uint64_t leaves, std::uint32_t leaves_per_chunk, Download::Config config = {})
        : shape{leaves, leaves_per_chunk}, download(shape, Bitmap(shape.chunk_count()), config) {}

    Shape shape;
    Download download;
    TimePoint now{std::chrono::seconds(1000)};
    std::vector<Ask> asks;  // under way, oldest first
    std::vector<Ask> cancelled;
    std::set<SourceId> dropped;
    std::set<ChunkIndex> bad;       // chunks that will not verify
    std::vector<SourceId> senders;  // what the last handle_bad() said

    void seed(std::uint32_t source) {
        download.handle_source({source}, now);
        download.handle_holds_all({source});
    }
    void partial(std::uint32_t source, const std::string& flags) {
        download.handle_source({source}, now);
        Bitmap chunks(shape.chunk_count());
        for (std::size_t at = 0; at < flags.size(); ++at) {
            if (flags[at] == '1') {
                chunks.set(at);
            }
        }
        download.handle_holds({source}, chunks);
    }

    // Everything poll() wants now.
    void drain() {
        while (const auto action = download.poll(now)) {
            record(*action);
            download.check_invariants();
        }
        download.check_invariants();
    }
    void wait(Duration span) {
        now += span;
        drain();
    }

    [[nodiscard]] std::vector<Ask> asked_of(std::uint32_t source) const {
        std::vector<Ask> found;
        for (const Ask& ask : asks) {
            if (ask.source.value == source) {
                found.push_back(ask);
            }
        }
        return found;
    }

    // The oldest ask of the source is answered: `leaves` of it, or whole.
    void answer(std::uint32_t source) {
        const Ask ask = asked_of(source).at(0);
        for (LeafIndex leaf = ask.run.first; leaf < ask.run.end(); ++leaf) {
            leaf_comes(ask, leaf);
        }
        done(ask);
    }
    // The next leaf of its oldest ask comes.
    void next_leaf(std::uint32_t source) {
        const Ask ask = asked_of(source).at(0);
        leaf_comes(ask, {ask.run.first.value + arrived[ask.ask]});
        if (++arrived[ask.ask] == ask.run.count) {
            done(ask);
        }
    }
    Verdict leaf_comes(const Ask& ask, LeafIndex leaf) {
        const Verdict verdict = download.handle_leaf(ask.source, ask.ask, leaf, now);
        if (verdict == Verdict::wanted) {
            CHECK(here.insert(leaf.value).second);
            judge(shape.chunk_of(leaf));
        }
        download.check_invariants();
        return verdict;
    }
    void refuse(std::uint32_t source, Refusal why) {
        const Ask ask = asked_of(source).at(0);
        std::erase_if(asks, [&](const Ask& other) { return other.ask == ask.ask; });
        download.handle_refused(ask.source, ask.ask, why, now);
        drain();
    }
    void leave(std::uint32_t source) {
        std::erase_if(asks, [&](const Ask& ask) { return ask.source.value == source; });
        download.handle_source_gone({source}, now);
        drain();
    }

    // All sources answer in turns, each turn takes `turn`, until nothing is under way.
    int run_to_end(Duration turn = std::chrono::milliseconds(10)) {
        int rounds = 0;
        for (drain(); !asks.empty() && rounds < 100000; ++rounds) {
            wait(turn);
            if (!asks.empty()) {
                answer(asks.front().source.value);
            }
        }
        return rounds;
    }

    [[nodiscard]] std::string draw() const {
        std::string picture;
        for (std::uint64_t leaf = 0; leaf < shape.leaf_count; ++leaf) {
            if (leaf > 0 && leaf % shape.leaves_per_chunk == 0) {
                picture += ' ';
            }
            picture += draw_leaf({leaf});
        }
        return picture;
    }

  private:
    [[nodiscard]] char draw_leaf(LeafIndex leaf) const {
        if (download.held().test(shape.chunk_of(leaf).value)) {
            return '#';
        }
        if (here.contains(leaf.value)) {
            return '+';
        }
        char drawn = '.';
        for (const Ask& ask : asks) {
            if (leaf >= ask.run.first && leaf < ask.run.end()) {
                const char base = drawn == '.' ? 'a' : 'A';
                drawn = static_cast<char>(base + static_cast<char>(ask.source.value) - 1);
            }
        }
        return drawn;
    }

    void done(const Ask& ask) {
        std::erase_if(asks, [&](const Ask& other) { return other.ask == ask.ask; });
        download.handle_done(ask.source, ask.ask, now);
        drain();
    }

    void record(const Action& action) {
        if (const auto* ask = std::get_if<Ask>(&action)) {
            REQUIRE(ask->run.count > 0);
            REQUIRE(ask->run.end().value <= shape.leaf_count);
            REQUIRE(!dropped.contains(ask->source));
            asks.push_back(*ask);
        } else if (const auto* cancel = std::get_if<CancelAsk>(&action)) {
            std::erase_if(asks, [&](const Ask& other) {
                if (other.ask == cancel->ask) {
                    cancelled.push_back(other);
                }
                return other.ask == cancel->ask;
            });
        } else {
            dropped.insert(std::get<DropSource>(action).source);
        }
    }

    void judge(ChunkIndex chunk) {
        if (!download.ready(chunk)) {
            return;
        }
        if (!bad.contains(chunk)) {
            download.handle_verified(chunk);
            return;
        }
        senders = download.handle_bad(chunk);
        for (std::uint32_t at = 0; at < shape.leaves_in(chunk); ++at) {
            here.erase(shape.first_leaf(chunk).value + at);
        }
    }

    std::set<std::uint64_t> here;
    std::map<AskId, std::uint32_t> arrived;  // leaves, by next_leaf()
};

}  // namespace shoal::swarm
