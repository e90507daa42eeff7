#include "swarm/pace.hpp"

namespace shoal::swarm {

namespace {

constexpr Duration sample_min = 50ms;
constexpr Duration first_sample_min = 10ms;
constexpr Duration sample_max = 1s;
constexpr double rate_memory_s = 0.4;  // time constant of the average
constexpr double pause_fade = 0.9;     // per sample
constexpr double run_seconds = 0.15;   // of the link, one run
constexpr double window_seconds = 0.4;
constexpr double cover_gain = 1.5;            // over rate x delay: room in which the rate can grow
constexpr double loop_slack_s = 0.002;        // what a busy event loop adds to a round trip
constexpr std::uint32_t run_leaves_easy = 4;  // not worth splitting on a link that is not slow,
constexpr double easy_seconds = 8.0;          // where they take longer than this

double seconds(Duration span) { return std::chrono::duration<double>(span).count(); }

}  // namespace

void Pace::handle_ask(TimePoint now, bool was_idle) {
    if (was_idle) {
        heard_at_ = now;
        busy_since_ = now;
    }
}

void Pace::handle_leaf(TimePoint now, TimePoint asked_at) {
    const Duration trip = std::max(now - asked_at, Duration{1});
    round_trip_ = round_trip_ == Duration{0} ? trip : std::min(round_trip_, trip);
    pause_ = std::max(pause_, silence(now));
    heard_at_ = now;
    sample_bytes_ += leaf_bytes_;
    // A server that takes turns sends in bursts: a sample must span a few of them.
    const Duration least = std::clamp(2 * pause_, sample_min, sample_max);
    fold(now, rate_ > 0 ? least : first_sample_min);
}

// The average takes in what came in the busy time since the last fold.
void Pace::fold(TimePoint now, Duration least) {
    sample_span_ += now - busy_since_;
    busy_since_ = now;
    const Duration span = sample_span_;
    if (span < least || span <= Duration{0}) {
        return;
    }
    const double sample = sample_bytes_ / seconds(span);
    const double weight = rate_ > 0 ? seconds(span) / (seconds(span) + rate_memory_s) : 1.0;
    rate_ += (sample - rate_) * weight;
    pause_ = Duration(static_cast<Duration::rep>(static_cast<double>(pause_.count()) * pause_fade));
    sample_span_ = Duration{0};
    sample_bytes_ = 0;
}

void Pace::handle_run_done(TimePoint now, TimePoint asked_at) {
    trust_leaves_ = std::min(trust_leaves_ * 2, trust_max);
    const Duration took = now - asked_at;
    usual_answer_ = usual_answer_ == Duration{0} ? took : (3 * usual_answer_ + took) / 4;
}

void Pace::handle_idle(TimePoint now) { fold(now, first_sample_min); }

void Pace::handle_failure() { trust_leaves_ = trust_after_failure; }

double Pace::recent_rate(TimePoint now) const {
    const Duration quiet = silence(now);
    const Duration usual = std::max(2 * pause_, sample_max);
    return quiet <= usual ? rate_ : rate_ * seconds(usual) / seconds(quiet);
}

Duration Pace::patience(Duration least, Duration most) const {
    return pause_ == Duration{0} ? std::min(2 * least, most) : std::clamp(4 * pause_, least, most);
}

std::uint32_t Pace::window(double share_bytes) const {
    double bytes = share_bytes;
    if (rate_ > 0) {
        const double covered = cover_gain * rate_ * (seconds(round_trip_) + loop_slack_s);
        bytes = std::max(std::min(share_bytes, rate_ * window_seconds), covered);
    }
    const double leaves = std::min(bytes / leaf_bytes_, double{trust_max});
    return std::clamp(static_cast<std::uint32_t>(leaves), 1U, trust_leaves_);
}

std::uint32_t Pace::run(std::uint32_t window_leaves, std::uint32_t most) const {
    if (rate_ <= 0) {
        const std::uint32_t easy = std::min(run_leaves_easy, trust_leaves_);
        return std::clamp(std::max(window_leaves / 2, easy), 1U, most);
    }
    const auto in = [this](double span_s) {
        const double lasts = std::min(rate_ * span_s / leaf_bytes_, double{trust_max});
        return std::min(trust_leaves_, static_cast<std::uint32_t>(lasts));
    };
    const std::uint32_t leaves = std::max(std::min(window_leaves * 2 / 3, in(run_seconds)),
                                          std::min(run_leaves_easy, in(easy_seconds)));
    return std::clamp(leaves, 1U, most);
}

}  // namespace shoal::swarm
