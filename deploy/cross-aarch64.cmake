# Toolchain file for 64-bit ARM under Linux, with Debian's cross compiler:
#
#   apt-get install g++-aarch64-linux-gnu
#   dpkg --add-architecture arm64 && apt-get update
#   apt-get install libjpeg62-turbo-dev:arm64 libpng-dev:arm64 nlohmann-json3-dev
#   cmake -S deploy -B build-aarch64 -DCMAKE_TOOLCHAIN_FILE=deploy/cross-aarch64.cmake -DWHEELS=FOLDER
#
# FOLDER holds the unpacked aarch64 packages; test_aarch64.sh fetches them.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
# What the runtimes' libraries need beyond the C library is on the board.
set(CMAKE_EXE_LINKER_FLAGS_INIT -Wl,--allow-shlib-undefined)
