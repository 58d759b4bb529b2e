# ps_room(AREA ROOM SOURCE...): one room of an area (the store, the node) as an object library of its own,
# called ps_ROOM. AREA, an interface library that the area's CMakeLists.txt has made, takes the objects of
# its rooms along to whoever links it.
function(ps_room area room)
  add_library(ps_${room} OBJECT ${ARGN})
  target_link_libraries(ps_${room} PUBLIC ps_warnings)
  target_sources(${area} INTERFACE $<TARGET_OBJECTS:ps_${room}>)
endfunction()
