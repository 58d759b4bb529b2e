/* The recovery code of a mesh: drawn before the mesh is made, taken as it was typed, and known
 * again ever after. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

#include "nodes.h"

static char code[64];
static p2psync_node *node;

static void draw(char out[static sizeof code])
{
    struct p2psync_buffer drawn = {0};
    cr_assert_eq(p2psync_recovery_draw(&drawn), P2PSYNC_OK);
    cr_assert_eq(drawn.size, 44);
    memcpy(out, drawn.data, drawn.size + 1);
    cr_assert_eq(out[44], '\0');
    p2psync_buffer_free(&drawn);
}

static void setup(void)
{
    nodes_dir(nodes_dirs[0]);
    node = nodes_open(nodes_dirs[0], NULL);
    draw(code);
}

static void teardown(void)
{
    p2psync_close(node);
    nodes_remove(nodes_dirs[0]);
}

TestSuite(api_recovery, .init = setup, .fini = teardown);

static void assert_checks(const char *typed, p2psync_result expected, const char *words)
{
    struct p2psync_detail detail = {.size = sizeof detail};
    cr_assert_eq(p2psync_recovery_check(node, typed, &detail), expected, "%s", detail.text);
    cr_assert_not_null(strstr(detail.text, words), "%s", detail.text);
}

Test(api_recovery, a_mesh_knows_its_own_code)
{
    char typed[64];
    char other[64];
    assert_checks(code, P2PSYNC_ENODEVICE, "");
    cr_assert_eq(p2psync_init(node, "kitchen", code, NULL), P2PSYNC_OK);
    assert_checks(code, P2PSYNC_OK, "");
    for (size_t i = 0; i < sizeof typed; i++) {
        typed[i] = (char)(code[i] == '-' ? ' ' : tolower((unsigned char)code[i]));
    }
    assert_checks(typed, P2PSYNC_OK, "");
    typed[43] = typed[43] == '7' ? '8' : '7';
    assert_checks(typed, P2PSYNC_EFORMAT, "compare each group");
    draw(other);
    cr_assert_str_neq(code, other, "each is drawn anew");
    assert_checks(other, P2PSYNC_EDENIED, "another mesh");
    cr_assert_eq(p2psync_init(node, "kitchen", other, NULL), P2PSYNC_EEXIST);
    assert_checks(code, P2PSYNC_OK, "");
    p2psync_close(node);
    node = nodes_open(nodes_dirs[0], NULL);
    assert_checks(code, P2PSYNC_OK, "");
}

Test(api_recovery, a_mesh_made_without_has_none)
{
    cr_assert_eq(p2psync_init(node, "kitchen", NULL, NULL), P2PSYNC_OK);
    assert_checks(code, P2PSYNC_EDENIED, "made without");
}

static p2psync_result recover(const char *typed, const char *removed, struct p2psync_buffer *out)
{
    const char *const lists[] = {removed};
    const struct p2psync_recover wish = {
        .size = sizeof wish, .code = typed, .remove = lists, .remove_count = 1};
    return p2psync_recover(node, &wish, out, NULL);
}

Test(api_recovery, code_removes_the_founder_itself)
{
    struct p2psync_buffer out = {0};
    char other[64];
    cr_assert_eq(recover(code, "kitchen", &out), P2PSYNC_ENODEVICE);
    cr_assert_eq(p2psync_init(node, "kitchen", code, NULL), P2PSYNC_OK);
    draw(other);
    cr_assert_eq(recover(other, "kitchen", &out), P2PSYNC_EDENIED);
    cr_assert_eq(recover("P2R1", "kitchen", &out), P2PSYNC_EFORMAT);
    cr_assert_eq(recover(code, "cellar", &out), P2PSYNC_ENOTFOUND);
    cr_assert_null(out.data);
    cr_assert_eq(recover(code, "kitchen", &out), P2PSYNC_OK);
    struct p2psync_walk walk = {.size = sizeof walk,
                                .value = (struct p2psync_bytes){out.data, out.size}};
    struct p2psync_bytes device;
    cr_assert_eq(p2psync_walk_next(&walk, NULL, &device), P2PSYNC_OK);
    cr_assert(p2psync_map_bool(device, "removed"));
    cr_assert_eq(memcmp(p2psync_map_text(device, "role_before").data, "founder", 7), 0);
    p2psync_buffer_free(&out);
}

Test(api_recovery, what_is_no_code_makes_no_device)
{
    struct p2psync_detail detail = {.size = sizeof detail};
    struct p2psync_buffer identity = {0};
    code[20] = '\0';
    cr_assert_eq(p2psync_init(node, "kitchen", code, &detail), P2PSYNC_EFORMAT);
    cr_assert_not_null(strstr(detail.text, "too short"), "%s", detail.text);
    cr_assert_eq(p2psync_init(node, "kitchen", "", &detail), P2PSYNC_EFORMAT);
    cr_assert_eq(p2psync_identity(node, &identity), P2PSYNC_ENODEVICE);
}

Test(api_recovery, misuse_is_refused)
{
    struct p2psync_detail small = {.size = 1};
    cr_expect_eq(p2psync_recovery_draw(NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_recovery_check(NULL, code, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_recovery_check(node, NULL, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_recovery_check(node, code, &small), P2PSYNC_EMISUSE);
    const char *const lists[] = {"kitchen", NULL};
    struct p2psync_recover wish = {.size = sizeof wish, .code = code};
    struct p2psync_buffer out = {0};
    cr_expect_eq(p2psync_recover(NULL, &wish, &out, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_recover(node, NULL, &out, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_recover(node, &wish, NULL, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_recover(node, &wish, &out, &small), P2PSYNC_EMISUSE);
    wish.remove_count = 1;
    cr_expect_eq(p2psync_recover(node, &wish, &out, NULL), P2PSYNC_EMISUSE, "no list");
    wish.remove = lists;
    wish.remove_count = 2;
    cr_expect_eq(p2psync_recover(node, &wish, &out, NULL), P2PSYNC_EMISUSE, "no name");
    wish.size = 8;
    cr_expect_eq(p2psync_recover(node, &wish, &out, NULL), P2PSYNC_EMISUSE, "too short");
}
