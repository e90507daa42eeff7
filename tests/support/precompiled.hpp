// As src/precompiled.hpp, for the tests: what most of them include, compiled once.
#pragma once

#include <catch2/catch.hpp>

#include "../../src/precompiled.hpp"
