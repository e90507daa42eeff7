#include "gateway/json/dispatcher.hpp"

#include <algorithm>
#include <array>

#include "shoal/base/text.hpp"

namespace shoal::gateway::json {
namespace {

struct Row {
    std::string_view type;
    unsigned required;  // bits of Field
    unsigned optional;
    bool writes;
    JobPtr (*make)(Order&& order);
};

constexpr unsigned endpoint = bit(Field::rel_endpoint);
constexpr std::array rows{
    Row{"GET", endpoint, bit(Field::range) | bit(Field::in_line), false, make_get},
    Row{"CMP", endpoint | bit(Field::hash), bit(Field::meta_data), false, make_cmp},
    Row{"PUSH", endpoint, bit(Field::content) | bit(Field::hash) | bit(Field::meta_data), true,
        make_push},
    Row{"DELETE", endpoint, 0, true, make_delete},
    Row{"FETCH", endpoint,
        bit(Field::hash) | bit(Field::size) | bit(Field::hosts) | bit(Field::timeout) |
            bit(Field::wait),
        true, make_fetch},
    Row{"LIST", 0, bit(Field::folder) | bit(Field::after) | bit(Field::limit), false, make_list},
    Row{"SEARCH", bit(Field::name),
        bit(Field::match) | bit(Field::extensions) | bit(Field::size_min) | bit(Field::size_max) |
            bit(Field::ttl) | bit(Field::timeout) | bit(Field::limit),
        false, make_search},
    Row{"STATUS", 0, 0, false, make_status},
    Row{"PING", 0, 0, false, make_ping},
};

std::string types() {
    std::string list;
    for (const Row& row : rows) {
        list += (list.empty() ? "" : ", ") + std::string(row.type);
    }
    return list;
}

// The lowest field of that set, for a message.
std::string named(unsigned fields) {
    unsigned index = 0;
    while ((fields >> index & 1U) == 0) {
        ++index;
    }
    return "'" + std::string(field_name(static_cast<Field>(index))) + "'";
}

// What keeps a request from being done, if anything.
std::optional<Resolution> objection(const Row& row, const Request& request, const Rights& rights) {
    const std::string type(row.type);
    if (const unsigned missing = row.required & ~request.fields; missing != 0) {
        return Resolution::of(Code::bad_request, type + " needs " + named(missing) + " in 'body'");
    }
    if (const unsigned odd = request.fields & ~(row.required | row.optional); odd != 0) {
        return Resolution::of(Code::bad_request, type + " does not take " + named(odd));
    }
    if (request.content_length > 0 && row.make != make_push) {
        return Resolution::of(Code::bad_request, type + " takes no content");
    }
    if (row.writes && !rights.write) {
        return Resolution::of(Code::read_only,
                              "this gateway is read-only: it was started without --json-write");
    }
    const auto& name = request.body.rel_endpoint;
    if (name && !rights.allows(*name)) {
        return Resolution::of(Code::not_allowed,
                              "names with this ending are not allowed here (--json-allow)");
    }
    return std::nullopt;
}

}  // namespace

JobPtr dispatch(Order order) {
    const Request& request = order.request;
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [&](const Row& one) { return one.type == request.type; });
    if (row == rows.end()) {
        return make_answer(Resolution::of(
            Code::unknown_type,
            "unknown request_type '" + text::escape(request.type) + "'; known are " + types()));
    }
    if (auto refused = objection(*row, request, order.shared.rights)) {
        return make_answer(std::move(*refused));
    }
    return row->make(std::move(order));
}

}  // namespace shoal::gateway::json
