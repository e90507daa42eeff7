// The dispatcher: which job a request type is, what its body may hold, and whether this gateway
// lets it. One table; docs/json-api.md says the same.
#pragma once

#include "gateway/json/jobs.hpp"

namespace shoal::gateway::json {

// Always a job: what is not to be done answers why.
JobPtr dispatch(Order order);

}  // namespace shoal::gateway::json
