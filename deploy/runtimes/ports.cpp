#include "runtimes/runtime.h"

namespace simplebase {

size_t size_in_bytes(const Port& port) {
  size_t size = port.type == ElementType::kFloat32 ? 4 : port.type == ElementType::kFloat16 ? 2 : 1;
  for (const int side : port.shape) size *= static_cast<size_t>(side);
  return size;
}

}  // namespace simplebase
