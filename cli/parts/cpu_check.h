#pragma once

namespace quench::cli {

/// Ends the program with a message if this CPU lacks an instruction set that the build uses
/// everywhere (meson option march). It also runs before main() and before constructors of global
/// objects, which may already use such instructions. A program must call it so that the linker
/// keeps it. Instruction sets that the kernels of deploy/ select at run time are not checked.
void require_cpu();

}  // namespace quench::cli
