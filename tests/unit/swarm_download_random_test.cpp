// Download against random sources: they come, go, gain chunks, refuse, stall, lie and answer
// late. The books agree after every step, and the file completes as long as one honest source
// of everything stays.
#include <catch2/catch.hpp>

#include <map>
#include <set>
#include <vector>

#include "shoal/swarm/download.hpp"

using namespace shoal;
using namespace shoal::swarm;

namespace {

struct Answering {
    Ask ask;
    std::uint32_t sent{0};
    bool cancelled{false};
};

class RandomSources {
  public:
    RandomSources(std::uint64_t seed, Shape shape)
        : random_(seed),
          shape_(shape),
          download_(shape, Bitmap(shape.chunk_count()), {.seed = seed}),
          lied_(shape.leaf_count, false) {
        join(0, true);
    }

    void step() {
        now_ += std::chrono::milliseconds(random_.below(40));
        const auto source = static_cast<std::uint32_t>(random_.below(8));
        switch (random_.below(14)) {
            case 0:
                join(source, random_.below(3) == 0);
                break;
            case 1:
                if (source != 0) {
                    leave(source);
                }
                break;
            case 2:
                gain(source);
                break;
            case 3:
                refuse();
                break;
            case 4:
                if (random_.below(10) == 0) {
                    now_ += std::chrono::seconds(1 + random_.below(5));
                }
                break;
            default:
                send();
        }
        poll();
    }
    bool run(int steps_max) {
        for (int at = 0; at < steps_max && !download_.complete(); ++at) {
            step();
        }
        return download_.complete();
    }
    [[nodiscard]] const std::set<std::uint32_t>& dropped() const { return dropped_; }
    [[nodiscard]] static bool is_liar(std::uint32_t source) { return source >= 6; }

  private:
    void join(std::uint32_t source, bool all) {
        if (!joined_.insert(source).second) {
            return;
        }
        download_.handle_source({source}, now_);
        if (all || source == 0) {
            download_.handle_holds_all({source});
            return;
        }
        Bitmap some(shape_.chunk_count());
        for (std::uint32_t chunk = 0; chunk < shape_.chunk_count(); ++chunk) {
            if (random_.below(2) == 0) {
                some.set(chunk);
            }
        }
        download_.handle_holds({source}, some);
    }

    void leave(std::uint32_t source) {
        joined_.erase(source);
        std::erase_if(answers_, [&](const Answering& a) { return a.ask.source.value == source; });
        download_.handle_source_gone({source}, now_);
    }

    void gain(std::uint32_t source) {
        const auto first = static_cast<std::uint32_t>(random_.below(shape_.chunk_count()));
        download_.handle_have({source}, {first}, 1 + static_cast<std::uint32_t>(random_.below(3)));
    }

    void refuse() {
        if (answers_.empty()) {
            return;
        }
        const std::size_t at = random_.below(answers_.size());
        const Answering answer = answers_[at];
        const bool honest = answer.ask.source.value == 0;
        const Refusal whys[] = {Refusal::busy, Refusal::not_held, Refusal::gone};
        const Refusal why =
            answer.cancelled ? Refusal::cancelled : whys[honest ? 0 : random_.below(3)];
        answers_.erase(answers_.begin() + static_cast<std::ptrdiff_t>(at));
        download_.handle_refused(answer.ask.source, answer.ask.ask, why, now_);
        if (why == Refusal::gone) {
            leave(answer.ask.source.value);
        }
    }

    void send() {
        if (answers_.empty()) {
            return;
        }
        const std::size_t at = random_.below(answers_.size());
        const std::uint64_t count = 1 + random_.below(answers_[at].ask.run.count);
        for (std::uint64_t leaf = 0; leaf < count; ++leaf) {
            Answering& answer = answers_[at];
            const LeafIndex index{answer.ask.run.first.value + answer.sent++};
            accept(answer.ask, index);
            if (answer.sent == answer.ask.run.count) {
                const Ask done = answer.ask;
                answers_.erase(answers_.begin() + static_cast<std::ptrdiff_t>(at));
                download_.handle_done(done.source, done.ask, now_);
                return;
            }
        }
    }

    void accept(const Ask& ask, LeafIndex leaf) {
        const ChunkIndex chunk = shape_.chunk_of(leaf);
        const bool held = download_.held().test(chunk.value);
        if (download_.handle_leaf(ask.source, ask.ask, leaf, now_) != Verdict::wanted) {
            return;
        }
        REQUIRE_FALSE(held);
        lied_[leaf.value] = is_liar(ask.source.value) && random_.below(4) == 0;
        if (!download_.ready(chunk)) {
            return;
        }
        bool bad = false;
        for (std::uint32_t at = 0; at < shape_.leaves_in(chunk); ++at) {
            bad = bad || lied_[shape_.first_leaf(chunk).value + at];
        }
        if (bad) {
            download_.handle_bad(chunk);
        } else {
            download_.handle_verified(chunk);
        }
    }

    void poll() {
        download_.check_invariants();
        while (const auto action = download_.poll(now_)) {
            if (const auto* ask = std::get_if<Ask>(&*action)) {
                REQUIRE(joined_.contains(ask->source.value));
                answers_.push_back({*ask});
            } else if (const auto* cancel = std::get_if<CancelAsk>(&*action)) {
                for (Answering& answer : answers_) {
                    answer.cancelled = answer.cancelled || answer.ask.ask == cancel->ask;
                }
            } else {
                const std::uint32_t source = std::get<DropSource>(*action).source.value;
                REQUIRE(dropped_.insert(source).second);
                std::erase_if(answers_,
                              [&](const Answering& a) { return a.ask.source.value == source; });
            }
            download_.check_invariants();
        }
    }

    SmallRandom random_;
    Shape shape_;
    Download download_;
    TimePoint now_{std::chrono::seconds(1)};
    std::vector<Answering> answers_;
    std::vector<bool> lied_;
    std::set<std::uint32_t> joined_;
    std::set<std::uint32_t> dropped_;
};

}  // namespace

TEST_CASE("random sources: the books agree, the file completes, only liars are dropped") {
    const std::vector<Shape> shapes{{200, 4}, {63, 4}, {300, 32}, {5, 8}, {90, 1}};
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        CAPTURE(seed);
        RandomSources sources(seed, shapes[seed % shapes.size()]);
        REQUIRE(sources.run(60000));
        for (const std::uint32_t source : sources.dropped()) {
            CHECK(RandomSources::is_liar(source));
        }
    }
}
