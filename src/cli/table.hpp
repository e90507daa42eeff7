// Table: columns as wide as their widest cell, two blanks apart.
#pragma once

#include <string>
#include <vector>

namespace shoal::cli {

enum class Align { left, right };

// `rows` hold one cell for each of `aligns`; the last column is not padded.
std::string table(const std::vector<Align>& aligns,
                  const std::vector<std::vector<std::string>>& rows);

}  // namespace shoal::cli
