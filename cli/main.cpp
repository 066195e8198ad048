#include "cli/program.h"

int main(int argc, char** argv) { return quench::cli::run_program(argc, argv); }
