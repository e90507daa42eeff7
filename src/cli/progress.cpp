#include "progress.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "shoal/base/text.hpp"
#include "width.hpp"

namespace shoal::cli {
namespace {

constexpr std::size_t bar_cells_min = 8;
constexpr std::size_t bar_cells_max = 30;
constexpr std::size_t name_columns_min = 16;

// What stands right of the bar, in order; what is dropped first has the lowest rank.
struct Field {
    std::string text;
    int rank;
};

std::vector<Field> fields_of(const peer::FetchProgress& progress) {
    std::vector<Field> fields{{size_pair(progress.done, progress.size), 2}};
    if (progress.files > 1) {
        fields.push_back(
            {std::to_string(progress.files_done) + "/" + std::to_string(progress.files) + " files",
             2});
    }
    if (progress.parked) {
        fields.push_back({"waiting", 5});
        return fields;
    }
    fields.push_back({text::rate(progress.bytes_per_second), 4});
    fields.push_back(
        {std::to_string(progress.hosts) + (progress.hosts == 1 ? " host" : " hosts"), 1});
    if (progress.left) {
        fields.push_back({text::duration(*progress.left), 3});
    }
    return fields;
}

std::string joined(const std::vector<Field>& fields) {
    std::string line;
    for (const Field& field : fields) {
        line += "  " + field.text;
    }
    return line;
}

void drop_least(std::vector<Field>& fields) {
    fields.erase(std::min_element(fields.begin(), fields.end(),
                                  [](const Field& a, const Field& b) { return a.rank < b.rank; }));
}

std::string percent_text(const peer::FetchProgress& progress) {
    return pad_left(std::to_string(percent(progress.done, progress.size)), 3) + " %";
}

}  // namespace

unsigned percent(std::uint64_t done, std::uint64_t size) {
    if (done >= size) {
        return 100;
    }
    // Sizes end at 2^40, a folder's sum may be larger: divide first where it matters.
    constexpr std::uint64_t exact_below = UINT64_MAX / 100;
    return static_cast<unsigned>(done < exact_below ? done * 100 / size : done / (size / 100 + 1));
}

std::string size_pair(std::uint64_t done, std::uint64_t size) {
    const std::string whole = text::size(size);
    std::string part = text::size(done);
    const std::string unit = whole.substr(whole.find(' '));
    if (part.ends_with(unit)) {
        part.resize(part.size() - unit.size());
    }
    return part + "/" + whole;
}

std::string bar(std::uint64_t done, std::uint64_t size, std::size_t cells, Style style) {
    const double share = done >= size ? 1.0 : static_cast<double>(done) / static_cast<double>(size);
    const auto eighths = static_cast<std::size_t>(share * static_cast<double>(cells) * 8);
    const std::size_t full = eighths / 8;
    std::string filled;
    std::size_t used = full;
    if (style.utf8) {
        static constexpr std::string_view parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
        for (std::size_t i = 0; i < full; ++i) {
            filled += "█";
        }
        filled += parts[eighths % 8];
        used += eighths % 8 > 0 ? 1 : 0;
    } else {
        filled.assign(full, '#');
    }
    if (style.color) {
        filled = "\x1b[36m" + filled + "\x1b[0m";
    }
    filled.append(cells - used, ' ');
    return style.utf8 ? "▕" + filled + "▏" : "[" + filled + "]";
}

std::string progress_line(const peer::FetchProgress& progress, unsigned number, std::size_t columns,
                          Style style) {
    const std::string name =
        (number > 0 ? "[" + std::to_string(number) + "] " : "") + text::escape(progress.name);
    const std::string share = "  " + percent_text(progress);
    const std::string_view ellipsis = style.utf8 ? "…" : "...";
    const std::size_t name_columns = std::min(width(name), std::max(name_columns_min, columns / 3));
    const std::size_t head = name_columns + width(share);
    constexpr std::size_t bar_frame = 3;  // a blank and the two ends
    std::vector<Field> fields = fields_of(progress);
    while (!fields.empty() && head + bar_frame + bar_cells_min + width(joined(fields)) > columns) {
        drop_least(fields);
    }
    const std::string tail = joined(fields);
    const std::size_t taken = head + bar_frame + width(tail);
    if (taken + bar_cells_min > columns) {
        const std::size_t left = columns > width(share) ? columns - width(share) : 0;
        return shorten(name, left, ellipsis) + std::string(fit_front(share, columns));
    }
    const std::size_t cells = std::min(columns - taken, bar_cells_max);
    return pad(shorten(name, name_columns, ellipsis), name_columns) + share + " " +
           bar(progress.done, progress.size, cells, style) + tail;
}

std::string progress_text(const peer::FetchProgress& progress) {
    return text::escape(progress.name) + "  " +
           std::to_string(percent(progress.done, progress.size)) + " %" +
           joined(fields_of(progress));
}

}  // namespace shoal::cli
