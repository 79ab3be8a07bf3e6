#!/bin/sh
# Build llama-cpp-python and llama.cpp's llama-quantize in /tmp/oracles/llama, as the tests of exports use them:
#
#     sh tests/oracles/llama_cpp.sh
#
# llama-cpp-python is on the index as source, with llama.cpp inside; a C++ compiler is needed. Some 20 minutes on two
# cores. Both are made in one build folder, so that what they share is compiled once.
set -eu
PLACE=/tmp/oracles/llama
VERSION=0.3.36
mkdir -p "$PLACE/bin"
cd "$PLACE"
[ -x venv/bin/python ] || python3 -m venv venv
PATH="$PLACE/venv/bin:$PATH"
export CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-2}" CMAKE_GENERATOR=Ninja
export CMAKE_ARGS="-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF -DLLAMA_BUILD_SERVER=OFF -DLLAMA_BUILD_TOOLS=OFF \
-DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TESTS=OFF"
python -m pip install -q "scikit-build-core[pyproject]" numpy typing-extensions diskcache jinja2 ninja cmake
[ -d "llama_cpp_python-$VERSION" ] || {
    python -m pip download -q --no-deps --no-binary :all: --no-build-isolation "llama-cpp-python==$VERSION"
    tar xf "llama_cpp_python-$VERSION.tar.gz"
}
python -m pip install --no-build-isolation --no-deps -C build-dir="$PLACE/build" "./llama_cpp_python-$VERSION"
cmake -S "llama_cpp_python-$VERSION" -B build -DLLAMA_BUILD_TOOLS=ON
cmake --build build --target llama-quantize
find build -name llama-quantize -type f -exec cp {} bin/ \;
