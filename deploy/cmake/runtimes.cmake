# Finds the libraries of the runtimes: runtime::litert, runtime::mnn and runtime::onnx. First where the
# user says, with the vendor's headers; else in the installed Python package, with the declarations of
# ours in runtimes/declarations. `cmake --install` puts them beside the programs.

include(${CMAKE_CURRENT_LIST_DIR}/wheels.cmake)
find_package(Python3 COMPONENTS Interpreter QUIET)
set(declarations ${CMAKE_CURRENT_SOURCE_DIR}/runtimes/declarations)

# The folder of Python's packages, where the wheels lie.
if(WHEELS)
  set(packages ${WHEELS})
elseif(Python3_FOUND AND NOT CMAKE_CROSSCOMPILING)
  execute_process(COMMAND ${Python3_EXECUTABLE} -c
                          "import sysconfig; print(sysconfig.get_paths()['platlib'])"
                  OUTPUT_VARIABLE packages OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
message(STATUS "Python packages: ${packages}")

function(add_runtime name library)
  add_library(runtime::${name} SHARED IMPORTED GLOBAL)
  set_target_properties(runtime::${name} PROPERTIES IMPORTED_LOCATION ${library})
  file(REAL_PATH ${library} file)
  get_filename_component(file_name ${library} NAME)
  install(PROGRAMS ${file} DESTINATION . RENAME ${file_name})
  message(STATUS "${name}: ${file}")
endfunction()

# Under its SONAME, which the wheel's file does not have, in the build's own folder.
function(link_as library name result)
  file(CREATE_LINK ${library} ${CMAKE_BINARY_DIR}/${name} SYMBOLIC)
  set(${result} ${CMAKE_BINARY_DIR}/${name} PARENT_SCOPE)
endfunction()

# LiteRT
if(LITERT_DIR)
  find_library(litert_library LiteRt PATHS ${LITERT_DIR} PATH_SUFFIXES lib NO_DEFAULT_PATH
               NO_CMAKE_FIND_ROOT_PATH REQUIRED)
  find_path(litert_headers litert/c/litert_compiled_model.h PATHS ${LITERT_DIR}
            PATH_SUFFIXES include NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH REQUIRED)
  add_runtime(litert ${litert_library})
  target_include_directories(runtime::litert INTERFACE ${litert_headers})
  target_compile_definitions(runtime::litert INTERFACE LITERT_OWN_HEADERS)
elseif(EXISTS ${packages}/ai_edge_litert/libLiteRt.so)
  package_version(litert version)
  require_version(litert ${version} LITERT_DIR)
  add_runtime(litert ${packages}/ai_edge_litert/libLiteRt.so)
endif()

# MNN
if(MNN_ROOT)
  find_library(mnn_library MNN PATHS ${MNN_ROOT} PATH_SUFFIXES lib build NO_DEFAULT_PATH
               NO_CMAKE_FIND_ROOT_PATH REQUIRED)
  add_runtime(mnn ${mnn_library})
  target_include_directories(runtime::mnn INTERFACE ${MNN_ROOT}/include)
else()
  file(GLOB mnn_wheel ${packages}/_mnncengine*.so)
  if(mnn_wheel)
    package_version(mnn version)
    require_version(mnn ${version} MNN_ROOT)
    # It is an extension module of Python: it has no SONAME, looks for its own libraries in mnn.libs
    # beside it, and wants symbols of Python, which none of its code that we call uses. Stand-ins
    # make the program run where there is no Python, or another one.
    link_as(${mnn_wheel} libMNNwheel.so mnn_library)
    link_as(${packages}/mnn.libs mnn.libs mnn_libraries)
    execute_process(COMMAND ${CMAKE_NM} -D --undefined-only ${mnn_wheel}
                    OUTPUT_VARIABLE wanted COMMAND_ERROR_IS_FATAL ANY)
    string(REGEX MATCHALL "U _?Py[A-Za-z0-9_]+" wanted "${wanted}")
    list(TRANSFORM wanted REPLACE "U ([A-Za-z0-9_]+)" "\\1[1024]")
    list(JOIN wanted ",\n  " wanted)
    file(CONFIGURE OUTPUT python_symbols.cpp CONTENT "extern \"C\" {\nchar\n  @wanted@;\n}\n" @ONLY)
    add_library(python_symbols SHARED ${CMAKE_CURRENT_BINARY_DIR}/python_symbols.cpp)
    install(TARGETS python_symbols DESTINATION .)
    install(DIRECTORY ${packages}/mnn.libs DESTINATION . USE_SOURCE_PERMISSIONS)
    add_runtime(mnn ${mnn_library})
    set_target_properties(runtime::mnn PROPERTIES IMPORTED_NO_SONAME ON)
    target_include_directories(runtime::mnn INTERFACE ${declarations})
    target_link_libraries(runtime::mnn INTERFACE -Wl,--no-as-needed python_symbols)
  endif()
endif()

# ONNX Runtime
if(ORT_ROOT)
  find_library(onnx_library onnxruntime PATHS ${ORT_ROOT} PATH_SUFFIXES lib NO_DEFAULT_PATH
               NO_CMAKE_FIND_ROOT_PATH REQUIRED)
  find_path(onnx_headers onnxruntime_c_api.h PATHS ${ORT_ROOT} PATH_SUFFIXES include
            include/onnxruntime NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH REQUIRED)
  add_runtime(onnx ${onnx_library})
  target_include_directories(runtime::onnx INTERFACE ${onnx_headers})
else()
  file(GLOB onnx_wheel ${packages}/onnxruntime/capi/libonnxruntime.so.*)
  if(onnx_wheel)
    # Its version is in the file's name, also in packages of other names, such as onnxruntime-gpu.
    library_version(${onnx_wheel} version)
    require_version(onnx ${version} ORT_ROOT)
    link_as(${onnx_wheel} libonnxruntime.so.1 onnx_library)
    add_runtime(onnx ${onnx_library})
    target_include_directories(runtime::onnx INTERFACE ${declarations}/onnxruntime)
  endif()
endif()
