#pragma once

namespace quench::command {

/// Ends the program with a message if this CPU lacks an instruction set that the build uses throughout
/// (meson option march). It runs before main() too, and before the constructors of global objects, which
/// use such instructions already; a program has to call it for the linker to keep it. What the kernels
/// of deploy/ choose when they run is not checked.
void require_cpu();

}  // namespace quench::command
