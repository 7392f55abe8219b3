# The Python packages whose libraries the declarations in runtimes/declarations fit. A package brings no
# headers, so the compiler cannot see that another version lays its structures out differently.
#
# NAME_FROM is the oldest version that the declarations were checked against, NAME_BELOW the first one
# that they were not. pyproject.toml asks for no others.
set(litert_package ai-edge-litert)
set(litert_FROM 2.1.6)
set(litert_BELOW 2.4)
set(mnn_package MNN)
set(mnn_FROM 3.6)
set(mnn_BELOW 3.7)
set(onnx_package onnxruntime)
set(onnx_FROM 1.20)
set(onnx_BELOW 2)

# require_version(NAME VERSION OPTION): ends the configuration if VERSION is not in the range of NAME;
# OPTION names the variable that points to the vendor's own headers.
function(require_version name version option)
  if(version VERSION_GREATER_EQUAL ${name}_FROM AND version VERSION_LESS ${name}_BELOW)
    return()
  endif()
  set(package ${${name}_package})
  set(range ">=${${name}_FROM},<${${name}_BELOW}")
  message(FATAL_ERROR "${package} ${version} in ${packages} does not fit: the declarations of this "
                      "demo were checked against ${package} ${range}. Install one of these versions "
                      "(pip install '${package}${range}'), name a folder that has one by -DWHEELS=, "
                      "or give the library with its own headers by -D${option}=.")
endfunction()

# package_version(NAME OUTPUT): the version of the package in the folder `packages`, as its metadata has it.
function(package_version name output)
  string(REPLACE - _ package ${${name}_package})
  string(TOLOWER ${package} package)
  file(GLOB folders LIST_DIRECTORIES true ${packages}/*.dist-info)
  set(versions "")
  foreach(folder IN LISTS folders)
    get_filename_component(folder ${folder} NAME)
    string(TOLOWER ${folder} folder)
    if(folder MATCHES "^${package}-([^-]+)\\.dist-info$")
      list(APPEND versions ${CMAKE_MATCH_1})
    endif()
  endforeach()
  list(LENGTH versions count)
  if(NOT count EQUAL 1)
    list(JOIN versions ", " versions)
    message(FATAL_ERROR "${packages} must hold one ${package}-VERSION.dist-info, which tells the version "
                        "of ${${name}_package}; found ${count} (${versions}). Unpack the whole package "
                        "into an empty folder.")
  endif()
  set(${output} ${versions} PARENT_SCOPE)
endfunction()

# library_version(FILE OUTPUT): what follows `.so.` in the name of a library.
function(library_version file output)
  string(REGEX REPLACE ".*\\.so\\." "" version ${file})
  set(${output} ${version} PARENT_SCOPE)
endfunction()
