# What others build on: the header, the library, and two descriptions of it, one for CMake and one for
# pkg-config. Both find their files from where they themselves lie, so an installed tree may be moved.
include(CMakePackageConfigHelpers)

# The libraries that p2psync needs. A shared one brings them along, and its users need no package of theirs.
# Who links a static one names them. They are named as flags and not as modules of pkg-config: it would want
# the package files of all of them even for --cflags, and with --static it would go on to what libzmq names
# for itself, of which Debian 12 has no static libraries. So --static makes no difference here.
set(required_libs "")
if(NOT BUILD_SHARED_LIBS)
  set(required_modules libczmq libzmq msgpack lmdb libsodium libzstd)
  list(JOIN required_modules " " module_list)
  pkg_check_modules(P2PSYNC_REQUIRED REQUIRED QUIET IMPORTED_TARGET ${required_modules})
  find_package(Threads REQUIRED)
  target_link_libraries(p2psync PRIVATE PkgConfig::P2PSYNC_REQUIRED Threads::Threads)
  list(JOIN P2PSYNC_REQUIRED_LDFLAGS " " required_libs)
  string(PREPEND required_libs " ")
  string(APPEND required_libs " -pthread")
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/p2psync)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/p2psyncConfig.cmake.in
  ${PROJECT_BINARY_DIR}/p2psyncConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/p2psyncConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)

set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
file(RELATIVE_PATH prefix_from_pc /${pkgconfig_dir} /)
string(REGEX REPLACE "/$" "" prefix_from_pc ${prefix_from_pc})
configure_file(${PROJECT_SOURCE_DIR}/cmake/p2psync.pc.in ${PROJECT_BINARY_DIR}/p2psync.pc @ONLY)

install(TARGETS p2psync EXPORT p2psyncTargets FILE_SET HEADERS)
install(EXPORT p2psyncTargets NAMESPACE p2psync:: DESTINATION ${package_dir})
install(FILES ${PROJECT_BINARY_DIR}/p2psyncConfig.cmake
  ${PROJECT_BINARY_DIR}/p2psyncConfigVersion.cmake DESTINATION ${package_dir})
install(FILES ${PROJECT_BINARY_DIR}/p2psync.pc DESTINATION ${pkgconfig_dir})
