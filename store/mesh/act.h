/* What changes of `_devices` say of roles: wire/PROTOCOL.md, section 13. */
#ifndef PS_STORE_MESH_ACT_H
#define PS_STORE_MESH_ACT_H

#include "wire/change.h"

/* A lower number ranks higher. Format: roles are written by name; the order decides. */
typedef enum ps_role {
    PS_ROLE_RECOVERY, /* the key that belongs to the mesh and to no device */
    PS_ROLE_FOUNDER,
    PS_ROLE_ADMIN,
    PS_ROLE_WRITER,
    PS_ROLE_READER,
    PS_ROLE_NONE, /* of one collection only */
} ps_role;

typedef enum ps_act_kind {
    PS_ACT_ROLE,    /* the subject has a role */
    PS_ACT_REMOVED, /* the subject is removed; by itself: retired */
    PS_ACT_REPORT,  /* how far the author has settled the subject's logs */
} ps_act_kind;

#endif
