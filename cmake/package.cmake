# What others build on: the header, the library, and two descriptions of it, one for CMake and one for
# pkg-config. Both find their files from where they themselves lie, so an installed tree may be moved.
include(CMakePackageConfigHelpers)

# The libraries that a static p2psync is linked with; a shared one brings them along.
set(required_modules libczmq libzmq msgpack lmdb libsodium libzstd jansson)
list(JOIN required_modules " " module_list)
if(BUILD_SHARED_LIBS)
  set(requires "Requires.private: ${module_list}")
else()
  # Not Requires.private: "pkg-config --static libzmq" names libraries that Debian 12 does not have.
  set(requires "Requires: ${module_list}")
  pkg_check_modules(P2PSYNC_REQUIRED REQUIRED QUIET IMPORTED_TARGET ${required_modules})
  find_package(Threads REQUIRED)
  target_link_libraries(p2psync PRIVATE PkgConfig::P2PSYNC_REQUIRED Threads::Threads)
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
