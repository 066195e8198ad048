#include "cli/program.h"

int main(int argc, char** argv) { return quench::command::run_program(argc, argv); }
